"""Made-up studies with a known truth: what a mixture's scores would be without noise.

Laws as the literature has them, over K sources and several benchmarks: exponential (Data Mixing
Laws, arXiv 2403.16952), power laws with diminishing returns of each source, and a bowl in square
roots of the shares, whose best mixture lies inside.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mixtures.observation import Observation
from mixtures.study import StudySpec
from mixtures.trial import TrialSpec

Array = NDArray[np.float64]
LAWS = ("exponential", "power", "bowl")
NUM_BENCHMARKS = 5
_DENSE = 20_000


@dataclass(frozen=True, slots=True)
class Truth:
    """`scores` (P, K) -> (P, B); `noise` (P, K) -> (P,) sd of each benchmark's score by mixture."""

    study: StudySpec
    scores: Callable[[Array], Array]
    noise: Callable[[Array], Array]
    best: float
    median: float

    def objective(self, shares: Array) -> Array:
        return np.asarray(self.scores(shares).mean(axis=1))

    def regret(self, shares: Array) -> float:
        """Of one mixture (K,), in units of what a middling mixture loses to the best."""
        return float((self.objective(shares[None])[0] - self.best) / (self.median - self.best))


def observed(spec: TrialSpec, scores: Array) -> Observation:
    """The trial with its scores (B,)."""
    return Observation(
        trial_id=spec.trial_id,
        shares=spec.mixture.shares,
        sft_share=spec.sft_share,
        seed=spec.seed,
        scores={f"b{index}": float(value) for index, value in enumerate(scores)},
        factors=spec.factors,
    )


def study_of(num_sources: int) -> StudySpec:
    """One free share (an SFT share), or all shares of `num_sources` sources free."""
    if num_sources == 1:
        kinds, space = ["pretrain", "sft"], {"sft_share_range": [0.0, 1.0]}
    else:
        half = num_sources // 2
        kinds = ["pretrain"] * half + ["sft"] * (num_sources - half)
        space = {"sft_share_range": [0.0, 1.0], "free_groups": ["sft", "pretrain"]}
    return StudySpec.model_validate(
        {
            "name": "simulated",
            "trained_by": "outside",
            "sources": [
                {"name": f"s{i}", "kind": kind, "tokens": 10**9} for i, kind in enumerate(kinds)
            ],
            "benchmarks": [{"name": f"b{i}"} for i in range(NUM_BENCHMARKS)],
            "objective": {"metric": "loss", "better": "lower"},
            "decay": {"tokens": 1000},
            "space": space,
            "seeds": [0, 1, 2, 3],
            "design": {"num_repeated": 3},
            "search": {"stops_early": False},
        }
    )


def make_truth(law: str, num_sources: int, noise: float, seed: int) -> Truth:
    """`noise`: sd of one trial's objective over the sd of the objective over the space."""
    rng = np.random.default_rng([seed, num_sources, LAWS.index(law)])
    study = study_of(num_sources)
    num = len(study.sources)
    scores = {"exponential": _exponential, "power": _power, "bowl": _bowl}[law](num, rng)
    dense = np.concatenate([rng.dirichlet(np.full(num, a), _DENSE // 2) for a in (1.0, 0.3)])
    values = scores(dense).mean(axis=1)
    sd = float(values[: _DENSE // 2].std())
    slope = rng.standard_normal(num) * 0.7

    def noise_of(shares: Array) -> Array:
        # Of one benchmark: the objective is the mean of B, so its noise is this over sqrt(B).
        return np.asarray(noise * sd * np.sqrt(NUM_BENCHMARKS) * np.exp(shares @ slope))

    best = _descend(scores, dense[np.argsort(values)[:5]], rng)
    return Truth(study, scores, noise_of, best, float(np.median(values[: _DENSE // 2])))


def _exponential(num: int, rng: np.random.Generator) -> Callable[[Array], Array]:
    pull = rng.normal(0.0, 1.5, (num, NUM_BENCHMARKS))
    # Each benchmark has a source or two that serve it much better.
    for column in range(NUM_BENCHMARKS):
        pull[rng.integers(num, size=2), column] -= rng.uniform(1.0, 3.0)
    floor, height = rng.uniform(1, 2, NUM_BENCHMARKS), rng.uniform(0.5, 1.5, NUM_BENCHMARKS)
    return lambda shares: floor + height * np.exp(shares @ pull)


def _power(num: int, rng: np.random.Generator) -> Callable[[Array], Array]:
    gain = rng.exponential(1.0, (num, NUM_BENCHMARKS)) ** 2
    offset = rng.uniform(0.005, 0.05, num)
    exponent = rng.uniform(0.15, 0.4)
    return lambda shares: ((shares + offset) ** -exponent) @ gain / num


def _bowl(num: int, rng: np.random.Generator) -> Callable[[Array], Array]:
    best = rng.dirichlet(np.full(num, 0.7), NUM_BENCHMARKS)
    scale = rng.uniform(0.5, 3.0, (NUM_BENCHMARKS, num))

    def scores(shares: Array) -> Array:
        away = np.sqrt(np.maximum(shares, 0))[:, None, :] - np.sqrt(best)
        return np.asarray(np.sum(scale * away**2, axis=2))

    return scores


def _descend(scores: Callable[[Array], Array], starts: Array, rng: np.random.Generator) -> float:
    """The lowest objective, by shrinking random steps from the best of a dense draw."""
    value = np.inf
    for start in starts:
        point, low = start, float(scores(start[None]).mean())
        for step in np.geomspace(0.3, 1e-4, 120):
            towards = np.concatenate(
                [rng.dirichlet(np.full(len(point), 0.1), 64), np.eye(len(point))]
            )
            tried = (1 - step) * point + step * towards
            # Away from one source too: its share goes to all others.
            less = np.clip(point - step * np.eye(len(point)), 0, None)
            tried = np.concatenate([tried, less / less.sum(axis=1, keepdims=True)])
            found = scores(tried).mean(axis=1)
            if found.min() < low:
                point, low = tried[int(np.argmin(found))], float(found.min())
        value = min(value, low)
    return value
