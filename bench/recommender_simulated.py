"""Whether the recommender is as sure as it should be: simulated studies whose truth is known.

    python bench/recommender_simulated.py [--quick] [--studies N] [--keep FILE]

Each study draws a mixing law (linear, exponential, roots, a bowl, roots with an interaction, or a
sum of three exponential laws as three metrics), mixtures from a Dirichlet, and noise whose sd
depends on the mixture, from a twentieth of the spread of the truth to all of it. It is fitted as
`decaymix fit` would, with candidates. Cells: one SFT share, 5 and 20 sources. Then bad data: all
noise, two equal optima, one outlier, a constant metric, and scores that are missing because they
are good.

`--quick`: 12 studies a cell instead of 500, 6 instead of 100 of bad data. `--keep FILE` has a line
of JSON for each finished study, and a second run goes on after the last.
"""

import argparse
import json
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from scipy.stats import norm
from threadpoolctl import threadpool_limits

from bench.simulated_studies import NUM_CANDIDATES, SHAPES, Study, draw_law, simulate, two_optima
from mixtures.own_answer import OwnAnswer, answer_own
from mixtures.own_tables import ScoreRow, Scores
from mixtures.own_trials import join
from mixtures.surrogates.seam import Array

# Columns (one SFT share is two of them), mixtures, repeats of each of the first five.
CELLS = {"one_share": (2, 14, 2), "5_sources": (5, 40, 3), "20_sources": (20, 70, 3)}
BAD_DATA = ("all_noise", "two_optima", "one_outlier", "constant", "missing_because_good")
NUM_SAMPLES = 1000

COVERAGE, ECE, HELD = (0.92, 0.98), 0.05, 0.95
# Equal-count bins: with 500 studies a bin's frequency is known to .05 or so, not better.
NUM_BINS = 5


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="12 studies a cell, 6 of bad data")
    parser.add_argument("--studies", type=int, default=500, help="per cell")
    parser.add_argument("--keep", type=Path, help="results, one JSON line per study")
    options = parser.parse_args()
    num_studies, num_bad = (12, 6) if options.quick else (options.studies, 100)
    plan = [(cell, i) for cell in CELLS for i in range(num_studies)]
    plan += [(cell, i) for cell in BAD_DATA for i in range(num_bad)]
    done = read_done(options.keep)
    with threadpool_limits(1):
        for cell, number in plan:
            if (cell, number) in done:
                continue
            result = run_cell(cell, number)
            done[cell, number] = result
            if options.keep:
                with options.keep.open("a", encoding="utf-8") as file:
                    file.write(json.dumps({"cell": cell, "number": number, **result}) + "\n")
    report({cell: [done[c, i] for c, i in plan if c == cell] for cell in (*CELLS, *BAD_DATA)})


def read_done(path: Path | None) -> dict[tuple[str, int], dict[str, Any]]:
    if path is None or not path.exists():
        return {}
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    return {(row.pop("cell"), row.pop("number")): row for row in rows}


def run_cell(cell: str, number: int) -> dict[str, Any]:
    rng = np.random.default_rng([zlib.crc32(cell.encode()), number])
    return run_good(cell, number, rng) if cell in CELLS else run_bad(cell, rng)


def run_good(cell: str, number: int, rng: np.random.Generator) -> dict[str, Any]:
    num_sources, num_mixtures, repeats = CELLS[cell]
    shape = SHAPES[number % len(SHAPES)]
    law = draw_law(shape, num_sources, rng)
    study = simulate(law, num_sources, num_mixtures, repeats, rng)
    answer = answer_of(study, candidates=True)
    pool = answer.of_candidates
    assert pool is not None
    best = int(np.argmin(study.candidate_truth))
    inside = np.abs(study.candidate_truth - pool.mean) <= norm.ppf(0.975) * pool.sd
    choice = pool.best.choice
    spread = float(np.median(study.candidate_truth) - study.candidate_truth[best])
    regret = float(study.candidate_truth[choice] - study.candidate_truth[best])
    return {
        "shape": shape,
        "coverage": float(inside.mean()),
        "p_best": pool.best.p_best.round(4).tolist(),
        "best": best,
        "choice": choice,
        "regret": regret / spread,
        "expected_regret": float(pool.best.expected_regret[choice]) / spread,
        "held": bool(pool.best.is_tied[best]),
        "num_tied": int(pool.best.is_tied.sum()),
        "enough": answer.evidence.is_enough,
    }


def run_bad(cell: str, rng: np.random.Generator) -> dict[str, Any]:
    """The truth must be in the tie group of the trials, or the evidence must not be enough."""
    num_sources, num_mixtures, repeats = CELLS["5_sources"]
    law = draw_law(SHAPES[int(rng.integers(len(SHAPES) - 1))], num_sources, rng)
    if cell == "two_optima":
        law = two_optima(num_sources, rng)
    study = simulate(law, num_sources, num_mixtures, repeats, rng)
    rows = list(study.scores.rows)
    truth = study.truth
    best = [int(np.argmin(truth))]
    if cell == "two_optima":
        best = np.flatnonzero(truth <= truth.min() + 1e-12).tolist()
    if cell in ("all_noise", "constant"):
        size = 1.0 if cell == "all_noise" else 0.0
        rows = [with_score(row, 2.0 + size * float(rng.standard_normal())) for row in rows]
    if cell == "one_outlier":
        far = 10.0 * float(truth.std()) * float(rng.choice([-1.0, 1.0]))
        place = int(rng.integers(len(rows)))
        rows[place] = with_score(rows[place], rows[place].values["m0"] + far)
    if cell == "missing_because_good":
        bound = float(np.quantile([row.values["m0"] for row in rows], 0.25))
        is_lost = [row.values["m0"] <= bound and rng.random() < 0.8 for row in rows]
        rows = [
            ScoreRow(id=row.id, values={}, missing={"m0": "no score"}) if lost else row
            for row, lost in zip(rows, is_lost, strict=True)
        ]
    scores = Scores(metrics=("m0",), rows=tuple(rows), decimals={"m0": 12})
    changed = Study(
        mixtures=study.mixtures,
        scores=scores,
        truth=truth,
        candidates=study.candidates,
        candidate_truth=study.candidate_truth,
    )
    answer = answer_of(changed, candidates=False)
    tied = set(answer.tie_group)
    held = all(study.mixtures.ids[one] in tied for one in best)
    return {"held": held, "num_tied": len(tied), "enough": answer.evidence.is_enough}


def with_score(row: ScoreRow, value: float) -> ScoreRow:
    return ScoreRow(id=row.id, values={"m0": value}, missing={})


def answer_of(study: Study, *, candidates: bool) -> OwnAnswer:
    return answer_own(
        join(study.mixtures, study.scores, None),
        is_loss=True,
        candidates=study.candidates if candidates else None,
        num_samples=NUM_SAMPLES,
        seed=0,
    )


def expected_calibration_error(confidence: Array, is_right: Array) -> float:
    """Over bins of equal count: mean |mean confidence - frequency|, weighted by count."""
    bins = np.array_split(np.argsort(confidence, kind="stable"), NUM_BINS)
    gaps = [abs(confidence[rows].mean() - is_right[rows].mean()) * len(rows) for rows in bins]
    return float(np.sum(gaps) / len(confidence))


def report(results: dict[str, Sequence[dict[str, Any]]]) -> None:
    lines = []

    def goal(name: str, value: float, bound: str, is_met: bool) -> None:
        lines.append(f"goal {name} value={value:.3f} bound={bound} {'met' if is_met else 'missed'}")

    for cell in CELLS:
        rows = results[cell]
        choice = np.array([row["p_best"][row["choice"]] for row in rows])
        right = np.array([float(row["choice"] == row["best"]) for row in rows])
        every = np.array([p for row in rows for p in row["p_best"]])
        is_best = np.array(
            [float(i == row["best"]) for row in rows for i in range(len(row["p_best"]))]
        )
        some = every >= 0.01
        print(
            f"{cell}: {len(rows)} studies, regret {np.mean([r['regret'] for r in rows]):.3f} "
            f"(expected {np.mean([r['expected_regret'] for r in rows]):.3f}), P(best) of the "
            f"choice {choice.mean():.3f} and right {right.mean():.3f}, of all above .01 "
            f"ECE {expected_calibration_error(every[some], is_best[some]):.3f}, tied "
            f"{np.mean([r['num_tied'] for r in rows]):.1f} of {NUM_CANDIDATES}, enough "
            f"{np.mean([r['enough'] for r in rows]):.2f}"
        )
        for shape in SHAPES:
            own = [row for row in rows if row["shape"] == shape]
            print(
                f"  {shape:12} coverage {np.mean([r['coverage'] for r in own]):.3f}, tie group "
                f"holds the best {np.mean([r['held'] for r in own]):.3f}, regret "
                f"{np.mean([r['regret'] for r in own]):.3f}"
            )
        covered = float(np.mean([row["coverage"] for row in rows]))
        is_met = COVERAGE[0] <= covered <= COVERAGE[1]
        goal(f"{cell}_coverage", covered, f"{COVERAGE[0]}..{COVERAGE[1]}", is_met)
        error = expected_calibration_error(choice, right)
        goal(f"{cell}_ece_of_p_best", error, f"{ECE}", error <= ECE)
        held = float(np.mean([row["held"] or not row["enough"] for row in rows]))
        goal(f"{cell}_tie_group_holds_best", held, f"{HELD}", held >= HELD)
    for cell in BAD_DATA:
        rows = results[cell]
        fine = float(np.mean([row["held"] or not row["enough"] for row in rows]))
        print(
            f"{cell}: enough evidence in {np.mean([r['enough'] for r in rows]):.2f}, tie group "
            f"holds the truth in {np.mean([r['held'] for r in rows]):.2f}, of "
            f"{np.mean([r['num_tied'] for r in rows]):.1f}"
        )
        goal(f"bad_data_{cell}", fine, f"{HELD}", fine >= HELD)
    print("\n".join(lines))


if __name__ == "__main__":
    main()
