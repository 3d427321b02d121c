"""Studies whose truth is known: a mixing law, mixtures, and runs with noise.

Used by `recommender_simulated.py`, which says what is drawn.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from mixtures.own_tables import Mixtures, ScoreRow, Scores
from mixtures.surrogates.seam import Array

Law = Callable[[Array], Array]  # shares (P, K) -> metrics (P, M), less is better

SHAPES = ("linear", "exponential", "roots", "bowl", "interaction", "three_laws")
NUM_CANDIDATES = 100
NOISE = (0.05, 1.0)  # sd against the spread of the truth
NOISE_RATIO = 4.0  # of the noisiest to the calmest mixture, about


@dataclass(frozen=True, kw_only=True, slots=True)
class Study:
    """Tried mixtures with their truth, and what was measured."""

    mixtures: Mixtures
    scores: Scores
    truth: Array  # (P,) of the tried mixtures
    candidates: Mixtures
    candidate_truth: Array


def simulate(
    law: Law, num_sources: int, num_mixtures: int, repeats: int, rng: np.random.Generator
) -> Study:
    tried = draw_mixtures(num_sources, num_mixtures, rng)
    optima = getattr(law, "optima", None)
    if optima is not None:
        tried[5 : 5 + len(optima)] = optima
    metrics = law(tried)
    spread = float(metrics.mean(axis=1).std()) or 1.0
    level = np.exp(rng.uniform(*np.log(NOISE))) * spread
    steep = rng.uniform(0.0, np.log(NOISE_RATIO))
    direction = rng.dirichlet(np.ones(num_sources))
    place = tried @ direction
    place = (place - place.mean()) / (np.ptp(place) or 1.0)
    # Metrics of one run share half of their noise's variance; their mean has the sd `level`.
    num_metrics = metrics.shape[1]
    own_sd = level / np.sqrt(0.5 + 0.5 / num_metrics) * np.exp(steep * place)
    rows = []
    for i in range(num_mixtures):
        for _ in range(repeats if i < 5 or num_sources == 2 else 1):
            common, own = rng.standard_normal(), rng.standard_normal(num_metrics)
            noise = own_sd[i] * np.sqrt(0.5) * (common + own)
            values = {f"m{j}": float(v) for j, v in enumerate(metrics[i] + noise)}
            rows.append(ScoreRow(id=f"t{i}", values=values, missing={}))
    names = tuple(f"m{j}" for j in range(num_metrics))
    candidates = draw_mixtures(num_sources, NUM_CANDIDATES, rng)
    return Study(
        mixtures=as_mixtures("t", tried),
        scores=Scores(metrics=names, rows=tuple(rows), decimals=dict.fromkeys(names, 12)),
        truth=metrics.mean(axis=1),
        candidates=as_mixtures("c", candidates),
        candidate_truth=law(candidates).mean(axis=1),
    )


def as_mixtures(prefix: str, shares: Array) -> Mixtures:
    return Mixtures(
        ids=tuple(f"{prefix}{i}" for i in range(len(shares))),
        sources=tuple(f"s{k}" for k in range(shares.shape[1])),
        shares=shares,
    )


def draw_mixtures(num_sources: int, count: int, rng: np.random.Generator) -> Array:
    """One share: spread evenly over 0 to 1. Else Dirichlet draws, some even, some sparse."""
    if num_sources == 2:
        share = (np.arange(count) + rng.random(count)) / count
        return np.column_stack([share, 1.0 - share])
    concentration = np.exp(rng.uniform(np.log(0.3), np.log(3.0), size=count))
    shares = np.stack([rng.dirichlet(np.full(num_sources, c)) for c in concentration])
    return np.maximum(shares, 1e-9) / np.maximum(shares, 1e-9).sum(axis=1, keepdims=True)


def draw_law(shape: str, num_sources: int, rng: np.random.Generator) -> Law:
    """About four sources matter, as on published runs; the others a little."""
    strong = np.where(rng.random(num_sources) < 4.0 / num_sources, 1.0, 0.15)
    size = strong * rng.exponential(1.0, num_sources)
    if shape == "linear":
        slopes = size * rng.choice([-1.0, 1.0], num_sources)
        return lambda shares: (shares @ slopes)[:, None]
    if shape == "exponential":
        return lambda shares: np.exp(-3.0 * shares @ size)[:, None]
    if shape == "three_laws":
        sizes = strong * rng.exponential(1.0, (3, num_sources))
        return lambda shares: np.exp(-3.0 * shares @ sizes.T)
    if shape == "bowl":
        target = rng.dirichlet(np.full(num_sources, 1.0))
        return lambda shares: ((shares - target) ** 2 @ (0.2 + size))[:, None]
    first, second = rng.permutation(num_sources)[:2]
    together = rng.uniform(0.5, 2.0) if shape == "interaction" else 0.0

    def roots(shares: Array) -> Array:
        interaction = np.sqrt(shares[:, first] * shares[:, second])
        return -(np.sqrt(shares) @ size + together * interaction)[:, None]

    return roots


def two_optima(num_sources: int, rng: np.random.Generator) -> Law:
    """The nearer of two points counts; both are tried, and are exactly equal."""
    points = rng.dirichlet(np.full(num_sources, 1.0), size=2)

    def law(shares: Array) -> Array:
        squares = ((shares[:, None, :] - points) ** 2).sum(axis=2)
        nearest: Array = squares.min(axis=1)[:, None]
        return nearest

    law.optima = points  # type: ignore[attr-defined]
    return law
