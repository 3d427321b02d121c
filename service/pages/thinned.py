"""Which of many mixtures a figure draws: the best, the baselines, and others evenly.

A figure with 100,000 dots is a blot that freezes the page. What is left out is said beside it.
"""

import numpy as np

from service.pages.mixture_table import Rows
from service.study_facts import StudyFacts

# Of those drawn, this part are the first of the leaderboard.
BEST_PART = 0.25


def thinned(facts: StudyFacts, rows: Rows, most: int) -> tuple[Rows, str | None]:
    """At most `most` of `rows` (in the leaderboard's order), and the words for what is drawn.

    None for words where all are. The choice is the same at every call.
    """
    if len(rows) <= most:
        return rows, None
    best = rows[: round(BEST_PART * most)]
    others = rows[len(best) :]
    baselines = others[facts.table.is_baseline[others]]
    even = even_places(len(others), most - len(best) - len(baselines))
    chosen = np.unique(np.concatenate([best, baselines, others[even]]))
    words = (
        f"{len(chosen):,} of {len(rows):,} mixtures: the {len(best)} best, the baselines, "
        "and others evenly by rank"
    )
    return chosen, words


def even_places(num: int, most: int) -> Rows:
    """At most `most` of the places 0 to `num` - 1 at equal steps, from the first to the last."""
    if num <= most:
        return np.arange(num)
    if most < 1:
        return np.arange(0)
    return np.unique(np.linspace(0, num - 1, most).round().astype(np.intp))
