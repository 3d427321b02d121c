"""How a study's trials were run: attempts, times, workers and versions, for its report."""

import json
from collections import Counter
from collections.abc import Iterable
from datetime import UTC, datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from db.tables import AttemptRow, TrialRow
from mixtures.trial import TrialState
from mixtures.value import Value


class RunFacts(Value):
    """Of COMPLETE trials, but `attempts`, which are of all, by outcome.

    `seconds` are of workers, summed over trials, by phase: waiting for a checkpoint that another
    builds counts as its phase. `busy_seconds` is the time in which at least one of them ran.
    `versions` has every set of versions that ran.
    """

    attempts: dict[str, int]
    first_start: datetime | None
    last_finish: datetime | None
    busy_seconds: float
    seconds: dict[str, float]
    num_workers: int
    num_machines: int
    versions: tuple[dict[str, str], ...]


def run_facts(session: Session, study_id: str) -> RunFacts:
    """Asked of columns: whole results are kilobytes each."""
    of_study = (TrialRow.study_id == study_id, TrialRow.state == TrialState.COMPLETE)
    rows = session.execute(
        select(
            TrialRow.started_at,
            TrialRow.finished_at,
            func.json_extract_string(TrialRow.result, "$.worker"),
            func.json_extract_string(TrialRow.result, "$.wall_seconds"),
            func.json_extract_string(TrialRow.result, "$.versions"),
        ).where(*of_study)
    ).all()
    times = [(start, end) for start, end, *_ in rows if start is not None and end is not None]
    seconds: Counter[str] = Counter()
    for _, _, _, walls, _ in rows:
        seconds.update(json.loads(walls or "{}"))
    workers = {worker for _, _, worker, _, _ in rows if worker}
    return RunFacts(
        attempts=_attempts(session, study_id),
        first_start=_utc(min((start for start, _ in times), default=None)),
        last_finish=_utc(max((end for _, end in times), default=None)),
        busy_seconds=_covered(times),
        seconds={name: float(took) for name, took in sorted(seconds.items())},
        num_workers=len(workers),
        num_machines=len({worker.rpartition(":")[0] for worker in workers}),
        versions=tuple(json.loads(one) for one in sorted({one for *_, one in rows if one})),
    )


def _attempts(session: Session, study_id: str) -> dict[str, int]:
    query = (
        select(AttemptRow.outcome, func.count())
        .join(TrialRow, TrialRow.id == AttemptRow.trial_id)
        .where(TrialRow.study_id == study_id)
        .group_by(AttemptRow.outcome)
    )
    return {outcome: int(count) for outcome, count in sorted(session.execute(query).all())}


def _covered(times: Iterable[tuple[datetime, datetime]]) -> float:
    """Seconds of the union of the spans: a study may have stood still for a night."""
    total, until = 0.0, None
    for start, end in sorted(times):
        begin = start if until is None or start > until else until
        if end > begin:
            total += (end - begin).total_seconds()
        until = end if until is None else max(until, end)
    return total


def _utc(moment: datetime | None) -> datetime | None:
    return None if moment is None else moment.replace(tzinfo=UTC)
