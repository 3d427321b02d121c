"""Queries of the score table: what ranking reads."""

from collections.abc import Iterable, Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from db.tables import ScoreRow, TrialRow
from mixtures.rank import Observation
from mixtures.trial import TrialSpec, TrialState


def observations(session: Session, study_id: str, metric: str) -> list[Observation]:
    """One for each completed trial of the study, in claiming order, with its scores in `metric`."""
    query = select(ScoreRow).where(ScoreRow.study_id == study_id, ScoreRow.metric == metric)
    return _observations(session, study_id, session.scalars(query).all())


def observations_by_metric(session: Session, study_id: str) -> dict[str, list[Observation]]:
    """The same for every metric that a trial of the study has a score in."""
    rows: dict[str, list[ScoreRow]] = {}
    for row in session.scalars(select(ScoreRow).where(ScoreRow.study_id == study_id)):
        rows.setdefault(row.metric, []).append(row)
    trials = _observations(session, study_id, [])
    found = {}
    for metric, scores in sorted(rows.items()):
        by_trial = _by_trial(scores)
        found[metric] = [
            trial.model_copy(update={"scores": by_trial[trial.trial_id]})
            for trial in trials
            if trial.trial_id in by_trial
        ]
    return found


def _observations(session: Session, study_id: str, rows: Sequence[ScoreRow]) -> list[Observation]:
    scores = _by_trial(rows)
    errors: dict[str, dict[str, float]] = {}
    for row in rows:
        if row.standard_error is not None:
            errors.setdefault(row.trial_id, {})[row.benchmark] = row.standard_error
    trials = session.execute(
        select(TrialRow.id, TrialRow.spec)
        .where(TrialRow.study_id == study_id, TrialRow.state == TrialState.COMPLETE)
        .order_by(TrialRow.position)
    )
    found = []
    for trial_id, text in trials:
        spec = TrialSpec.model_validate_json(text)
        found.append(
            Observation(
                trial_id=trial_id,
                shares=spec.mixture.shares,
                sft_share=spec.sft_share,
                seed=spec.seed,
                scores=scores.get(trial_id, {}),
                standard_errors=errors.get(trial_id, {}),
            )
        )
    return found


def _by_trial(rows: Iterable[ScoreRow]) -> dict[str, dict[str, float]]:
    """Values by trial and benchmark, benchmarks in the order of their names."""
    found: dict[str, dict[str, float]] = {}
    for row in sorted(rows, key=lambda row: row.benchmark):
        found.setdefault(row.trial_id, {})[row.benchmark] = row.value
    return found
