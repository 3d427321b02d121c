"""The figures of the benchmarks of how answers move, by hand."""

import numpy as np
import pytest

from bench.moves import calibration_error, drawn, measured, sweep
from bench.transfer import NOISE_SHARES, with_noise


def test_the_calibration_error_of_three_bins_by_hand() -> None:
    # .05 against none of two, .95 against one of two, .5 against one of one.
    chances = np.array([0.05, 0.05, 0.95, 0.95, 0.5])
    truth = np.array([0.0, 0.0, 1.0, 0.0, 1.0])
    assert calibration_error(chances, truth) == pytest.approx((2 * 0.05 + 2 * 0.45 + 0.5) / 5)


def test_noise_takes_its_share_of_each_benchmarks_variance() -> None:
    rng = np.random.default_rng(0)
    losses = np.random.default_rng(1).standard_normal((20_000, 5)) * [1.0, 2.0, 0.5, 1.0, 3.0]
    noise = with_noise(losses, rng) - losses
    share = noise.var(axis=0) / (noise.var(axis=0) + losses.var(axis=0))
    assert np.all((share > NOISE_SHARES[0] - 0.02) & (share < NOISE_SHARES[1] + 0.02))
    assert np.ptp(share) > 0.1


def test_simulated_mixtures_sum_to_one_and_every_run_is_there() -> None:
    rng = np.random.default_rng(0)
    for shares in (sweep(), drawn(20, rng)):
        assert shares.sum(axis=1) == pytest.approx(1.0)
        losses = np.stack([shares[:, 0], shares[:, 2]])
        trials = measured(shares, losses, ("first", "second"), 2, rng)
        assert len(trials) == 2 * len(shares)
        assert len({one.trial_id for one in trials}) == len(trials)
