"""Whether paired differences lie apart from zero: Student's t, and all flips of their signs.

Of n differences with mean m and standard deviation s (n - 1), t = m sqrt(n) / s has n - 1 degrees
of freedom, and m +- t(.975, n - 1) s / sqrt(n) holds the true mean in 95 % (Student 1908,
Biometrika 6(1), 1-25; its example, sleep with two drugs, is paired). That takes differences as
normal. Without it: were the two mixtures alike, each difference would as soon have the other sign,
so p is the part of all 2^n choices of signs whose mean lies as far from zero (Fisher 1935, The
Design of Experiments, section 21). Of n seeds it cannot be less than 2 / 2^n.

Where several differences are told, the largest of them is there partly by luck too: Holm 1979
(Scandinavian Journal of Statistics 6(2), 65-70) holds the chance of any false one at the level,
whatever they have in common.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mixtures.late_scipy import stdtr, stdtrit

CONFIDENCE = 0.95
# What rounding may make of two sums that are equal, as a part of the sum of all absolute values.
_ROUNDING = 1e-12


@dataclass(frozen=True, kw_only=True, slots=True)
class PairedTest:
    """Of `num` differences. `sd`, `interval` (95 %) and `p_t` are None below two of them."""

    num: int
    mean: float
    sd: float | None
    interval: tuple[float, float] | None
    p_t: float | None
    p_sign_flip: float


def paired_test(differences: Sequence[float]) -> PairedTest:
    """Two-sided. Raises ValueError without any difference.

    Differences that are all alike have no noise: the interval is a point, and p_t 0, or 1 at zero.
    """
    if not differences:
        raise ValueError("there are no differences, expected one or more")
    values = np.asarray(differences, dtype=float)
    num, mean = len(values), float(np.mean(values))
    p_sign_flip = sign_flip_p(values)
    if num < 2:
        return PairedTest(
            num=num, mean=mean, sd=None, interval=None, p_t=None, p_sign_flip=p_sign_flip
        )
    sd = float(np.std(values, ddof=1))
    error = sd / num**0.5
    half = float(stdtrit(num - 1, 0.5 + CONFIDENCE / 2)) * error
    p_t = float(mean == 0.0) if error == 0.0 else 2 * float(stdtr(num - 1, -abs(mean) / error))
    return PairedTest(
        num=num,
        mean=mean,
        sd=sd,
        interval=(mean - half, mean + half),
        p_t=p_t,
        p_sign_flip=p_sign_flip,
    )


def sign_flip_p(differences: NDArray[np.floating]) -> float:
    """Exact: the part of all 2^n choices of signs whose sum lies as far from zero or further.

    The sums of one half's 2^(n/2) choices are sorted, and each of the other half's looks up how
    many of them bring it over the bound, so that 32 differences take as many steps as 2^16.
    """
    size = np.abs(differences)
    bound = abs(float(differences.sum())) - _ROUNDING * float(size.sum())
    if bound <= 0.0:
        return 1.0
    first, second = _signed_sums(size[::2]), np.sort(_signed_sums(size[1::2]))
    over = len(second) - np.searchsorted(second, bound - first, side="left")
    # As many lie below the negative bound.
    return float(2 * over.sum() / 2.0 ** len(size))


def _signed_sums(size: NDArray[np.floating]) -> NDArray[np.floating]:
    """(2^n,) the sums of n values, each with either sign."""
    sums: NDArray[np.floating] = np.zeros(1)
    for one in size:
        sums = np.concatenate([sums - one, sums + one])
    return sums


def holm(p_values: Sequence[float]) -> list[float]:
    """Each adjusted for all of them, in their order: reject those that are at most the level."""
    order = np.argsort(p_values, kind="stable")
    adjusted, least = [0.0] * len(p_values), 0.0
    for rank, place in enumerate(order.tolist()):
        least = max(least, min(1.0, (len(p_values) - rank) * p_values[place]))
        adjusted[place] = least
    return adjusted
