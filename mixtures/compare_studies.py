"""Studies side by side: their answers, their best mixtures, and whether they order mixtures alike.

Scores of two studies share no scale, so only orders are compared: the rank correlation over the
mixtures that both tried, by source names and shares, and where one study's best stands in the
other.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from mixtures.metric import Direction
from mixtures.rank import Key, Leaderboard, LeaderboardRow, mixture_key
from mixtures.rank_correlation import rank_correlation
from mixtures.recommendation import Recommendation
from mixtures.study import StudySpec
from mixtures.value import Value

Interval = tuple[float, float]
NUM_BEST = 5


class ComparedRow(Value):
    """One of a study's best mixtures."""

    rank: int
    shares: dict[str, float]
    sft_share: float
    mean: float
    interval: Interval | None
    num_trials: int
    tied_with_best: bool


class ComparedStudy(Value):
    """One study. `sentence` is its recommendation, or why there is none yet."""

    study_id: str
    name: str
    question: str
    proxy: str
    decay_tokens: int
    metric: str
    direction: Direction
    num_trials: int
    num_mixtures: int
    sentence: str
    has_answer: bool
    sft_share: float | None
    interval: Interval | None
    best: tuple[ComparedRow, ...]


class CommonMixture(Value):
    """A mixture that both studies tried, with its mean in each."""

    shares: dict[str, float]
    sft_share: float
    first: float
    second: float


class StudyPair(Value):
    """Two studies. `spearman` is over `common`, signed so that 1 means the same order from best to
    worst; None where there are too few. `rank_in_second` is that of the first study's best mixture
    among the second's, where it was tried there; `rank_in_first` the other way.
    """

    first: str
    second: str
    spearman: float | None
    common: tuple[CommonMixture, ...]
    rank_in_second: int | None
    rank_in_first: int | None


class StudyComparison(Value):
    studies: tuple[ComparedStudy, ...]
    sources: tuple[str, ...]
    pairs: tuple[StudyPair, ...]
    notes: tuple[str, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class ChosenStudy:
    """A study to compare; `why_none` says why it has no recommendation."""

    study_id: str
    spec: StudySpec
    board: Leaderboard
    recommendation: Recommendation | None
    why_none: str


def compare_studies(chosen: Sequence[ChosenStudy]) -> StudyComparison:
    """Two studies or more."""
    pairs = [_pair(a, b) for a, b in combinations(chosen, 2)]
    names = {one.study_id: one.spec.name for one in chosen}
    notes = [
        f"{names[pair.first]} and {names[pair.second]} tried no mixture in common."
        for pair in pairs
        if not pair.common
    ]
    return StudyComparison(
        studies=tuple(_study(one) for one in chosen),
        sources=tuple(dict.fromkeys(source.name for one in chosen for source in one.spec.sources)),
        pairs=tuple(pairs),
        notes=tuple(notes),
    )


def _study(one: ChosenStudy) -> ComparedStudy:
    answer = one.recommendation
    # A space that is no line has no single best share to draw.
    on_line = answer is not None and one.spec.space.is_line
    return ComparedStudy(
        study_id=one.study_id,
        name=one.spec.name,
        question=one.spec.question,
        proxy=one.spec.proxy.title,
        decay_tokens=one.spec.decay.tokens,
        metric=one.board.metric,
        direction=one.board.direction,
        num_trials=one.board.num_trials,
        num_mixtures=len(one.board.rows),
        sentence=answer.sentence if answer is not None else one.why_none,
        has_answer=answer is not None,
        sft_share=answer.sft_share if answer is not None and on_line else None,
        interval=answer.interval if answer is not None and on_line else None,
        best=tuple(_row(row) for row in one.board.rows[:NUM_BEST]),
    )


def _row(row: LeaderboardRow) -> ComparedRow:
    return ComparedRow(
        rank=row.rank,
        shares=row.shares,
        sft_share=row.sft_share,
        mean=row.mean,
        interval=row.interval,
        num_trials=row.num_trials,
        tied_with_best=row.tied_with_best,
    )


def _pair(a: ChosenStudy, b: ChosenStudy) -> StudyPair:
    first = {mixture_key(row.shares, row.factors): row for row in a.board.rows}
    second = {mixture_key(row.shares, row.factors): row for row in b.board.rows}
    common = [key for key in first if key in second]
    losses = [
        np.array([one.spec.objective.loss_sign * rows[key].mean for key in common])
        for one, rows in ((a, first), (b, second))
    ]

    return StudyPair(
        first=a.study_id,
        second=b.study_id,
        spearman=rank_correlation(*losses) if len(common) >= 3 else None,
        common=tuple(
            CommonMixture(
                shares=first[key].shares,
                sft_share=first[key].sft_share,
                first=first[key].mean,
                second=second[key].mean,
            )
            for key in common
        ),
        rank_in_second=_rank_of_best(a.board, second),
        rank_in_first=_rank_of_best(b.board, first),
    )


def _rank_of_best(board: Leaderboard, rows: Mapping[Key, LeaderboardRow]) -> int | None:
    """Of the board's best mixture among `rows`."""
    if not board.rows:
        return None
    row = rows.get(mixture_key(board.rows[0].shares, board.rows[0].factors))
    return row.rank if row else None
