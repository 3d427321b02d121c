"""A CSV of trials that were trained before, taken into a study that is trained outside."""

from fastapi.concurrency import run_in_threadpool

from db import leases
from db.database import Session
from db.studies import StoredStudy
from db.trials import insert_trials
from mixtures.design import trials_of_request
from mixtures.flagged import FlaggedScore
from mixtures.trial import TrialRequest
from mixtures.trials_csv import ToldRow, read_trials
from mixtures.value import InvalidField, Value, added
from service.body import text_of_body
from service.change import Change
from service.errors import BadInput
from service.routes.studies import outside_study
from service.state import Controller
from service.trial_batch import require_within_budget


class Imported(Value):
    """How many rows there were, and how many of them were not there before.

    `flagged` are rows whose stored aggregate is not what its parts say, each by its line: where the
    study has it as a benchmark they are kept and not used, else they are left out.
    """

    num_rows: int
    num_new: int
    flagged: tuple[FlaggedScore, ...] = added(())


async def import_trials(
    controller: Controller, change: Change, study_id: str, raw: bytes
) -> Imported:
    """All rows or none. Raises BadInput, UnknownStudy, LeaseConflict."""
    return await run_in_threadpool(_import, controller, change, study_id, raw)


def _import(controller: Controller, change: Change, study_id: str, raw: bytes) -> Imported:
    study = outside_study(controller, study_id, "import is for trained_by: outside")
    try:
        rows = read_trials(text_of_body(raw, "utf-8-sig"), study.spec)
    except InvalidField as error:
        raise BadInput(error.field, error.value, str(error)) from error
    with change.write() as session:
        num_new = _record(session, study, [row for row in rows if not row.is_unusable])
        imported = Imported(
            num_rows=len(rows),
            num_new=num_new,
            flagged=tuple(
                row.flagged.model_copy(update={"trial_id": f"line {row.line}"})
                for row in rows
                if row.flagged is not None
            ),
        )
        change.answer(session, imported)
    controller.scheduler.wake()
    return imported


def _record(session: Session, study: StoredStudy, rows: list[ToldRow]) -> int:
    num_new = 0
    for row in rows:
        request = TrialRequest(shares=row.shares, seed=row.seed, factors=row.factors)
        (spec,) = trials_of_request(request, study.spec, study.id, {})
        insert_trials(session, [spec])
        session.flush()
        num_new += leases.record_imported(session, spec.trial_id, row.scores, row.line)
    require_within_budget(session, study, "import fewer")
    return num_new
