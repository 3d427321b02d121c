"""Variance components of seeds inside subsets: a table by hand, and many drawn ones on average."""

from collections.abc import Hashable

import numpy as np
import pytest

from mixtures.subset_noise import study_noise

# Means 3 and 9; subsets -5 and 5 off; seeds 2 and -2 off inside each; mixture x subset 3; rest 1.
TABLE = {
    ("a", 0): 14.0,
    ("a", 1): -2.0,
    ("a", 2): 8.0,
    ("a", 3): -8.0,
    ("b", 0): 12.0,
    ("b", 1): 8.0,
    ("b", 2): 10.0,
    ("b", 3): 6.0,
}


def test_the_parts_are_those_of_a_nested_analysis_of_variance() -> None:
    """By hand, of two mixtures, two subsets and two seeds in each:

    rest             SS 8 of 1^2 on 2 df                                   4
    seed             SS 4 of 2^2 on 2 df, less rest / 2                    8 - 2 = 6
    mixture x subset MS 2 x 4 x 3^2 = 72 = rest + 2 x own                  (72 - 4) / 2 = 34
    subset           MS 2 x 2 x 2 x 5^2 = 200 = rest + 2 own + 2 seed + 4 shared
                                                                  (200 - 4 - 68 - 12) / 4 = 29
    """
    noise = study_noise(TABLE, 2)
    assert noise is not None and noise.subset is not None
    assert noise.own["a"].value == pytest.approx(4.0)
    assert (noise.shared.value, noise.shared.df) == pytest.approx((6.0, 2))
    assert (noise.subset.own.value, noise.subset.own.df) == pytest.approx((34.0, 1))
    assert (noise.subset.shared.value, noise.subset.shared.df) == pytest.approx((29.0, 1))
    # Over four seeds of two subsets.
    assert noise.of_mean("a", range(4)).variance == pytest.approx((6 + 4) / 4 + (29 + 34) / 2)
    # Two seeds of one subset: a mean over more orders of the same data.
    assert noise.of_mean("a", (0, 2)).variance == pytest.approx((6 + 4) / 2 + 29 + 34)
    # In a difference on common seeds both cancel, and what is each mixture's own stays.
    paired = noise.of_paired_difference("a", "b", range(4))
    assert paired.variance == pytest.approx(2 * 4 / 4 + 2 * 34 / 2)
    unpaired = noise.of_unpaired_difference("a", (0, 2), "b", (1,))
    assert unpaired.variance == pytest.approx(5 + 63 + 10 + 63)


def test_of_one_mixture_the_subset_is_told_from_the_seed_and_all_is_its_own() -> None:
    own = {key: value for key, value in TABLE.items() if key[0] == "a"}
    noise = study_noise(own, 2)
    assert noise is not None and noise.subset is not None
    # 14 and 8, -2 and -8: 18 a cell on 1 df each. Means 11 and -5: 128, less 18 / 2.
    assert noise.own["a"].value == pytest.approx(18.0)
    assert noise.subset.own.value == pytest.approx(128 - 9)
    assert noise.subset.shared.value == 0.0


@pytest.mark.parametrize("seeds", [(0, 1), (0, 2)])
def test_where_they_cannot_be_told_apart_all_stands_in_the_seeds_part(
    seeds: tuple[int, ...],
) -> None:
    some = {key: value for key, value in TABLE.items() if key[1] in seeds}
    noise = study_noise(some, 2)
    assert noise is not None and noise.subset is None
    assert noise == study_noise(some, 1)


def test_the_noise_of_one_subset_is_not_computed_where_there_are_two(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    expected = study_noise(TABLE, 2)
    monkeypatch.delattr("mixtures.subset_noise.seed_noise")
    assert study_noise(TABLE, 2) == expected


def test_no_repeat_gives_no_noise() -> None:
    assert study_noise({("a", 0): 1.0, ("b", 0): 2.0}, 2) is None


def drawn(rng: np.random.Generator, sds: tuple[float, ...]) -> dict[tuple[Hashable, int], float]:
    of_subset, of_seed, own, rest = sds
    subset, seed = of_subset * rng.standard_normal(4), of_seed * rng.standard_normal(12)
    each = own * rng.standard_normal((6, 4))
    return {
        (m, s): subset[s % 4] + seed[s] + each[m, s % 4] + rest * rng.standard_normal()
        for m in range(6)
        for s in range(12)
    }


def test_the_parts_of_drawn_tables_are_right_on_average() -> None:
    rng = np.random.default_rng(0)
    found = []
    for _ in range(300):
        noise = study_noise(drawn(rng, (2.0, 1.0, 1.0, 0.5)), 4)
        assert noise is not None and noise.subset is not None
        rest = np.mean([one.value for one in noise.own.values()])
        parts = (noise.subset.shared, noise.shared, noise.subset.own)
        found.append([*(one.value for one in parts), rest])
    assert np.mean(found, axis=0) == pytest.approx((4.0, 1.0, 1.0, 0.25), rel=0.15)


def test_the_mean_over_repeats_on_few_subsets_is_no_surer_than_it_is() -> None:
    # A seed's noise alone would give an interval for 12 looks where the subsets are 4.
    rng = np.random.default_rng(1)
    inside, as_seeds, count = 0, 0, 200
    for _ in range(count):
        values = drawn(rng, (1.0, 0.2, 0.2, 0.1))
        mean = abs(float(np.mean([values[0, s] for s in range(12)])))
        for data_seeds in (4, 1):
            noise = study_noise(values, data_seeds)
            assert noise is not None
            is_in = mean <= noise.of_mean(0, range(12)).half_width(0.95)
            if data_seeds == 4:
                inside += is_in
            else:
                as_seeds += is_in
    assert 0.92 <= inside / count <= 0.99
    assert as_seeds / count < 0.85
