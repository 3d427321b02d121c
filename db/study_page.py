"""What the page of a study asks beside its scores: few columns, so that many trials are quick."""

from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from db.tables import TrialRow
from mixtures.trial import TrialResult, TrialState


@dataclass(frozen=True, kw_only=True, slots=True)
class FailedTrial:
    """A failed trial as the page lists it; `message` is None where none was kept."""

    id: str
    sft_share: float
    seed: int
    message: str | None


@dataclass(frozen=True, kw_only=True, slots=True)
class TrialTime:
    """When a trial was done, in seconds since 1970, and how long its last attempt took."""

    finished_at: float
    seconds: float | None


def trial_times(session: Session, study_id: str) -> dict[str, TrialTime]:
    """By trial, of those that are COMPLETE."""
    end, start = func.epoch(TrialRow.finished_at), func.epoch(TrialRow.started_at)
    rows = session.execute(
        select(TrialRow.id, end, end - start).where(
            TrialRow.study_id == study_id,
            TrialRow.state == TrialState.COMPLETE,
            TrialRow.finished_at.is_not(None),
        )
    )
    return {
        trial_id: TrialTime(finished_at=float(at), seconds=None if took is None else float(took))
        for trial_id, at, took in rows
    }


def failed_trials(session: Session, study_id: str, limit: int) -> list[FailedTrial]:
    """The newest `limit` of them."""
    message = func.json_extract_string(TrialRow.failure, "$.message")
    rows = session.execute(
        select(TrialRow.id, TrialRow.sft_share, TrialRow.seed, message)
        .where(TrialRow.study_id == study_id, TrialRow.state == TrialState.FAILED)
        .order_by(TrialRow.finished_at.desc(), TrialRow.position)
        .limit(limit)
    )
    return [
        FailedTrial(id=trial_id, sft_share=share, seed=seed, message=said)
        for trial_id, share, seed, said in rows
    ]


def last_result(session: Session, study_id: str) -> TrialResult | None:
    """The result of the last trial in claiming order that has one."""
    text = session.scalar(
        select(TrialRow.result)
        .where(TrialRow.study_id == study_id, TrialRow.result.is_not(None))
        .order_by(TrialRow.position.desc())
        .limit(1)
    )
    return None if text is None else TrialResult.model_validate_json(text)
