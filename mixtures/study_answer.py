"""All that a study's trials say, from one fit: the leaderboard and the recommendation.

A function of the spec and the scores, nothing else: the service runs it in a child process
(`service/answers.py`) and keeps what comes back as long as these stand.
"""

from collections.abc import Collection, Mapping, Sequence

from mixtures.factors import words_of
from mixtures.flagged import flagged_of
from mixtures.level_fit import (
    LEAST_MIXTURES,
    LevelFit,
    at_best_levels,
    fit_levels,
    level_posteriors,
)
from mixtures.mixture_posterior import (
    MIN_MIXTURES,
    fit_mixtures,
    mixture_posteriors,
    outside_region,
)
from mixtures.observation import Observation, complete_observations, contradicting, mixture_key
from mixtures.own_answer import surrogate_words
from mixtures.rank import Leaderboard, LeaderboardRow, leaderboard
from mixtures.recommend_mixture import recommend_mixture
from mixtures.recommend_share import recommend_share
from mixtures.recommendation import NotEnoughTrials, Recommendation
from mixtures.repetition import epochs_of, repetition_notes
from mixtures.row_posterior import RowPosterior
from mixtures.share_line import (
    MIN_SHARES,
    fit_line,
    is_on_line,
    line_posteriors,
    num_tried_shares,
)
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
    known = dict(available_tokens or {})
    fit: LevelFit | None = None
    try:
        if study.space.factors:
            fit = fit_levels(study, complete)
            board = with_posteriors(board, level_posteriors(fit), (), "search_gp", study)
            board = board.model_copy(
                update={"subset": fit.data.subset, "compared_within": study.compared_within}
            )
            found = _at_best_levels(fit, board, complete, notes, known)
        elif is_line(study, complete):
            board, found = _of_line(study, board, complete, notes)
        else:
            board, found = _of_mixtures(study, board, complete, notes, known)
    except NotEnoughTrials as error:
        no_posterior = None if fit is not None else str(error)
        return StudyAnswer(
            leaderboard=board.model_copy(update={"no_posterior": no_posterior}),
            no_recommendation=str(error),
        )
    epochs = epochs_of(found.mixture.shares, study.decay, study.full_run, known)
    warnings = repetition_notes(epochs, study.max_epochs)
    return StudyAnswer(
        leaderboard=board,
        recommendation=found.model_copy(
            update={"epochs": epochs, "notes": (*found.notes, *warnings)}
        ),
    )


def needs_fit(study: StudySpec, observations: Sequence[Observation]) -> bool:
    """Whether there is enough to fit at all; without, the answer takes no time."""
    complete, _ = complete_observations(study, observations)
    if study.space.factors:
        return len(complete) >= LEAST_MIXTURES
    if is_line(study, complete):
        return num_tried_shares(study, complete) >= MIN_SHARES
    return len({mixture_key(one.shares) for one in complete}) >= MIN_MIXTURES


def is_line(study: StudySpec, complete: Sequence[Observation]) -> bool:
    """Whether the SFT share is all that is fitted.

    So where the space has nothing else, unless a team brought trials of its own that are hardly
    ever on the study's line: then these are what there is to learn from.
    """
    if not study.space.is_line:
        return False
    if study.trained_by == "workers" or all(is_on_line(study, one) for one in complete):
        return True
    return num_tried_shares(study, complete) >= MIN_SHARES


def _at_best_levels(
    fit: LevelFit,
    board: Leaderboard,
    complete: Sequence[Observation],
    notes: Sequence[str],
    available_tokens: Mapping[str, int],
) -> Recommendation:
    """From the trials at one level of each factor, as if the study were of these alone."""
    study = fit.study
    trials, levels, note = at_best_levels(fit, complete)
    if is_line(study, trials):
        _, found = _of_line(study, board, trials, (*notes, note))
    else:
        _, found = _of_mixtures(study, board, trials, (*notes, note), available_tokens)
    sentence = f"At {words_of(levels)}: {found.sentence}"
    return found.model_copy(update={"factors": levels, "sentence": sentence})


def _of_line(
    study: StudySpec, board: Leaderboard, complete: Sequence[Observation], notes: Sequence[str]
) -> tuple[Leaderboard, Recommendation]:
    line = fit_line(study, complete)
    found = recommend_share(line, _signal_to_noise(study, line.trials), notes)
    posteriors = line_posteriors(line)
    off_line = {row.trial_ids[0] for row in board.rows} - posteriors.keys()
    return with_posteriors(board, posteriors, off_line, "share_gp", study), found


def _of_mixtures(
    study: StudySpec,
    board: Leaderboard,
    complete: Sequence[Observation],
    notes: Sequence[str],
    available_tokens: Mapping[str, int],
) -> tuple[Leaderboard, Recommendation]:
    answer = fit_mixtures(study, complete)
    flagged = flagged_of(answer.trials.warnings)
    found = recommend_mixture(
        study,
        complete,
        answer,
        available_tokens,
        _signal_to_noise(study, complete),
        (*notes, *(one.sentence for one in flagged)),
    )
    board = with_posteriors(
        board, mixture_posteriors(answer), outside_region(answer), surrogate_words(answer), study
    )
    return board.model_copy(
        update={"subset": answer.subset, "flagged": (*board.flagged, *flagged)}
    ), found


def _signal_to_noise(study: StudySpec, trials: Sequence[Observation]) -> dict[str, float | None]:
    report = signal(study, {study.objective.metric: trials})
    return {row.benchmark: row.ratio for row in report.rows}


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
    return board.model_copy(
        update={"rows": rows, "flagged": tuple(contradicting(study, observations))}
    )


def with_posteriors(
    board: Leaderboard,
    posteriors: Mapping[str, RowPosterior],
    outside: Collection[str],
    surrogate: str,
    study: StudySpec,
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
                    "outside_tried_region": row.trial_ids[0] in outside,
                }
            )
        )
    return board.model_copy(
        update={"rows": tuple(rows), "ranked_by": "posterior mean", "surrogate": surrogate}
    )
