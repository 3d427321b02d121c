"""`./run decaymix report`: a study's report as a folder of files to publish.

NAME.md, its figures as NAME-*.svg and NAME.csv, the table of all trials, which `submit
--resume-from` and `fit` take. Where no file of a study makes this one, NAME.yaml is written too, so
that the commands of the report can always be run.
"""

import json as json_module
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
import yaml

from service.connection import Study, client
from service.terminal import BAD_INPUT, FAILED, Json, fail, print_json

if TYPE_CHECKING:
    from mixtures.study import StudySpec

# The ready studies, and what they are run with where a file alone is another study.
_READY = Path("studies")
_PROXIES = ("nano", "micro", "tiny", "1.2b")


def report(
    study: Study,
    output: Annotated[Path, typer.Option(help="the folder that is written to")] = Path("."),
    claim: Annotated[
        list[str] | None,
        typer.Option(
            help="a claim in YAML, `{kind: best_share_in, low: 0.6, high: 0.69, words: ...}`, in "
            "the place of the study's own; may repeat"
        ),
    ] = None,
    file: Annotated[
        Path | None, typer.Option(help="the study's file, for its commands; else that in studies")
    ] = None,
    json: Json = False,
) -> None:
    """A study's report: question, verdict, evidence, cost and how to run it again."""
    # Imported here: statistics and figures take half a second, other commands need none of them.
    from service.report.markdown import FIGURE_NAMES, report_markdown
    from service.report.study_report import StudyReport

    claims = [_claim_json(text) for text in claim or []]
    with client() as connected:
        study_id = connected.study_id(study)
        found = connected.report(study_id, claims)
        if json:
            print_json(found)
            return
        trials = connected.trials_csv(study_id)
        spec_yaml = connected.study_yaml(study_id)
    read = StudyReport.model_validate(found)
    name = read.spec.name
    files = {f"{name}-{one.name}.svg": one.svg for one in read.figures}
    files[f"{name}.csv"] = trials
    submit = _submit_command(read.spec, file)
    if submit is None:
        files[f"{name}.yaml"] = spec_yaml
        submit = f"./run decaymix submit {_typed(output / f'{name}.yaml')}"
    commands = [
        "DECAYMIX_DATA_ROOTS=DATA ./run serve",
        submit,
        f"./run decaymix watch {name}",
        " ".join(["./run decaymix report", name, "--output", _typed(output), *_again(claim)]),
    ]
    files[f"{name}.md"] = report_markdown(read, commands)
    _write(output, files, {f"{name}-{one}.svg" for one in FIGURE_NAMES})
    for verdict in read.verdicts:
        print(f"{verdict.verdict}: {verdict.claim.words}")
    print(output / f"{name}.md")


def _claim_json(text: str) -> str:
    try:
        found = yaml.safe_load(text)
    except yaml.YAMLError as error:
        fail(f"--claim {text}: no YAML: {error}", BAD_INPUT)
    if not isinstance(found, dict):
        fail(f"--claim {text}: expected a mapping, {{kind: ..., words: ...}}", BAD_INPUT)
    return json_module.dumps(found)


def _submit_command(spec: "StudySpec", file: Path | None) -> str | None:
    """What submits this very study out of a file; None where nothing does."""
    tried: list[tuple[Path, str | None]] = [(file or _READY / f"{spec.name}.yaml", None)]
    for proxy in _PROXIES:
        if spec.name.endswith(f"-{proxy}"):
            tried.append((file or _READY / f"{spec.name.removesuffix(f'-{proxy}')}.yaml", proxy))
    for path, preset in tried:
        if _makes(path, preset, spec):
            return f"./run decaymix submit {_typed(path)}" + (
                f" --proxy {preset}" if preset else ""
            )
    return None


def _makes(path: Path, proxy: str | None, spec: "StudySpec") -> bool:
    from pydantic import ValidationError

    from mixtures.study import StudySpec
    from mixtures.value import InvalidField
    from service.at_proxy import at_proxy
    from service.errors import BadInput

    try:
        text = path.read_text(encoding="utf-8")
        text = text if proxy is None else at_proxy(text, "yaml", proxy)
        found = StudySpec.model_validate(yaml.safe_load(text))
    except (OSError, UnicodeDecodeError, yaml.YAMLError, ValidationError, InvalidField, BadInput):
        return False
    return found.identity() == spec.identity()


def _again(claims: list[str] | None) -> list[str]:
    return [f"--claim {shlex.quote(one)}" for one in claims or []]


def _typed(path: Path) -> str:
    """As somebody else types it: relative where it lies in the folder that the command ran in."""
    here = Path.cwd()
    return shlex.quote(str(path.relative_to(here) if path.is_relative_to(here) else path))


def _write(folder: Path, files: dict[str, str], stale: set[str]) -> None:
    """`stale` are files of an earlier report that this one may not have."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name in stale - files.keys():
            (folder / name).unlink(missing_ok=True)
        for name, text in files.items():
            (folder / name).write_text(text, encoding="utf-8")
    except OSError as error:
        fail(f"cannot write {folder}: {error.strerror}", FAILED)
