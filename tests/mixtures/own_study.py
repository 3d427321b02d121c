"""A team's trials for the tests: three sources, two metrics, a best mixture inside the simplex."""

import numpy as np

from mixtures.surrogates.seam import Array

SOURCES = ("web", "code", "chat")


def draw_shares(count: int, seed: int) -> Array:
    shares: Array = np.random.default_rng(seed).dirichlet(np.ones(3), size=count).round(4)
    shares[:, 0] = 1.0 - shares[:, 1:].sum(axis=1)
    return shares


def losses(shares: Array) -> Array:
    """(P, 2): two bowls, whose mean is least at (.4, .3, .3)."""
    first = ((shares - [0.4, 0.5, 0.1]) ** 2).sum(axis=1)
    second = ((shares - [0.4, 0.1, 0.5]) ** 2).sum(axis=1)
    return np.column_stack([2.0 + first, 1.0 + second])


def table(header: tuple[str, ...], prefix: str, rows: Array) -> str:
    lines = [",".join(["id", *header])]
    lines += [f"{prefix}{i}," + ",".join(f"{v:.6f}" for v in row) for i, row in enumerate(rows)]
    return "\n".join(lines) + "\n"


def study(count: int = 40, noise: float = 0.01, seed: int = 0) -> tuple[str, str, Array]:
    """CSV of mixtures, CSV of scores, shares."""
    shares = draw_shares(count, seed)
    rng = np.random.default_rng(seed + 1)
    measured = losses(shares) + noise * rng.standard_normal((count, 2))
    return table(SOURCES, "t", shares), table(("arc", "piqa"), "t", measured), shares
