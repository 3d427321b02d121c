"""All that a study's trials say, from one fit: the leaderboard and the recommendation.

A function of the spec and the scores, nothing else: the service runs it in a child process
(`service/answers.py`) and keeps what comes back under the hash of the scores.
"""

from collections.abc import Mapping, Sequence

from mixtures.observation import Observation, complete_observations
from mixtures.rank import Leaderboard, LeaderboardRow, leaderboard
from mixtures.recommend_share import recommend_share
from mixtures.recommendation import NotEnoughTrials, Recommendation
from mixtures.repetition import epochs_of, repetition_notes
from mixtures.row_posterior import RowPosterior
from mixtures.share_line import fit_line, line_posteriors
from mixtures.signal import signal
from mixtures.study import StudySpec
from mixtures.value import Value


class StudyAnswer(Value):
    """`no_recommendation` says what is missing where there is none."""

    leaderboard: Leaderboard
    recommendation: Recommendation | None = None
    no_recommendation: str = ""


def answer_study(
    study: StudySpec,
    observations: Sequence[Observation],
    available_tokens: Mapping[str, int] | None = None,
) -> StudyAnswer:
    """`available_tokens` are those of each source, as the trials found them."""
    board = raw_leaderboard(study, observations, available_tokens)
    complete, notes = complete_observations(study, observations)
    try:
        line = fit_line(study, complete)
    except NotEnoughTrials as error:
        return StudyAnswer(
            leaderboard=board.model_copy(update={"no_posterior": str(error)}),
            no_recommendation=str(error),
        )
    report = signal(study, {study.objective.metric: line.trials})
    ratios = {row.benchmark: row.ratio for row in report.rows}
    found = recommend_share(line, ratios, notes)
    epochs = epochs_of(
        found.mixture.shares, study.decay, study.full_run, dict(available_tokens or {})
    )
    warnings = repetition_notes(epochs, study.max_epochs)
    return StudyAnswer(
        leaderboard=with_posteriors(board, line_posteriors(line), "share_gp", study),
        recommendation=found.model_copy(
            update={"epochs": epochs, "notes": (*found.notes, *warnings)}
        ),
    )


def raw_leaderboard(
    study: StudySpec,
    observations: Sequence[Observation],
    available_tokens: Mapping[str, int] | None = None,
) -> Leaderboard:
    """By raw means, with how often each mixture reads each source; quick, whatever the study."""
    board = leaderboard(study, observations)
    rows = tuple(
        row.model_copy(
            update={
                "epochs": epochs_of(
                    row.shares, study.decay, study.full_run, dict(available_tokens or {})
                )
            }
        )
        for row in board.rows
    )
    return board.model_copy(update={"rows": rows})


def with_posteriors(
    board: Leaderboard, posteriors: Mapping[str, RowPosterior], surrogate: str, study: StudySpec
) -> Leaderboard:
    """Each row with its posterior, by the first trial of its mixture, in order of their means.

    Rows without one come last, in the order of their raw means.
    """
    sign = study.objective.loss_sign

    def key(row: LeaderboardRow) -> tuple[bool, float, int]:
        posterior = posteriors.get(row.trial_ids[0])
        return (posterior is None, sign * posterior.mean if posterior else 0.0, row.rank)

    rows: list[LeaderboardRow] = []
    for place, row in enumerate(sorted(board.rows, key=key), start=1):
        rows.append(
            row.model_copy(
                update={
                    "rank": place,
                    "posterior": posteriors.get(row.trial_ids[0]),
                    "outside_tried_region": row.trial_ids[0] not in posteriors,
                }
            )
        )
    return board.model_copy(
        update={"rows": tuple(rows), "ranked_by": "posterior mean", "surrogate": surrogate}
    )
