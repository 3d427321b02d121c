"""Queries of the score table: what ranking reads."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from db.tables import ScoreRow, TrialRow
from mixtures.rank import Observation
from mixtures.trial import TrialSpec, TrialState


def observations(session: Session, study_id: str, metric: str) -> list[Observation]:
    """One for each completed trial of the study, in claiming order, with its scores in `metric`."""
    scores: dict[str, dict[str, float]] = {}
    query = select(ScoreRow).where(ScoreRow.study_id == study_id, ScoreRow.metric == metric)
    for row in session.scalars(query):
        scores.setdefault(row.trial_id, {})[row.benchmark] = row.value
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
                scores=dict(sorted(scores.get(trial_id, {}).items())),
            )
        )
    return found
