"""The recommended mixture as a file for a trainer."""

import math
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from db.database import Session
from db.found_sizes import source_sizes
from db.provenance import provenance
from db.studies import StoredStudy
from mixtures.export.formats import FORMATS, ExportFile, FormatName, export
from mixtures.export.trainer_format import ExportOptions, Unit
from mixtures.value import InvalidField, Value
from service.errors import BadInput
from service.full_answer import full_recommendation
from service.paging import Limit, behind, page_of
from service.routes.studies import stored_study
from service.scopes import READ
from service.state import Controller, ControllerDep

router = APIRouter(prefix="/v1", tags=["answers"], dependencies=[READ])

_PATH_DOCS = "NAME=PATH, once or more for each source: what the trainer reads; see path_is"
_TOKENS_DOCS = "NAME=N for a source: mean tokens of its documents, instead of the study's own count"


class ExportFormat(Value):
    """What an export can be. `counts`: what the weights are of, the usual first."""

    name: str
    trainer: str
    written_for: str
    suffix: str
    counts: tuple[Unit, ...]
    path_is: str


@router.get("/export-formats", operation_id="list_export_formats")
def list_export_formats(
    request: Request,
    response: Response,
    limit: Limit = None,
    after: Annotated[str | None, Query(description="the last name of the page before")] = None,
) -> list[ExportFormat]:
    """All formats: the trainer, the version the format follows, what it counts, its paths."""
    found: Sequence[ExportFormat] = [
        ExportFormat(
            name=one.name,
            trainer=one.trainer,
            written_for=one.written_for,
            suffix=one.suffix,
            counts=one.counts,
            path_is=one.path_is,
        )
        for one in FORMATS.values()
    ]
    found = behind(found, after, lambda one: one.name)
    return page_of(request, response, found, limit, lambda one: one.name)


@router.get(
    "/studies/{study_id}/export",
    operation_id="export_mixture",
    response_class=Response,
    responses={
        200: {"content": {one.media_type: {} for one in FORMATS.values()}},
        409: {"description": "Too few trials, or not enough evidence and no `force`."},
    },
)
def get_export(
    study_id: str,
    controller: ControllerDep,
    format: FormatName = "yaml",
    path: Annotated[list[str], Query(description=_PATH_DOCS)] = [],  # noqa: B006
    tokens_per_document: Annotated[list[str], Query(description=_TOKENS_DOCS)] = [],  # noqa: B006
    counts: Unit | None = None,
    force: bool = False,
) -> Response:
    """The recommended mixture as a file, with its provenance and a checksum."""
    options = ExportOptions(
        paths=_paths(path),
        tokens_per_document=_lengths(tokens_per_document),
        counts=counts,
    )
    found = export_file(controller, stored_study(controller, study_id), format, options, force)
    return Response(
        found.text,
        media_type=found.media_type,
        headers={"Content-Disposition": f'attachment; filename="{found.file_name}"'},
    )


def export_file(
    controller: Controller, study: StoredStudy, format: str, options: ExportOptions, force: bool
) -> ExportFile:
    """The recommended mixture in a format. Raises NotEnoughTrials, NotEnoughEvidence, BadInput."""
    with controller.database.read() as session:
        recommendation = full_recommendation(controller.answers, session, study)
        origin = provenance_of(session, study)
        sizes = source_sizes(session, study.id)
    try:
        return export(
            format,
            recommendation,
            study.spec,
            study.id,
            origin,
            sizes,
            options,
            force=force,
        )
    except InvalidField as error:
        raise BadInput(error.field, error.value, str(error)) from error


def _paths(given: list[str]) -> dict[str, tuple[str, ...]]:
    found: dict[str, tuple[str, ...]] = {}
    for name, path in _pairs("path", given):
        found[name] = (*found.get(name, ()), path)
    return found


def _lengths(given: list[str]) -> dict[str, float]:
    found: dict[str, float] = {}
    for name, text in _pairs("tokens_per_document", given):
        try:
            tokens = float(text)
        except ValueError:
            tokens = math.nan
        if name in found or not (math.isfinite(tokens) and tokens > 0):
            raise BadInput(
                f"tokens_per_document.{name}", text, "expected one number of tokens above 0"
            )
        found[name] = tokens
    return found


def _pairs(field: str, given: list[str]) -> list[tuple[str, str]]:
    pairs = []
    for text in given:
        name, equals, value = text.partition("=")
        if not (name and equals and value):
            raise BadInput(field, text, "expected NAME=VALUE, with the name of a source")
        pairs.append((name, value))
    return pairs


def provenance_of(session: Session, study: StoredStudy) -> dict[str, object]:
    """What a file says of how it came to be, beside what is in the recommendation."""
    found = provenance(session, study.id)
    return {
        "decaymix_version": version("decaymix"),
        "created_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "study_created_at": study.created_at.isoformat(timespec="seconds"),
        "trial_ids": list(found.trial_ids),
        "seeds": list(found.seeds),
        "data_hashes": study.data_report["data_hashes"],
        "stable_checkpoints": list(found.stable_checkpoints),
        "tokenizers": list(found.tokenizers),
        "worker_versions": found.versions,
    }
