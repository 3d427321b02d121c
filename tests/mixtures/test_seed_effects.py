"""What a seed does to all mixtures is taken out, as far as mixtures share seeds."""

import numpy as np
import pytest

from mixtures.seed_effects import seed_effects


def test_the_effect_is_drawn_to_zero_by_its_own_noise() -> None:
    # By least squares -1.5 and 1.5 with a variance of 1 left (test_additive.py), so of 4.5 between
    # the seeds 1 / 2 is noise: 4 / 4.5 of the effect is kept.
    found = seed_effects(np.array([0, 0, 1, 1]), [7, 9, 7, 9], np.array([1.0, 3.0, 3.0, 7.0]))
    assert found.effects == pytest.approx([-4 / 3, 4 / 3, -4 / 3, 4 / 3])
    assert found.df == pytest.approx(1.0)


def test_an_effect_that_all_mixtures_agree_on_is_taken_whole() -> None:
    found = seed_effects(np.array([0, 0, 1, 1]), [7, 9, 7, 9], np.array([3.0, 1.0, 6.0, 4.0]))
    assert found.effects == pytest.approx([1.0, -1.0, 1.0, -1.0])


def test_seeds_that_move_scores_no_more_than_noise_does_take_nothing() -> None:
    # One mixture rises by as much as the other falls.
    found = seed_effects(np.array([0, 0, 1, 1]), [7, 9, 7, 9], np.array([1.0, 3.0, 6.0, 4.0]))
    assert found.effects.tolist() == [0.0] * 4
    assert found.df == 0.0


def test_seeds_that_no_two_repeated_mixtures_share_take_nothing() -> None:
    # Each mixture has seeds of its own: what they do cannot be told from noise.
    found = seed_effects(np.array([0, 0, 1, 1]), [0, 1, 2, 3], np.array([3.0, 1.0, 6.0, 4.0]))
    assert found.effects.tolist() == [0.0] * 4
    assert found.df == 0.0
    # Nor where one mixture alone is repeated.
    found = seed_effects(np.array([0, 0, 1, 2]), [0, 1, 0, 1], np.array([3.0, 1.0, 6.0, 4.0]))
    assert found.df == 0.0


def test_many_shared_mixtures_bring_the_effect_whole_and_to_those_that_ran_once() -> None:
    rng = np.random.default_rng(0)
    mixtures = np.array([*np.repeat(np.arange(40), 2), *range(40, 50)])
    seeds = [0, 1] * 40 + [1] * 10
    level = rng.standard_normal(50)[mixtures]
    effects = np.where(np.array(seeds) == 0, -0.3, 0.3)
    found = seed_effects(mixtures, seeds, level + effects)
    assert found.effects == pytest.approx(effects, rel=0.03)
