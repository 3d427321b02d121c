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
    for document in [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]:
        for target in re.findall(r"\]\(([^)#]+)[^)]*\)", document.read_text(encoding="utf-8")):
            if not target.startswith(("http://", "https://")):
                assert (document.parent / target).exists(), f"{document.name} links {target}"


def test_no_path_of_a_machine_stands_in_the_documents() -> None:
    for document in [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]:
        text = document.read_text(encoding="utf-8")
        assert not re.search(r"(?<![\w.:/])/(?:home|root|work|Users)/", text), document.name
