"""What would change a recommendation, in sentences: for the person who has to stand by it.

Nothing is fitted anew: it is all read off the answer's own figures.
"""

from collections.abc import Sequence

from mixtures.rank import Leaderboard
from mixtures.recommendation import Recommendation
from mixtures.study import StudySpec
from mixtures.verdict import percent

# A share this close to the end of what was tried may have its best beyond.
_EDGE = 0.02


def what_would_change(
    study: StudySpec, answer: Recommendation, board: Leaderboard
) -> tuple[str, ...]:
    """The weightiest first; empty where nothing is known that would."""
    return (
        *_more_evidence(answer),
        *_other_weights(study, answer),
        *_other_rule(answer),
        *_edges(study, answer, board),
        *_worst(answer),
        *_repetition(study, answer),
    )


def _more_evidence(answer: Recommendation) -> list[str]:
    if answer.enough_evidence:
        return []
    if answer.more_trials_needed is not None:
        return [
            f"More trials: about {answer.more_trials_needed:,} more are expected to tell the "
            "mixtures apart; until then another seed may move it."
        ]
    return ["More trials or seeds: the mixtures differ by no more than the noise."]


def _other_weights(study: StudySpec, answer: Recommendation) -> list[str]:
    """Benchmarks whose own best shares leave the recommended one out, the farthest first."""
    if not study.space.is_line:
        return []
    apart = [
        one
        for one in answer.per_benchmark
        if not one.interval[0] - 1e-9 <= answer.sft_share <= one.interval[1] + 1e-9
        and study.objective.weight_of(one.benchmark) > 0
    ]
    apart.sort(key=lambda one: -abs(one.best_share - answer.sft_share))
    return [
        f"More weight on {one.benchmark}: alone it is best at {percent(one.best_share)} SFT "
        f"({percent(one.interval[0])} to {percent(one.interval[1])})."
        for one in apart
    ]


def _other_rule(answer: Recommendation) -> list[str]:
    num = len(answer.tie_group)
    if num < 2:
        return []
    return [
        f"Another rule of choice: {num} mixtures that were tried cannot be told apart, and this "
        f"one is named as {answer.choice_words or answer.choice_rule}."
    ]


def _edges(study: StudySpec, answer: Recommendation, board: Leaderboard) -> list[str]:
    if not study.space.is_line or not board.rows:
        return []
    tried = [row.sft_share for row in board.rows]
    for end, beyond in ((min(tried), "lower"), (max(tried), "higher")):
        if abs(answer.sft_share - end) <= _EDGE and 0.0 < end < 1.0:
            return [
                f"Trials at {beyond} shares: it stands at the edge of what was tried, and the best "
                "may lie beyond."
            ]
    return []


def _worst(answer: Recommendation) -> list[str]:
    worst = answer.worst_benchmark
    if worst is None:
        return []
    low, high = sorted(worst.interval)
    sure = "" if low <= 0.0 <= high else ", which is more than noise"
    return [
        f"A floor on {worst.benchmark}: there it loses most, {worst.difference:+.4f} against "
        f"{worst.baseline.replace('_', ' ')}{sure}."
    ]


def _repetition(study: StudySpec, answer: Recommendation) -> Sequence[str]:
    often = [
        (name, one.full_run if one.full_run is not None else one.proxy)
        for name, one in answer.epochs.items()
    ]
    return [
        f"More text of {name}: it is read {times:.1f} times, more than max_epochs of "
        f"{study.max_epochs:g}."
        for name, times in often
        if times > study.max_epochs
    ]
