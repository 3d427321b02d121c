"""Which of many mixtures a figure draws: the best, the baselines, and others evenly.

A figure with 100,000 dots is a blot that freezes the page. What is left out is said beside it.
"""

from collections.abc import Sequence
from typing import TypeVar

import numpy as np

from service.pages.mixture_table import Rows
from service.study_facts import StudyFacts

# Of those drawn, this part are the first of the leaderboard.
BEST_PART = 0.25

T = TypeVar("T")


def thinned(facts: StudyFacts, rows: Rows, most: int) -> tuple[Rows, str | None]:
    """At most `most` of `rows` (in the leaderboard's order), and the words for what is drawn.

    None for words where all are. The choice is the same at every call.
    """
    if len(rows) <= most:
        return rows, None
    best = rows[: round(BEST_PART * most)]
    others = rows[len(best) :]
    is_baseline = [bool(facts.board.rows[row].is_baseline) for row in others]
    baselines = others[np.array(is_baseline)]
    even = np.array(evenly(others.tolist(), most - len(best) - len(baselines)), dtype=np.intp)
    chosen = np.unique(np.concatenate([best, baselines, even]))
    words = (
        f"{len(chosen):,} of {len(rows):,} mixtures: the {len(best)} best, the baselines, "
        "and others evenly by rank"
    )
    return chosen, words


def evenly(given: Sequence[T], most: int) -> list[T]:
    """At most `most` of them at equal steps, the first and the last among them."""
    if len(given) <= most:
        return list(given)
    if most < 1:
        return []
    places = np.unique(np.linspace(0, len(given) - 1, most).round().astype(int))
    return [given[place] for place in places]
