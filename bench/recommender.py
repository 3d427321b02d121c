"""How well a recommendation from n trials ranks mixtures that were not tried, on published runs.

    python bench/recommender.py DATA_ROOT [--quick] [--keep FILE]

DATA_ROOT holds mixture_trials/regmix: RegMix's 512 runs of a 1M-parameter model over 17 sources,
256 held-out mixtures, and those again at 60M parameters (https://github.com/sail-sg/regmix). A
model is fitted to n of the 512 and ranks the 256. Subset s of n trials is the first n of a
permutation seeded with s, so larger subsets hold the smaller. Regret = (loss of the mixture
recommended out of the 256 - best) / (median - best). `--quick`: 16 and 32 trials, two subsets.
`--keep FILE` has a line of JSON for each finished figure, and a second run goes on after the last.
"""

import argparse
import json
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from scipy.stats import norm, spearmanr
from threadpoolctl import threadpool_limits

from bench.goal import goal_line
from bench.regmix import (
    MEAN,
    PILE_CC,
    Runs,
    of_target,
    read_runs,
    regmix_lightgbm,
    regret,
    subset_trials,
)
from mixtures.surrogates.objective_fit import ObjectiveFit, combine
from mixtures.surrogates.seam import Array, Trials
from mixtures.surrogates.stack import SURROGATES, StackFit, fit_stacks, stacks_of

SIZES, NUM_SUBSETS = (16, 32, 64, 128, 256), 6
STACK, REGMIX, BEST_SEEN = "stack", "lightgbm, RegMix settings", "best seen"

# Goals: Spearman at least, by target and number of trials.
RANK_GOALS = {
    MEAN: {16: 0.92, 32: 0.965, 64: 0.980, 128: 0.990},
    PILE_CC: {32: 0.970, 64: 0.986, 128: 0.9915},
}
REGRET_GOALS = {32: 0.035, 64: 0.01}
WORST_REGRET = 0.03  # at 64 trials
COVERAGE, COVERAGE_FROM = 0.93, 32
WIDTHS = {MEAN: 1.0, PILE_CC: 1.4}  # in sds of the target, at 64 trials
BEHIND_BEST, FIT_SECONDS = 0.005, 20.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Figure:
    """One model on one subset. Coverage and width are the stack's alone."""

    target: str
    model: str
    num_trials: int
    subset: int
    spearman: float | None
    regret: float
    spearman_60m: float | None
    regret_60m: float | None
    coverage: float | None = None
    width: float | None = None


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data_root", type=Path)
    parser.add_argument("--quick", action="store_true", help="16 and 32 trials, two subsets")
    parser.add_argument("--keep", type=Path, help="figures, one JSON line each")
    options = parser.parse_args()
    runs = read_runs(options.data_root / "mixture_trials" / "regmix")
    sizes = SIZES[:2] if options.quick else SIZES
    figures = read_kept(options.keep)
    done = {(one.num_trials, one.subset) for one in figures}
    with threadpool_limits(1):
        for size in sizes:
            for subset in range(2 if options.quick else NUM_SUBSETS):
                if (size, subset) in done:
                    continue
                new = figures_of(runs, size, subset)
                figures += new
                if options.keep:
                    with options.keep.open("a", encoding="utf-8") as file:
                        file.write("".join(json.dumps(asdict(one)) + "\n" for one in new))
        seconds = None if options.quick else fit_seconds(runs)
    for target in (PILE_CC, MEAN):
        print_table(figures, target, sizes)
    for line in goal_lines(figures, sizes, seconds):
        print(line)


def read_kept(path: Path | None) -> list[Figure]:
    if path is None or not path.exists():
        return []
    lines = path.read_text(encoding="utf-8").splitlines()
    return [Figure(**json.loads(line)) for line in lines]


def figures_of(runs: Runs, size: int, subset: int) -> list[Figure]:
    """Every model on both targets."""
    rows, trials = subset_trials(runs, size, subset)
    fits = [[surrogate.fit(one) for surrogate in SURROGATES] for one in trials]
    names = [surrogate.name for surrogate in SURROGATES]
    stacks = {
        MEAN: combined(stacks_of(trials, fits, names), size),
        PILE_CC: combined(stacks_of([trials[runs.pile_cc]], [fits[runs.pile_cc]], names), size),
    }
    singles = {
        name: np.column_stack([row[m].predict(runs.held_out)[0] for row in fits])
        for m, name in enumerate(names)
    }
    singles[REGMIX] = regmix_lightgbm(runs, rows)
    figures = []
    for target, stack in stacks.items():
        figures.append(stack_figure(runs, target, size, subset, stack))
        for name, predicted in singles.items():
            one = of_target(predicted, target, runs)
            figures.append(figure_of(runs, target, name, size, subset, one))
        seen = of_target(runs.losses[rows], target, runs).min()
        truth = of_target(runs.losses_1m, target, runs)
        figures.append(
            Figure(
                target=target,
                model=BEST_SEEN,
                num_trials=size,
                subset=subset,
                spearman=None,
                regret=float((seen - truth.min()) / (np.median(truth) - truth.min())),
                spearman_60m=None,
                regret_60m=None,
            )
        )
    return figures


def combined(stacks: Sequence[StackFit], size: int) -> ObjectiveFit:
    named = {str(i): stack for i, stack in enumerate(stacks)}
    weights = dict.fromkeys(named, 1.0 / len(named))
    return combine(named, dict.fromkeys(named, np.arange(size)), weights, size)


def stack_figure(runs: Runs, target: str, size: int, subset: int, stack: ObjectiveFit) -> Figure:
    mean, sd = stack.predict(runs.held_out)
    truth = of_target(runs.losses_1m, target, runs)
    # The held-out losses are single runs: their noise belongs in the interval.
    half = norm.ppf(0.975) * np.hypot(sd, stack.noise_sd)
    figure = asdict(figure_of(runs, target, STACK, size, subset, mean))
    figure["coverage"] = float(np.mean(np.abs(truth - mean) <= half))
    figure["width"] = float(2 * half.mean() / truth.std())
    return Figure(**figure)


def figure_of(
    runs: Runs, target: str, model: str, size: int, subset: int, predicted: Array
) -> Figure:
    at_1m = of_target(runs.losses_1m, target, runs)
    at_60m = of_target(runs.losses_60m, target, runs)
    is_constant = np.ptp(predicted) == 0
    return Figure(
        target=target,
        model=model,
        num_trials=size,
        subset=subset,
        spearman=None if is_constant else float(spearmanr(predicted, at_1m)[0]),
        regret=regret(predicted, at_1m),
        spearman_60m=None if is_constant else float(spearmanr(predicted, at_60m)[0]),
        regret_60m=regret(predicted, at_60m),
    )


def fit_seconds(runs: Runs) -> float:
    """CPU seconds of one thread for 14 targets, the 13 losses and their mean, at 256 trials."""
    _, trials = subset_trials(runs, 256, 0)
    mean = np.mean([one.targets for one in trials], axis=0)
    first = trials[0]
    trials.append(Trials(shares=first.shares, targets=mean, noise=first.noise, folds=first.folds))
    started = time.process_time()
    fits: list[StackFit] = fit_stacks(trials)
    seconds = time.process_time() - started
    assert all(np.isfinite(fit.out_of_fold).all() for fit in fits)
    return seconds


def mean_of(
    figures: Sequence[Figure], target: str, model: str, size: int, field: str
) -> float | None:
    """Over the subsets; None where any has none."""
    values = [
        getattr(one, field)
        for one in figures
        if (one.target, one.model, one.num_trials) == (target, model, size)
    ]
    return None if not values or None in values else float(np.mean(values))


def print_table(figures: Sequence[Figure], target: str, sizes: Sequence[int]) -> None:
    models = list(dict.fromkeys(one.model for one in figures))
    for title, rank, loss in (
        ("1M", "spearman", "regret"),
        ("60M", "spearman_60m", "regret_60m"),
    ):
        print(f"\n| {target}, at {title}: Spearman (regret) | {' | '.join(map(str, sizes))} |")
        print(f"|---|{'---|' * len(sizes)}")
        for model in models:
            cells = []
            for size in sizes:
                rho = mean_of(figures, target, model, size, rank)
                lost = mean_of(figures, target, model, size, loss)
                if lost is None:
                    cells.append("-")
                else:
                    cells.append(f"{'constant' if rho is None else f'{rho:.4f}'} ({lost:.3f})")
            print(f"| {model} | {' | '.join(cells)} |")
    for field in ("coverage", "width"):
        values = [mean_of(figures, target, STACK, size, field) for size in sizes]
        print(f"{target}: 95 % intervals, {field}:", *(f"{value:.3f}" for value in values))


def goal_lines(figures: Sequence[Figure], sizes: Sequence[int], seconds: float | None) -> list[str]:
    lines = []

    def goal(name: str, value: float | None, bound: float, is_at_least: bool) -> None:
        assert value is not None
        lines.append(goal_line(name, value, bound, is_at_least))

    short = {MEAN: "mean13", PILE_CC: "pile_cc"}
    for target, bounds in RANK_GOALS.items():
        for size, bound in bounds.items():
            if size in sizes:
                value = mean_of(figures, target, STACK, size, "spearman")
                goal(f"{short[target]}_spearman_{size}", value, bound, True)
    for size, bound in REGRET_GOALS.items():
        if size in sizes:
            goal(
                f"mean13_regret_{size}", mean_of(figures, MEAN, STACK, size, "regret"), bound, False
            )
    of_64 = [
        one.regret
        for one in figures
        if (one.target, one.model, one.num_trials) == (MEAN, STACK, 64)
    ]
    if of_64:
        goal("mean13_worst_regret_64", max(of_64), WORST_REGRET, False)
    for target in (MEAN, PILE_CC):
        for size in sizes:
            if size >= COVERAGE_FROM:
                value = mean_of(figures, target, STACK, size, "coverage")
                goal(f"{short[target]}_coverage_{size}", value, COVERAGE, True)
        if 64 in sizes:
            value = mean_of(figures, target, STACK, 64, "width")
            goal(f"{short[target]}_width_64", value, WIDTHS[target], False)
    goal("most_behind_best_single", most_behind(figures, sizes), BEHIND_BEST, False)
    if seconds is not None:
        goal("fit_14_targets_256_cpu_seconds", seconds, FIT_SECONDS, False)
    return lines


def most_behind(figures: Sequence[Figure], sizes: Sequence[int]) -> float:
    """The best single model's mean Spearman less the stack's, where that is largest."""
    gaps = []
    for target in (MEAN, PILE_CC):
        for size in sizes:
            own = mean_of(figures, target, STACK, size, "spearman")
            assert own is not None
            for model in {one.model for one in figures} - {STACK, BEST_SEEN}:
                other = mean_of(figures, target, model, size, "spearman")
                gaps.append(-1.0 if other is None else other - own)
    return max(gaps)


if __name__ == "__main__":
    main()
