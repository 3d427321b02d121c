"""Where further seeds go: the search's choice beside OCBA, top-two and equal repeats.

Made-up studies of mixtures that are all tried already, so that a trial can only repeat one: which
is picked after a budget of repeats, and what it loses to the best. OCBA (Chen, Lin, Yucesan, Chick
2000, Discrete Event Dynamic Systems 10(3), 251-270) in its sequential form: the next repeat goes
where the number of trials is furthest behind the share that the theorem gives. Beliefs are
independent, which is OCBA's own ground: the search's smooth ones know more of neighbours.

    python bench/repeats.py [--quick] [--studies N]
"""

import argparse
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from mixtures.acquisition import choose, expected_improvement

Array = NDArray[np.floating]
NUM_MIXTURES, FIRST, BUDGETS = 20, 2, (20, 40, 80)
# Noise of one trial over the spread of the mixtures' truths.
NOISES = (0.5, 1.5)
Rule = Callable[[Array, Array, float], int]


def by_search(mean: Array, num: Array, variance: float) -> int:
    """`acquisition.choose`, every mixture a repeat."""
    covariance = np.diag(variance / num)
    return choose(mean, covariance, variance, 1).indices[0]


def by_ocba(mean: Array, num: Array, variance: float) -> int:
    """N_i ~ 1 / gap^2 to the leader at equal noise; the leader has the root of their squares."""
    leader = int(np.argmin(mean))
    gaps = np.maximum(mean - mean[leader], 1e-9)
    share = 1.0 / gaps**2
    share[leader] = 0.0
    share[leader] = np.sqrt(np.sum(share**2))
    return int(np.argmax(share / share.sum() * (num.sum() + 1) - num))


def by_top_two(mean: Array, num: Array, variance: float) -> int:
    """Of the leader and its likeliest rival the one known worse (TTEI, beta 1/2)."""
    leader = int(np.argmin(mean))
    spread = np.sqrt(variance / num + variance / num[leader])
    promise = expected_improvement((mean[leader] - mean) / spread, spread)
    promise[leader] = -np.inf
    rival = int(np.argmax(promise))
    return leader if num[leader] < num[rival] else rival


def equally(mean: Array, num: Array, variance: float) -> int:
    return int(np.argmin(num))


RULES: dict[str, Rule] = {
    "search": by_search,
    "OCBA": by_ocba,
    "top-two": by_top_two,
    "equal": equally,
}


def one_study(
    rule: Rule, noise: float, seed: int, most: int = max(BUDGETS)
) -> dict[int, tuple[float, bool]]:
    """Budget, up to `most`, to (regret, was it the best) of the mixture with the lowest mean."""
    rng = np.random.default_rng([seed, round(100 * noise)])
    truth = rng.standard_normal(NUM_MIXTURES)
    # The same draws for every rule: its k-th trial of a mixture has one noise.
    draws = truth + noise * rng.standard_normal((FIRST + max(BUDGETS), NUM_MIXTURES))
    num = np.full(NUM_MIXTURES, float(FIRST))
    total = draws[:FIRST].sum(axis=0)
    found = {}
    for step in range(1, most + 1):
        index = rule(total / num, num, noise**2)
        total[index] += draws[int(num[index]), index]
        num[index] += 1
        if step in BUDGETS:
            picked = int(np.argmin(total / num))
            found[step] = float(truth[picked] - truth.min()), bool(truth[picked] == truth.min())
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--studies", type=int)
    given = parser.parse_args()
    num_studies = given.studies or (100 if given.quick else 1000)
    print(f"{num_studies} studies, {NUM_MIXTURES} mixtures with {FIRST} seeds each")
    print("noise rule       " + "".join(f"  regret@{b:<3d} best@{b:<3d}" for b in BUDGETS))
    ratios = []
    for noise in NOISES:
        regrets: dict[str, dict[int, float]] = {}
        for name, rule in RULES.items():
            runs = [one_study(rule, noise, seed) for seed in range(num_studies)]
            regrets[name] = {b: float(np.mean([run[b][0] for run in runs])) for b in BUDGETS}
            hits = {b: float(np.mean([run[b][1] for run in runs])) for b in BUDGETS}
            cells = "".join(f"  {regrets[name][b]:10.4f} {hits[b]:8.3f}" for b in BUDGETS)
            print(f"{noise:5.1f} {name:10s}{cells}")
        ratios += [regrets["search"][b] / regrets["OCBA"][b] for b in BUDGETS]
    worst = max(ratios)
    met = "met" if worst <= 1.1 else "missed"
    print(f"goal repeats_regret_to_ocba value={worst:.3f} bound=1.1 {met}")


if __name__ == "__main__":
    main()
