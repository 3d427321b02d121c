import numpy as np
import pytest
from scipy.stats import multivariate_normal
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import ConstantKernel, Matern

from mixtures.surrogates.seed_blocks import Cells, Kernels, solve
from mixtures.surrogates.share_gp import NOISES, ShareFit, fit_share_gp

SHARES = np.repeat([0.0, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.64, 0.8, 0.9, 1.0], 2)
SEEDS = [0, 1] * 12
GRID = np.array([0.0, 0.02, 0.33, 0.5, 0.87, 1.0])


def kernels_of(
    length: float, signal: float, seed: float, slope: float = 0.0, ends: float = 0.0
) -> Kernels:
    return Kernels(
        length=np.array([length]),
        signal=np.array([signal]),
        seed=np.array([seed]),
        noise_slope=np.array([slope]),
        ends=np.array([ends]),
    )


def curve(shares: np.ndarray) -> np.ndarray:
    return 4 + np.exp(-shares / 0.05) + 0.3 * (shares - 0.6) ** 2


def noisy(sd: float, seed_sd: float = 0.02, rng_seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(rng_seed)
    effects = seed_sd * rng.standard_normal(2)
    return curve(SHARES) + effects[SEEDS] + sd * rng.standard_normal(len(SHARES))


def fixed(kernels: Kernels, noise_index: int, values: np.ndarray) -> ShareFit:
    """A fit whose hyperparameters are given, on values that are standardised already."""
    weights = np.zeros((1, len(NOISES)))
    weights[0, noise_index] = 1.0
    return ShareFit(
        shares=SHARES,
        seeds=tuple(SEEDS),
        values=values,
        center=0.0,
        scale=1.0,
        kernels=kernels,
        weights=weights,
    )


def test_at_fixed_hyperparameters_the_posterior_is_scikit_learns() -> None:
    noise, signal, length = NOISES[30], 20.0, 0.6
    y = noisy(0.05) - 4.2
    fit = fixed(kernels_of(length, signal, seed=1e-6), 30, y)
    # The level has a flat prior here: a constant of variance 1e4 there.
    kernel = ConstantKernel(1e4) + ConstantKernel((signal * noise) ** 2) * Matern(length, nu=2.5)
    reference = GaussianProcessRegressor(kernel, alpha=noise**2, optimizer=None)
    angle = np.arcsin(np.sqrt(SHARES))[:, None]
    reference.fit(angle, y)
    mean, sd = reference.predict(np.arcsin(np.sqrt(GRID))[:, None], return_std=True)
    ours, our_sd = fit.curve(GRID)
    assert ours == pytest.approx(mean, abs=1e-4)
    assert our_sd == pytest.approx(sd, abs=1e-4)


def dense_prior(a: np.ndarray, b: np.ndarray, length: float, ends: float) -> np.ndarray:
    """cov(f(a), f(b)) for signal 1, one pair at a time, from the docstring of the model."""
    out = np.zeros((len(a), len(b)))
    for i, s in enumerate(a):
        for j, t in enumerate(b):
            r = np.sqrt(5) * abs(np.arcsin(np.sqrt(s)) - np.arcsin(np.sqrt(t))) / length
            low = sum(np.exp(-(s + t) / c) for c in (0.03, 0.1))
            high = sum(np.exp(-(2 - s - t) / c) for c in (0.03, 0.1))
            out[i, j] = (1 + r + r**2 / 3) * np.exp(-r) + ends**2 * (low + high)
    return out


def dense_covariance(
    length: float, signal: float, seed: float, slope: float, ends: float
) -> np.ndarray:
    """The n x n covariance of the trials in units of the noise, the level with variance 1e6."""
    noise = np.exp(2 * slope * (np.arcsin(np.sqrt(SHARES)) / (np.pi / 2) - 0.5))
    same_seed = np.equal.outer(SEEDS, SEEDS)
    f: np.ndarray = signal**2 * dense_prior(SHARES, SHARES, length, ends)
    return f + seed**2 * same_seed + np.diag(noise) + 1e6


def test_seed_effects_sloping_noise_and_steep_ends_match_the_dense_algebra() -> None:
    hyper = {"length": 0.5, "signal": 15.0, "seed": 2.5, "slope": 2.0, "ends": 3.0}
    sigma = NOISES[25]
    y = noisy(0.05) - 4.2
    covariance = sigma**2 * dense_covariance(**hyper)
    priors = [dense_prior(GRID, other, hyper["length"], hyper["ends"]) for other in (SHARES, GRID)]
    cross, own = (sigma**2 * (hyper["signal"] ** 2 * prior + 1e6) for prior in priors)
    mean = cross @ np.linalg.solve(covariance, y)
    variance = np.diag(own) - np.sum(cross * np.linalg.solve(covariance, cross.T).T, axis=1)
    ours, our_sd = fixed(kernels_of(**hyper), 25, y).curve(GRID)
    assert ours == pytest.approx(mean, abs=1e-4)
    assert our_sd == pytest.approx(np.sqrt(variance), rel=1e-3)


def test_evidence_ranks_hyperparameters_as_the_dense_likelihood_does() -> None:
    y = noisy(0.05) - 4.2
    points = [
        (0.5, 15.0, 2.5, 2.0, 0.0, 0.04),
        (1.2, 3.0, 0.4, -2.0, 3.0, 0.3),
        (0.3, 40.0, 1.0, 0.0, 3.0, 0.02),
    ]
    ours, dense = [], []
    for *hyper, sigma in points:
        kernels = kernels_of(*hyper)
        cells = Cells.of(SHARES, SEEDS, y, 1 / kernels.noise_ratio(SHARES)[0] ** 2)
        ours.append(solve(cells, kernels).log_evidence(np.array([sigma]), len(y))[0, 0])
        covariance = sigma**2 * dense_covariance(*hyper)
        # The level's prior variance is 1e6 sigma^2 there and the same for all here.
        density = multivariate_normal(np.zeros(len(y)), covariance, allow_singular=False)
        dense.append(density.logpdf(y) + np.log(sigma))
    assert np.diff(ours) == pytest.approx(np.diff(dense), abs=0.01)


def test_draws_have_the_mean_and_sd_of_the_curve_and_repeat() -> None:
    fit = fit_share_gp(SHARES, SEEDS, noisy(0.02))
    mean, sd = fit.curve(GRID)
    draws = fit.draws(GRID, 8000, seed=1)
    assert draws.mean(axis=0) == pytest.approx(mean, abs=0.05 * sd.max())
    assert draws.std(axis=0) == pytest.approx(sd, rel=0.06)
    assert np.array_equal(draws, fit.draws(GRID, 8000, seed=1))
    assert not np.array_equal(draws, fit.draws(GRID, 8000, seed=2))


def test_units_of_the_score_do_not_matter() -> None:
    y = noisy(0.02)
    mean, sd = fit_share_gp(SHARES, SEEDS, y).curve(GRID)
    other_mean, other_sd = fit_share_gp(SHARES, SEEDS, 100 + 7 * y).curve(GRID)
    assert other_mean == pytest.approx(100 + 7 * mean)
    assert other_sd == pytest.approx(7 * sd)


def test_noise_and_seed_sd_are_found_where_there_are_trials_enough() -> None:
    rng = np.random.default_rng(7)
    shares, seeds = np.tile(SHARES[::2], 20), np.repeat(np.arange(20), 12)
    y = curve(shares) + 0.05 * rng.standard_normal(20)[seeds] + 0.02 * rng.standard_normal(240)
    fit = fit_share_gp(shares, seeds.tolist(), y)
    assert fit.noise_sd == pytest.approx(0.02, rel=0.2)
    assert fit.seed_sd == pytest.approx(0.05, rel=0.35)


def test_a_large_seed_effect_widens_the_level_and_not_the_differences() -> None:
    # Even a hyperparameter grid that stops at six noise sds must absorb a shift common to a block.
    y = noisy(0.02, seed_sd=0.0)
    calm = fit_share_gp(SHARES, SEEDS, y).draws(GRID, 4000, seed=0)
    shifted = y + 0.1 * np.array(SEEDS)
    wild = fit_share_gp(SHARES, SEEDS, shifted).draws(GRID, 4000, seed=0)
    assert wild.std(axis=0).mean() > 1.5 * calm.std(axis=0).mean()
    differences = [np.std(draws[:, 3] - draws[:, 4]) for draws in (calm, wild)]
    assert differences[1] < 1.3 * differences[0]


def test_one_seed_and_equal_values_give_a_finite_curve() -> None:
    mean, sd = fit_share_gp([0.0, 0.3, 0.6, 1.0], [0] * 4, [2.0] * 4).curve(GRID)
    assert mean == pytest.approx(np.full(6, 2.0))
    assert np.all(np.isfinite(sd))


def test_out_of_fold_predicts_a_smooth_curve_and_not_pure_noise() -> None:
    smooth = fit_share_gp(SHARES, SEEDS, 3 - SHARES + 0.01 * noisy(0.02)).out_of_fold()
    assert smooth.spearman is not None and smooth.spearman > 0.98
    assert smooth.r_squared is not None and smooth.r_squared > 0.95
    # A single draw of noise may look like a curve by luck; six do not.
    rng = np.random.default_rng(8)
    folds = [fit_share_gp(SHARES, SEEDS, y).out_of_fold() for y in rng.standard_normal((6, 24))]
    assert np.median([fold.r_squared for fold in folds]) < 0.1
    assert np.mean([fold.rmse for fold in folds]) == pytest.approx(1.0, rel=0.15)
    assert np.mean([fold.coverage for fold in folds]) >= 0.9


def test_out_of_fold_never_sees_the_mixture_that_it_predicts() -> None:
    y = noisy(0.02)
    moved = y.copy()
    moved[SHARES == 0.5] += 3.0
    fits = [fit_share_gp(SHARES, SEEDS, values).out_of_fold() for values in (y, moved)]
    held = SHARES[fits[0].trials] == 0.5
    assert fits[0].mean[held] == pytest.approx(fits[1].mean[held])


def test_out_of_fold_leaves_out_each_mixture_but_the_ends() -> None:
    fold = fit_share_gp(SHARES, SEEDS, noisy(0.02)).out_of_fold()
    assert sorted(set(SHARES[fold.trials])) == sorted(set(SHARES))[1:-1]
    assert len(fold.mean) == len(fold.sd) == 20
    with pytest.raises(ValueError, match="2 distinct shares"):
        fit_share_gp([0.0, 1.0], [0, 0], [1.0, 2.0]).out_of_fold()


def test_curve_intervals_cover_the_truth_where_noise_depends_on_the_share() -> None:
    rng = np.random.default_rng(9)
    inside = []
    for _ in range(60):
        sd = 0.05 - 0.045 * SHARES
        y = curve(SHARES) + 0.01 * rng.standard_normal(2)[SEEDS] + sd * rng.standard_normal(24)
        draws = fit_share_gp(SHARES, SEEDS, y).draws(SHARES[::2], 1000, seed=0)
        low, high = np.quantile(draws - draws[:, [0]], [0.025, 0.975], axis=0)
        truth = curve(SHARES[::2]) - curve(np.zeros(1))
        inside.append(((low <= truth) & (truth <= high))[1:])
    assert np.mean(inside) >= 0.88


def test_too_little_to_fit_is_refused_with_the_numbers() -> None:
    with pytest.raises(ValueError, match=r"3 shares \(1 distinct\), 3 seeds, 3 values"):
        fit_share_gp([0.5, 0.5, 0.5], [0, 1, 2], [1.0, 2.0, 3.0])
    with pytest.raises(ValueError, match="2 seeds"):
        fit_share_gp([0.0, 0.5, 1.0], [0, 1], [1.0, 2.0, 3.0])
