"""Whether the best mixture lies where its intervals say: simulated studies whose truth is known.

    python bench/best_interval.py [--quick] [--studies N]

Studies of five sources as in `recommender_simulated.py`, without candidates, so that the answer is
chosen from the tried region. The true best mixture of that region is looked for with the law
itself; a source's interval holds it or not, and so does the interval of the first two sources'
share together (as an SFT share). The intervals say 95 %. `--quick`: 12 studies instead of 120.
"""

import argparse
import zlib
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from bench.goal import goal_line
from bench.recommender_simulated import CELLS, answer_of
from bench.simulated_studies import SHAPES, Law, draw_law, simulate
from mixtures.surrogates.seam import Array
from mixtures.tried_region import best_of_region

CELL = "5_sources"
LEAST = 0.90


class Truth:
    """Stands for a fit that knows the law."""

    def __init__(self, law: Law) -> None:
        self.law = law

    def predict(self, shares: Array) -> tuple[Array, Array]:
        return self.law(shares).mean(axis=1), np.zeros(len(shares))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="12 studies")
    parser.add_argument("--studies", type=int, default=120)
    options = parser.parse_args()
    number = 12 if options.quick else options.studies
    with threadpool_limits(1):
        found = [look(place) for place in range(number)]
    print("shape         studies  source held  sum held  width of the sum")
    for shape in SHAPES:
        rows = [row for row in found if row["shape"] == shape]
        held = f"{mean(rows, 'source'):12.3f} {mean(rows, 'sum'):9.3f}"
        print(f"{shape:12} {len(rows):8} {held} {mean(rows, 'width'):17.3f}")
    print(goal_line("best_source_share_held", mean(found, "source"), LEAST, True))
    print(goal_line("best_sft_share_held", mean(found, "sum"), LEAST, True))


def look(number: int) -> dict[str, Any]:
    """`source`: the part of the sources' intervals that hold the truth; `sum`: 1 or 0."""
    rng = np.random.default_rng([zlib.crc32(b"best_interval"), number])
    num_sources, num_mixtures, repeats = CELLS[CELL]
    shape = SHAPES[number % len(SHAPES)]
    law = draw_law(shape, num_sources, rng)
    study = simulate(law, num_sources, num_mixtures, repeats, rng)
    truth: Any = Truth(law)
    best = best_of_region(truth, study.mixtures.shares, np.random.default_rng([number, 1]))[0]
    answer = answer_of(study, candidates=False)
    held = [
        low - 1e-9 <= share <= high + 1e-9
        for share, (low, high) in zip(best.tolist(), answer.intervals.values(), strict=True)
    ]
    pool = answer.chosen_from
    sums = pool.shares[:, :2].sum(axis=1)
    low, high = np.quantile(sums[pool.best.best], [0.025, 0.975])
    low, high = min(low, sums[pool.best.choice]), max(high, sums[pool.best.choice])
    return {
        "shape": shape,
        "source": float(np.mean(held)),
        "sum": float(low - 1e-9 <= best[:2].sum() <= high + 1e-9),
        "width": float(high - low),
    }


def mean(rows: list[dict[str, Any]], name: str) -> float:
    return float(np.mean([row[name] for row in rows]))


if __name__ == "__main__":
    main()
