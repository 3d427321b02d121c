"""From log-likelihoods to scores: each metric over the items, with n and its standard error.

Standard errors are closed forms over the items, as if these were drawn from more like them:
- of a mean: sd / sqrt(n), with n - 1 degrees of freedom (lm-evaluation-harness's `mean_stderr`);
- of bits per byte, a ratio of sums: that of the residuals (Cochran, Sampling Techniques, eq. 2.46);
- of any other aggregate of a user's task file: the jackknife, which leaves each item out in turn;
- of the expected calibration error: with the sign s_b of each bin's gap held fixed the error is the
  mean of s_b(i) * (correct_i - confidence_i), and has that mean's standard error (delta method).
"""

import math
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.floating[Any]]

# Guo et al. 2017 (arXiv 1706.04599) and most after them: fifteen bins of equal width.
CALIBRATION_BINS = 15


class Estimate(NamedTuple):
    """A value and its standard error over the items; None where there is one item."""

    value: float
    standard_error: float | None


def bits_per_byte(nats: Array, num_bytes: Array) -> Estimate:
    """Total bits over total bytes: a ratio of sums, as lm-evaluation-harness has it."""
    bits = nats / math.log(2)
    ratio = bits.sum() / num_bytes.sum()
    residuals = bits - ratio * num_bytes
    n = len(bits)
    standard_error = math.sqrt((residuals**2).sum() / (n - 1) / n) / num_bytes.mean()
    return Estimate(float(ratio), float(standard_error))


def mean_of(values: Array) -> Estimate:
    """The mean and sd / sqrt(n); values (n,), n at least 2."""
    spread = np.std(values, ddof=1) / math.sqrt(len(values))
    return Estimate(float(np.mean(values)), float(spread))


def jackknifed(values: Sequence[Any], aggregate: Callable[[list[Any]], float]) -> Estimate:
    """`aggregate` of all values, with the jackknife's standard error (Tukey 1958)."""
    n = len(values)
    if n < 2:
        return Estimate(aggregate(list(values)), None)
    without = np.array([aggregate([*values[:i], *values[i + 1 :]]) for i in range(n)])
    spread = math.sqrt((n - 1) / n * float(((without - without.mean()) ** 2).sum()))
    return Estimate(aggregate(list(values)), spread)


def choice_estimates(
    nats: list[Array], choice_bytes: list[Array], gold: list[int]
) -> dict[str, Estimate]:
    """The metrics of choosing, by name.

    Per item: `nats` of each choice given the prompt, the bytes of each choice without the space
    before it, the index of the right one. `acc_norm` divides by bytes, which is what the harness
    calls `acc_bytes`; its own `acc_norm` counts characters, the same for ASCII.
    """
    right = np.array(gold)
    chosen = np.array([int(np.argmin(one)) for one in nats])
    normed = np.array(
        [int(np.argmin(one / size)) for one, size in zip(nats, choice_bytes, strict=True)]
    )
    probabilities = [_softmax(-one) for one in nats]
    of_right = np.array([p[g] for p, g in zip(probabilities, gold, strict=True)])
    squares = np.array([float((p**2).sum()) for p in probabilities])
    correct = (chosen == right).astype(float)
    confidence = np.array([float(p.max()) for p in probabilities])
    return {
        "acc": mean_of(correct),
        "acc_norm": mean_of((normed == right).astype(float)),
        "choice_probability": mean_of(of_right),
        # sum over choices of (p - y)^2, with y one at the right choice and zero elsewhere
        "brier": mean_of(squares - 2 * of_right + 1),
        "ece": calibration_error(confidence, correct),
    }


def calibration_error(confidence: Array, correct: Array) -> Estimate:
    """Expected calibration error over bins of equal width (Guo et al. 2017, eq. 3)."""
    gaps = correct - confidence
    bins = np.minimum((confidence * CALIBRATION_BINS).astype(int), CALIBRATION_BINS - 1)
    total = np.bincount(bins, weights=gaps, minlength=CALIBRATION_BINS)
    return mean_of(np.sign(total)[bins] * gaps)


def _softmax(log_likelihoods: Array) -> Array:
    raised: Array = np.exp(log_likelihoods - log_likelihoods.max())
    shares: Array = raised / raised.sum()
    return shares
