"""Are the probabilities and intervals of how answers move as right as they say?

    python bench/moves.py [--quick]

Simulated studies whose truth is known. `front`: two benchmarks with their own best mixtures, on a
sweep of the SFT share and over four sources; P(on the front) of every mixture against whether it
is on the true one, as expected calibration error, and as Brier score beside that of the raw front
(0 or 1, by the measured means). `composition`: the best SFT share is a + b times chat's share of
the SFT group; how often the 95 % interval of the lowest point holds it, and how often that of the
change does. `size`: three proxies' best shares on a line in log10(parameters) with scatter between
sizes; how often the interval at the full size holds the truth. Noise is .05 to .5 of the scores'
spread.
"""

import argparse

import numpy as np
from threadpoolctl import threadpool_limits

from bench.goal import goal_line
from mixtures.best_share_moves import best_shares
from mixtures.named_objectives import asked_objectives
from mixtures.objective import Objective
from mixtures.observation import Observation
from mixtures.pareto import on_front, pareto_front
from mixtures.size_extrapolation import extrapolation_of
from mixtures.study import StudySpec
from mixtures.surrogates.seam import Array

NUM_FRONTS, NUM_COMPOSITIONS, NUM_SIZES = 60, 60, 1000
SWEEP = (0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0)
NOISE = (0.05, 0.5)
MIXTURES = 40
SIZES, FULL = (394_080, 6_033_664, 54_282_752), 1_151_485_440
BINS = 10
# Goals, set before the first run: the project's bounds for intervals and for P(best).
LOW, HIGH, CALIBRATION = 0.92, 0.98, 0.05


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a tenth of the studies")
    part = 10 if parser.parse_args().quick else 1
    with threadpool_limits(1):
        for is_line, name in ((True, "sweep"), (False, "four_sources")):
            chances, raw, truth = fronts(NUM_FRONTS // part, is_line)
            brier = [float(np.mean((one - truth) ** 2)) for one in (chances, raw)]
            print(
                f"front, {name}: {len(truth)} mixtures, {truth.mean():.2f} of them on the true one"
            )
            error = calibration_error(chances, truth)
            print(goal_line(f"front_{name}_calibration_error", error, CALIBRATION))
            print(goal_line(f"front_{name}_brier_over_raw", brier[0] / brier[1], 1.0))
        points, changes = compositions(NUM_COMPOSITIONS // part)
        between("composition_lowest_point_coverage", points)
        between("composition_change_coverage", changes)
        between("size_extrapolation_coverage", sizes(NUM_SIZES // part))


def fronts(count: int, is_line: bool) -> tuple[Array, Array, Array]:
    """P(on the front), on the raw front, on the true front: of all mixtures of all studies."""
    study = study_of(("first", "second"), is_line)
    asked = asked_objectives(study, ["first", "second"])
    chances: list[float] = []
    raw: list[bool] = []
    truth: list[bool] = []
    for number in range(count):
        rng = np.random.default_rng([number, int(is_line)])
        shares = sweep() if is_line else drawn(MIXTURES, rng)
        losses = np.stack([bowl(shares, rng, is_line) for _ in range(2)])
        trials = measured(shares, losses, ("first", "second"), 2 if is_line else 1, rng)
        rows = pareto_front(study, asked, trials, {"first": 1.0, "second": 1.0}).rows
        is_true = on_front(losses)
        by_trial = {trial.trial_id: place for place, trial in enumerate(trials)}
        for row in rows:
            place = by_trial[row.trial_ids[0]] % len(shares)
            chances.append(row.p_on_front)
            raw.append(row.on_raw_front)
            truth.append(bool(is_true[place]))
    return np.array(chances), np.array(raw, dtype=float), np.array(truth, dtype=float)


def compositions(count: int) -> tuple[float, float]:
    """How often the intervals of the lowest points, and of their change, hold the truth."""
    study = study_of(("only",), is_line=False)
    points: list[bool] = []
    changes: list[bool] = []
    for number in range(count):
        rng = np.random.default_rng([number, 5])
        start, slope = rng.uniform(0.3, 0.6), rng.uniform(-0.3, 0.3)
        shares = drawn(MIXTURES, rng)
        sft = shares[:, 2:].sum(axis=1)
        chat = shares[:, 2] / np.maximum(sft, 1e-9)
        losses = ((sft - start - slope * (chat - 0.5)) ** 2)[None]
        found = best_shares(study, measured(shares, losses, ("only",), 1, rng))
        for move in found.compositions:
            if move.source != "chat":
                continue
            at = [start + slope * (point.share_in_group - 0.5) for point in move.points]
            for point, best in zip(move.points, at, strict=True):
                # The grid's step is .02: its nearest point may lie .01 off.
                low, high = point.lowest_point
                points.append(low - 0.01 <= best <= high + 0.01)
            low, high = move.change_interval
            changes.append(low - 0.02 <= at[-1] - at[0] <= high + 0.02)
    return float(np.mean(points)), float(np.mean(changes))


def sizes(count: int) -> float:
    """How often the interval of the full model's best share holds it."""
    held = []
    for number in range(count):
        rng = np.random.default_rng([number, 9])
        level, slope = rng.uniform(0.5, 1.1), 0.05 * rng.standard_normal()
        scatter = abs(0.1 * rng.standard_normal())
        x = np.log10(np.array([*SIZES, FULL]) / FULL)
        angles = level + slope * x + scatter * rng.standard_normal(4)
        sds = rng.uniform(0.02, 0.15, size=3)
        known = []
        for size, angle, sd in zip(SIZES, angles[:3], sds, strict=True):
            draws = angle + sd * rng.standard_normal() + sd * rng.standard_normal(1000)
            known.append((size, as_share(draws)))
        low, high = extrapolation_of(known, FULL).interval
        held.append(low <= float(as_share(angles[3:])[0]) <= high)
    return float(np.mean(held))


def as_share(angles: Array) -> Array:
    share: Array = np.sin(np.clip(angles, 0.0, np.pi / 2)) ** 2
    return share


def study_of(benchmarks: tuple[str, ...], is_line: bool) -> StudySpec:
    """Two pretraining sources, three to one, and two SFT sources."""
    space: dict[str, object] = {"sft_share": SWEEP}
    if not is_line:
        space = {"sft_share_range": [0.0, 1.0], "free_groups": ["sft"]}
    return StudySpec.model_validate(
        {
            "name": "simulated",
            "trained_by": "outside",
            "sources": [
                {"name": "web", "kind": "pretrain", "tokens": 800_000},
                {"name": "books", "kind": "pretrain", "tokens": 200_000},
                {"name": "chat", "kind": "sft", "tokens": 60_000},
                {"name": "proofs", "kind": "sft", "tokens": 40_000},
            ],
            "pretrain_shares": {"web": 0.75, "books": 0.25},
            "benchmarks": [{"name": name} for name in benchmarks],
            "objective": Objective(metric="loss", better="lower"),
            "space": space,
        }
    )


def sweep() -> Array:
    share = np.array(SWEEP)
    rest = 1.0 - share
    return np.column_stack([0.75 * rest, 0.25 * rest, 0.5 * share, 0.5 * share])


def drawn(count: int, rng: np.random.Generator) -> Array:
    sft, chat = rng.random(count), rng.random(count)
    rest = 1.0 - sft
    return np.column_stack([0.75 * rest, 0.25 * rest, sft * chat, sft * (1.0 - chat)])


def bowl(shares: Array, rng: np.random.Generator, is_line: bool) -> Array:
    """(P,) a loss with its least at a mixture that is drawn, steeper along some sources."""
    target = sweep()[rng.integers(len(SWEEP))] if is_line else drawn(1, rng)[0]
    steep = np.exp(0.5 * rng.standard_normal(shares.shape[1]))
    loss: Array = ((np.sqrt(shares) - np.sqrt(target)) ** 2) @ steep
    return loss


def measured(
    shares: Array, losses: Array, names: tuple[str, ...], repeats: int, rng: np.random.Generator
) -> list[Observation]:
    """Every mixture on each of `repeats` seeds; a seed's own effect is half of a run's noise."""
    noise = np.exp(rng.uniform(*np.log(NOISE))) * losses.std(axis=1)
    trials = []
    for seed in range(repeats):
        effect = 0.5 * noise * rng.standard_normal(len(names))
        for place, row in enumerate(shares):
            values = losses[:, place] + effect + noise * rng.standard_normal(len(names))
            trials.append(
                Observation(
                    trial_id=f"t{place:03}-{seed}",
                    shares=dict(zip(("web", "books", "chat", "proofs"), row.tolist(), strict=True)),
                    sft_share=round(float(row[2] + row[3]), 9),
                    seed=seed,
                    scores=dict(zip(names, values.tolist(), strict=True)),
                )
            )
    return trials


def calibration_error(chances: Array, truth: Array) -> float:
    """Mean gap of chance and frequency over bins of equal width, weighted by their size."""
    place = np.minimum((chances * BINS).astype(int), BINS - 1)
    gaps = 0.0
    for k in range(BINS):
        inside = place == k
        if inside.any():
            gaps += float(inside.mean()) * abs(float(chances[inside].mean() - truth[inside].mean()))
    return gaps


def between(name: str, value: float) -> None:
    is_met = LOW <= value <= HIGH
    print(f"goal {name} value={value:.4f} bound={LOW:g}..{HIGH:g} {'met' if is_met else 'missed'}")


if __name__ == "__main__":
    main()
