"""Queries of the score table: what ranking reads."""

import json
from collections.abc import Iterable, Sequence

from sqlalchemy import func, insert, select
from sqlalchemy.orm import Session

from db.tables import ScoreRow, StudyRow, TrialRow
from mixtures.factors import Level
from mixtures.rank import Observation
from mixtures.trial import Score, TrialState

# Columns, not rows as objects: a study of 100,000 trials has a million of them.
_SCORE = (ScoreRow.trial_id, ScoreRow.benchmark, ScoreRow.value, ScoreRow.standard_error)
_Score = tuple[str, str, float, float | None]


def observations(session: Session, study_id: str, metric: str) -> list[Observation]:
    """One for each completed trial of the study, in claiming order, with its scores in `metric`."""
    query = select(*_SCORE).where(ScoreRow.study_id == study_id, ScoreRow.metric == metric)
    rows = [(trial, name, value, error) for trial, name, value, error in session.execute(query)]
    return _observations(session, study_id, rows)


def observations_by_metric(session: Session, study_id: str) -> dict[str, list[Observation]]:
    """The same for every metric that a trial of the study has a score in."""
    query = select(ScoreRow.metric, *_SCORE).where(ScoreRow.study_id == study_id)
    rows: dict[str, list[_Score]] = {}
    for metric, trial_id, benchmark, value, error in session.execute(query):
        rows.setdefault(metric, []).append((trial_id, benchmark, value, error))
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


def scores_version(session: Session, study_id: str) -> str | None:
    """A text that changes when a trial of the study is completed; None before the first.

    Scores of a completed trial never change, so how many there are and when the last was completed
    say it, in a millisecond where hashing a million scores takes thirty.
    """
    num, last = session.execute(
        select(func.count(), func.max(TrialRow.finished_at)).where(
            TrialRow.study_id == study_id, TrialRow.state == TrialState.COMPLETE
        )
    ).one()
    return f"{num} {last}" if num else None


def insert_scores(session: Session, study_id: str, trial_id: str, scores: Sequence[Score]) -> None:
    """Of a trial that is completed; `db.trials` alone says that it is."""
    rows = [
        {
            "trial_id": trial_id,
            "study_id": study_id,
            "benchmark": score.benchmark,
            "metric": score.metric,
            "value": score.value,
            # 0 where an outside trainer did not tell it: the column takes no null.
            "num_items": score.num_items or 0,
            "standard_error": score.standard_error,
        }
        for score in scores
    ]
    if rows:
        session.execute(insert(ScoreRow), rows)


def last_completed(session: Session, study_id: str) -> str | None:
    """The trial of the study that was completed last."""
    return session.scalar(
        select(TrialRow.id)
        .where(TrialRow.study_id == study_id, TrialRow.state == TrialState.COMPLETE)
        .order_by(TrialRow.finished_at.desc(), TrialRow.position.desc())
        .limit(1)
    )


def _observations(session: Session, study_id: str, rows: Sequence[_Score]) -> list[Observation]:
    scores = _by_trial(rows)
    errors: dict[str, dict[str, float]] = {}
    for trial_id, benchmark, _, error in rows:
        if error is not None:
            errors.setdefault(trial_id, {})[benchmark] = error
    trials = session.execute(
        select(TrialRow.id, TrialRow.shares, TrialRow.sft_share, TrialRow.seed)
        .where(TrialRow.study_id == study_id, TrialRow.state == TrialState.COMPLETE)
        .order_by(TrialRow.position)
    )
    levels = _levels(session, study_id)
    return [
        # What our own tables hold was checked when it was written.
        Observation.model_construct(
            trial_id=trial_id,
            shares=json.loads(shares or "{}"),
            sft_share=sft_share,
            seed=seed,
            scores=scores.get(trial_id, {}),
            standard_errors=errors.get(trial_id, {}),
            factors=levels.get(trial_id, {}),
        )
        for trial_id, shares, sft_share, seed in trials
    ]


def _by_trial(rows: Iterable[_Score]) -> dict[str, dict[str, float]]:
    """Values by trial and benchmark, benchmarks in the order of their names."""
    found: dict[str, dict[str, float]] = {}
    for trial_id, benchmark, value, _ in sorted(rows, key=lambda row: row[1]):
        found.setdefault(trial_id, {})[benchmark] = value
    return found


def _levels(session: Session, study_id: str) -> dict[str, dict[str, Level]]:
    """Of the factors of each completed trial; empty where the study's trials differ in none, which
    spares a look into their specs.
    """
    space = func.json_extract_string(StudyRow.spec, "$.space.factors")
    short = func.json_extract_string(StudyRow.spec, "$.search.short_decay")
    found = session.execute(select(space, short).where(StudyRow.id == study_id)).first()
    if found is None or not any(found):
        return {}
    rows = session.execute(
        select(TrialRow.id, func.json_extract_string(TrialRow.spec, "$.factors")).where(
            TrialRow.study_id == study_id, TrialRow.state == TrialState.COMPLETE
        )
    )
    return {trial_id: json.loads(levels) for trial_id, levels in rows if levels}
