"""The line through proxies' best shares against its closed form and simulated truths."""

import numpy as np
import pytest

from mixtures.size_extrapolation import TAU_SCALE, TAUS, extrapolation_of, meta_regression


def test_without_scatter_the_line_is_that_of_weighted_least_squares() -> None:
    sizes, angles = np.array([-3.0, -2.0, -1.0]), np.array([0.7, 0.8, 0.95])
    sds = np.array([0.05, 0.02, 0.03])
    line = meta_regression(sizes, angles, sds)
    slope, level = np.polyfit(sizes, angles, 1, w=1 / sds)
    assert TAUS[0] == 0.0
    assert line.coefficients[0] == pytest.approx([level, slope])
    _, covariance = np.polyfit(sizes, angles, 1, w=1 / sds, cov="unscaled")
    assert line.covariances[0] == pytest.approx(covariance[::-1, ::-1])


def test_scatter_is_weighed_by_the_evidence_of_its_grid() -> None:
    # By quadrature over level and slope at each tau, with flat priors.
    sizes, angles = np.array([-3.0, -2.0, -1.5, -1.0]), np.array([0.7, 0.85, 0.8, 0.95])
    sds = np.full(4, 0.03)
    levels, slopes = np.linspace(-1.0, 3.0, 401), np.linspace(-1.0, 1.0, 401)
    mean = levels[:, None, None] + slopes[:, None] * sizes
    evidence = []
    for tau in TAUS:
        sd = np.hypot(sds, tau)
        density = np.exp(-0.5 * ((angles - mean) / sd) ** 2).prod(axis=2) / sd.prod()
        evidence.append(density.sum() * np.exp(-0.5 * (tau / TAU_SCALE) ** 2))
    expected = np.array(evidence) / np.sum(evidence)
    assert meta_regression(sizes, angles, sds).weights == pytest.approx(expected, abs=2e-3)


def draws_at(share: float, sd: float, seed: int) -> np.ndarray:
    angle = np.arcsin(np.sqrt(share)) + sd * np.random.default_rng(seed).standard_normal(4000)
    return np.asarray(np.sin(np.clip(angle, 0.0, np.pi / 2)) ** 2)


def test_proxies_that_agree_give_their_share_with_room_for_the_way() -> None:
    known = [(size, draws_at(0.6, 0.02, seed)) for seed, size in enumerate((10**6, 10**7, 10**8))]
    near = extrapolation_of(known, 10**8)
    far = extrapolation_of(known, 10**9)
    assert near.sft_share == pytest.approx(0.6, abs=0.02)
    assert far.interval[0] < 0.6 < far.interval[1]
    assert far.interval[1] - far.interval[0] > near.interval[1] - near.interval[0]
    assert (far.tenfold_steps, far.tenfold_steps_seen) == pytest.approx((1.0, 2.0))
    assert far.slope_interval[0] < 0 < far.slope_interval[1]


def test_a_share_that_grows_with_size_is_carried_on_and_stays_below_one() -> None:
    shares = np.sin(np.array([0.6, 0.8, 1.0])) ** 2
    known = [
        (size, draws_at(share, 0.01, seed))
        for seed, (size, share) in enumerate(zip((10**6, 10**7, 10**8), shares, strict=True))
    ]
    found = extrapolation_of(known, 10**9)
    assert found.slope == pytest.approx(0.2, abs=0.02)
    assert found.sft_share == pytest.approx(np.sin(1.2) ** 2, abs=0.02)
    assert found.probability_up > 0.95
    assert extrapolation_of(known, 10**13).interval[1] <= 1.0


@pytest.mark.parametrize("scatter", [0.0, 0.08])
def test_intervals_hold_the_truth_about_as_often_as_they_say(scatter: float) -> None:
    rng = np.random.default_rng(1)
    sizes, held = [4e5, 6e6, 5e7], 0
    for _ in range(200):
        level, slope = rng.uniform(0.5, 1.0), 0.05 * rng.standard_normal()
        x = np.log10(np.array([*sizes, 1.2e9]) / 1.2e9)
        truth = level + slope * x + scatter * rng.standard_normal(4)
        measured = truth[:3] + 0.04 * rng.standard_normal(3)
        known = [
            (int(size), np.sin(np.clip(angle + 0.04 * rng.standard_normal(500), 0, np.pi / 2)) ** 2)
            for size, angle in zip(sizes, measured, strict=True)
        ]
        low, high = extrapolation_of(known, 1_200_000_000).interval
        held += bool(low <= np.sin(np.clip(truth[3], 0, np.pi / 2)) ** 2 <= high)
    assert held >= 180
