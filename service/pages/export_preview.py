"""The file of a format as the page shows it, with the options that its form has."""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import get_args
from urllib.parse import urlencode

from db.studies import StoredStudy
from mixtures.export.formats import FORMATS, NotEnoughEvidence
from mixtures.export.trainer_format import ExportOptions, TrainerFormat, Unit
from mixtures.recommendation import Recommendation
from service.errors import BadInput
from service.routes.exports import export_file
from service.state import Controller

_PATH, _TOKENS = "path.", "tokens."


@dataclass(frozen=True, kw_only=True, slots=True)
class ExportPreview:
    """`text` is empty where `problem` says why there is no file. `address` is the API's."""

    format: TrainerFormat
    counts: str
    force: bool
    paths: dict[str, str]
    tokens: dict[str, str]
    file_name: str
    text: str
    problem: str
    address: str
    needs_force: bool


def export_preview(
    controller: Controller,
    study: StoredStudy,
    recommendation: Recommendation,
    query: Iterable[tuple[str, str]],
) -> ExportPreview:
    """From the page's query: `format`, `counts`, `force`, `path.SOURCE` and `tokens.SOURCE`.

    An unknown format is the first. Never raises for what a user typed: `problem` says it.
    """
    given = {name: value.strip() for name, value in query if value.strip()}
    chosen = FORMATS.get(given.get("format", ""), FORMATS["yaml"])
    paths = {
        name.removeprefix(_PATH): value for name, value in given.items() if name.startswith(_PATH)
    }
    tokens = {
        name.removeprefix(_TOKENS): value
        for name, value in given.items()
        if name.startswith(_TOKENS)
    }
    # Fields of another format that the form carried along are not this one's.
    paths = paths if chosen.path_is else {}
    counts = given.get("counts", "") if given.get("counts") in chosen.counts else ""
    unit = counts or chosen.counts[0]
    tokens = tokens if unit == "documents" else {}
    force = given.get("force") == "true"
    name, text, problem = "", "", ""
    try:
        options = ExportOptions(
            paths={source: tuple(path.split()) for source, path in paths.items()},
            tokens_per_document={source: _number(source, one) for source, one in tokens.items()},
            counts=next((one for one in get_args(Unit) if one == counts), None),
        )
        made = export_file(controller, study, chosen.name, options, force)
        name, text = made.file_name, made.text
    except BadInput as error:
        problem = f"{error.field}: {error.message}"
    except NotEnoughEvidence as error:
        problem = str(error)
    return ExportPreview(
        format=chosen,
        counts=unit,
        force=force,
        paths=paths,
        tokens=tokens,
        file_name=name,
        text=text,
        problem=problem,
        address=_address(study.id, chosen.name, counts, force, paths, tokens),
        needs_force=not recommendation.enough_evidence,
    )


def _number(source: str, text: str) -> float:
    try:
        tokens = float(text)
    except ValueError:
        tokens = math.nan
    if not (math.isfinite(tokens) and tokens > 0):
        raise BadInput(f"tokens.{source}", text, "expected one number of tokens above 0")
    return tokens


def _address(
    study_id: str,
    format: str,
    counts: str,
    force: bool,
    paths: dict[str, str],
    tokens: dict[str, str],
) -> str:
    query = [("format", format)]
    query += [("counts", counts)] if counts else []
    query += [("force", "true")] if force else []
    query += [("path", f"{name}={one}") for name, path in paths.items() for one in path.split()]
    query += [("tokens_per_document", f"{name}={one}") for name, one in tokens.items()]
    return f"/v1/studies/{study_id}/export?{urlencode(query)}"
