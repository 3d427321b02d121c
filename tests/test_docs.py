"""The documents say what there is: every route, setting, state, command and study field."""

import re
from pathlib import Path

import pytest
import typer.main
from fastapi.routing import APIRoute, iter_route_contexts

from mixtures.proxy import Proxy
from mixtures.space import Space
from mixtures.study import StudySpec
from mixtures.trial import TrialState
from mixtures.value import Value
from service.app import create_app
from service.cli import app as cli
from service.settings import Settings
from tests.service.pretend_runner import PretendRunner
from tests.service.thread_pool import ThreadPool

ROOT = Path(__file__).resolve().parent.parent
API = (ROOT / "docs" / "api.md").read_text(encoding="utf-8")
SETTINGS = (ROOT / "docs" / "settings.md").read_text(encoding="utf-8")
README = (ROOT / "README.md").read_text(encoding="utf-8")
DOCUMENTS = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").rglob("*.md"))]
# Which stand for files of the reader's.
NAMES_TO_FILL_IN = {"studies/NAME.yaml", "studies/my-study.yaml", "docs/studies/NAME.md"}


def api_routes() -> list[tuple[str, str]]:
    app = create_app(Settings(), ThreadPool(runner=PretendRunner()))
    schema = app.openapi()
    return sorted(
        (method.upper(), path) for path, methods in schema["paths"].items() for method in methods
    )


def test_every_route_of_the_api_is_documented_and_no_other() -> None:
    documented = set(re.findall(r"^\| `(GET|POST|PUT|PATCH|DELETE) (\S+)`", API, re.MULTILINE))
    assert documented == set(api_routes())


def test_every_operation_has_an_id_of_its_own() -> None:
    app = create_app(Settings(), ThreadPool(runner=PretendRunner()))
    ids = [
        route.operation_id
        for route in iter_route_contexts(app.routes)
        if isinstance(route.original_route, APIRoute) and route.include_in_schema
    ]
    assert len(ids) > 20
    assert None not in ids
    assert len(set(ids)) == len(ids)


def test_every_setting_is_documented_with_its_default() -> None:
    for name, field in Settings.model_fields.items():
        alias = field.validation_alias
        variable = alias if isinstance(alias, str) else f"DECAYMIX_{name.upper()}"
        row = re.search(rf"^\| `{variable}` \|.*\| (.*) \|$", SETTINGS, re.MULTILINE)
        assert row, f"{variable} is not in docs/settings.md"
        if isinstance(field.default, int | str):
            assert f"`{field.default}`" == row.group(1), variable


@pytest.mark.parametrize("state", list(TrialState))
def test_every_trial_state_is_documented(state: TrialState) -> None:
    assert re.search(rf"^\| `{state.value}` \|", API, re.MULTILINE)


@pytest.mark.parametrize(
    ("heading", "value"), [("A study", StudySpec), ("A proxy", Proxy), ("A space", Space)]
)
def test_every_field_of_a_study_is_documented(heading: str, value: type[Value]) -> None:
    section = API.split(f"## {heading}\n")[1].split("\n## ")[0]
    first_cells = " ".join(re.findall(r"^\| (.*?) \|", section, re.MULTILINE))
    documented = set(re.findall(r"`(\w+)`", first_cells))
    assert documented == set(value.model_fields)


def test_every_command_is_named_in_the_readme() -> None:
    commands = typer.main.get_command(cli).commands  # type: ignore[attr-defined]
    for name in commands:
        assert re.search(rf"\b{name}\b", README), f"the command {name} is not in README.md"


def test_every_link_between_the_documents_leads_somewhere() -> None:
    for document in DOCUMENTS:
        for target in re.findall(r"\]\(([^)#]+)[^)]*\)", document.read_text(encoding="utf-8")):
            if not target.startswith(("http://", "https://")):
                assert (document.parent / target).exists(), f"{document.name} links {target}"


def test_no_path_of_a_machine_stands_in_the_documents() -> None:
    for document in DOCUMENTS:
        text = document.read_text(encoding="utf-8")
        assert not re.search(r"(?<![\w.:/])/(?:home|root|work|Users)/", text), document.name


def anchors(document: Path) -> set[str]:
    """Of its headings, as GitHub makes them."""
    text = re.sub(r"^```.*?^```", "", document.read_text(encoding="utf-8"), flags=re.M | re.S)
    return {
        re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-")
        for title in re.findall(r"^#+ (.*)$", text, re.MULTILINE)
    }


def test_every_link_to_a_heading_finds_it() -> None:
    for document in DOCUMENTS:
        for path, anchor in re.findall(r"\]\(([^):#]*)#([^)]+)\)", document.read_text("utf-8")):
            target = document.parent / path if path else document
            assert anchor in anchors(target), f"{document.name} links {path}#{anchor}"


def test_every_file_that_the_documents_name_is_there() -> None:
    folder = r"(?:bench|db|decaymix|deploy|docs|examples|mixtures|service|studies|tests|workers)"
    for document in DOCUMENTS:
        text = document.read_text(encoding="utf-8")
        for name in re.findall(rf"(?<![\w/]){folder}/[\w./-]+\.(?:py|md|yaml|json|csv)\b", text):
            is_there = (ROOT / name).is_file() or (document.parent / name).is_file()
            assert is_there or name in NAMES_TO_FILL_IN, f"{document.name} names {name}"


def test_every_command_that_the_documents_name_is_there_with_its_options() -> None:
    commands = typer.main.get_command(cli)
    for document in DOCUMENTS:
        text = document.read_text(encoding="utf-8").replace("\\\n", " ")
        for line in re.findall(r"(?:\./run\s+|`)decaymix ([^`\n|]+)", text):
            words = line.split()
            found = commands
            while hasattr(found, "commands") and words and re.fullmatch(r"[a-z][a-z-]*", words[0]):
                assert words[0] in found.commands, f"{document.name}: decaymix {line}"
                found = found.commands[words.pop(0)]
            options = {option for one in found.params for option in one.opts} | {"--help"}
            for word in words:
                named = re.match(r"\[?(--[a-z-]+)", word)
                assert named is None or named[1] in options, f"{document.name}: decaymix {line}"


def test_every_route_that_the_documents_name_is_there() -> None:
    routes = [(method, re.sub(r"\{\w+\}", "[^/]+", path)) for method, path in api_routes()]
    for document in DOCUMENTS:
        text = document.read_text(encoding="utf-8")
        for method, path in re.findall(r"`(GET|POST|PUT|PATCH|DELETE) (/v1/[^`?\s]*)", text):
            assert any(method == own and re.fullmatch(route, path) for own, route in routes), (
                f"{document.name} names {method} {path}"
            )


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_rows_of_a_table_have_as_many_cells_as_its_head(document: Path) -> None:
    """A row with more loses its last cells where the page is shown."""
    blocks = re.findall(r"(?:^\|.*\n)+", document.read_text(encoding="utf-8"), re.MULTILINE)
    for block in blocks:
        head, *rows = [len(re.findall(r"(?<!\\)\|", row)) for row in block.splitlines()]
        assert [row for row in rows if row != head] == [], block
