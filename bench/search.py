"""Regret against trials on made-up studies: our search beside random, space-filling and Optuna TPE.

Goal: the regret that 400 space-filling trials reach, with at most 60 of the search. What a method
recommends is read in two ways, the same for all: the mixture with the lowest single score, which is
what people do today, and the tried mixture of lowest posterior mean. Regret is in units of what a
middling mixture loses to the best; the goal compares means over studies, read the second way.

    python bench/search.py [--quick] [--studies N] [--sources 5 20] [--noise 0.15]
"""

import argparse
import time
import warnings
from collections.abc import Callable, Sequence

import numpy as np

from bench.search_truths import LAWS, NUM_BENCHMARKS, Array, Truth, make_truth, observed
from mixtures.design import first_trials, request_of, trials_of_request
from mixtures.propose import Memory, propose
from mixtures.rank import Observation
from mixtures.search_data import search_data
from mixtures.search_gp import posterior_of
from mixtures.space_filling import regions_of, space_filling
from mixtures.trial import TrialSpec

BUDGET, GRID, BATCH = 60, 400, 4
MARKS = (20, 30, 40, 50, 60)
# At which numbers of trials a method is read: by lowest score, by posterior mean.
Curve = dict[int, tuple[float, float]]


def observe(
    truth: Truth, specs: Sequence[TrialSpec], rng: np.random.Generator
) -> list[Observation]:
    found = []
    for spec in specs:
        shares = np.array(list(spec.mixture.shares.values()))[None]
        noise = truth.noise(shares)[0] * rng.standard_normal(NUM_BENCHMARKS)
        found.append(observed(spec, truth.scores(shares)[0] + noise))
    return found


def read(truth: Truth, trials: Sequence[Observation]) -> tuple[float, float]:
    """Regret of the mixture with the lowest score, and of the one of lowest posterior mean."""
    scores = [np.mean(list(trial.scores.values())) for trial in trials]
    lowest = np.array(list(trials[int(np.argmin(scores))].shares.values()))
    data = search_data(truth.study, trials, 10**6)
    assert data is not None
    posterior = posterior_of(list(data.parts.values()), [None] * len(data.parts))
    best = data.shares[int(np.argmin(posterior.mean(data.shares)))]
    return truth.regret(lowest), truth.regret(best)


def specs_of(truth: Truth, points: Array) -> list[TrialSpec]:
    requests = [request_of(truth.study, row).model_copy(update={"seed": 0}) for row in points]
    return [one for r in requests for one in trials_of_request(r, truth.study, "s", {})]


def by_search(truth: Truth, seed: int) -> Curve:
    rng, memory = np.random.default_rng([seed, 1]), Memory()
    trials = observe(truth, first_trials(truth.study, "s", {}), rng)
    curve: Curve = {}
    while len(trials) < BUDGET:
        num = min(BATCH, BUDGET - len(trials))
        proposal = propose(truth.study, trials, [], num, memory=memory)
        for request in proposal.requests:
            trials += observe(truth, trials_of_request(request, truth.study, "s", {}), rng)
        curve |= {m: read(truth, trials) for m in MARKS if m <= len(trials) and m not in curve}
    return curve


def by_points(truth: Truth, points: Array, seed: int, marks: Sequence[int]) -> Curve:
    trials = observe(truth, specs_of(truth, points), np.random.default_rng([seed, 2]))
    return {mark: read(truth, trials[:mark]) for mark in marks}


def by_random(truth: Truth, seed: int) -> Curve:
    rng = np.random.default_rng([seed, 3])
    return by_points(truth, rng.dirichlet(np.ones(len(truth.study.sources)), BUDGET), seed, MARKS)


def by_space_filling(truth: Truth, seed: int) -> Curve:
    regions = regions_of(truth.study)
    found = by_points(truth, space_filling(regions, BUDGET, seed), seed, MARKS)
    return found | by_points(truth, space_filling(regions, GRID, seed), seed + 10_000, (GRID,))


def by_tpe(truth: Truth, seed: int) -> Curve:
    """Optuna's, over one uniform a source: shares are -log(u) over their sum, a flat Dirichlet."""
    import optuna

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    rng, num = np.random.default_rng([seed, 4]), len(truth.study.sources)
    sampler = optuna.samplers.TPESampler(seed=seed, multivariate=True)
    study = optuna.create_study(sampler=sampler)
    trials: list[Observation] = []
    curve: Curve = {}
    for index in range(BUDGET):
        trial = study.ask()
        draws = np.array([trial.suggest_float(f"u{i}", 1e-6, 1 - 1e-6) for i in range(num)])
        shares = -np.log(draws) / -np.log(draws).sum()
        trials += observe(truth, specs_of(truth, shares[None]), rng)
        study.tell(trial, float(np.mean(list(trials[-1].scores.values()))))
        if index + 1 in MARKS:
            curve[index + 1] = read(truth, trials)
    return curve


METHODS: dict[str, Callable[[Truth, int], Curve]] = {
    "search": by_search,
    "space-filling": by_space_filling,
    "random": by_random,
    "Optuna TPE": by_tpe,
}


def table(num_sources: int, curves: dict[str, list[Curve]], seconds: float) -> None:
    studies = len(curves["search"])
    print(
        f"\n{num_sources} sources, {studies} studies, {seconds:.0f} s: mean regret, read by lowest"
    )
    print("score | by posterior mean (standard error of the latter)")
    for name, found in curves.items():
        cells = []
        for mark in found[0]:
            lowest, fitted = np.array([curve[mark] for curve in found]).T
            error = fitted.std(ddof=1) / np.sqrt(len(fitted)) if len(fitted) > 1 else np.nan
            cells.append(f"{mark}: {lowest.mean():.3f} | {fitted.mean():.3f} ({error:.3f})")
        print(f"  {name:14} " + "   ".join(cells))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="one study of each law")
    parser.add_argument("--studies", type=int, default=20, help="of each law and size")
    parser.add_argument("--sources", type=int, nargs="+", default=[1, 5, 20])
    parser.add_argument("--noise", type=float, default=0.15, help="of a trial, over the space's sd")
    arguments = parser.parse_args()
    warnings.filterwarnings("ignore", category=Warning, module="optuna")
    num = 1 if arguments.quick else arguments.studies
    goals = []
    for num_sources in arguments.sources:
        started = time.monotonic()
        curves: dict[str, list[Curve]] = {name: [] for name in METHODS}
        for seed in range(num):
            for law in LAWS:
                truth = make_truth(law, num_sources, arguments.noise, seed)
                for name, method in METHODS.items():
                    curves[name].append(method(truth, seed))
        table(num_sources, curves, time.monotonic() - started)
        if num_sources > 1:
            ours = float(np.mean([curve[BUDGET][1] for curve in curves["search"]]))
            grid = float(np.mean([curve[GRID][1] for curve in curves["space-filling"]]))
            met = "met" if ours <= grid else "missed"
            goals.append(
                f"goal search_{num_sources}_sources_at_{BUDGET} value={ours:.4f} "
                f"bound={grid:.4f} {met}"
            )
    print()
    for goal in goals:
        print(goal)


if __name__ == "__main__":
    main()
