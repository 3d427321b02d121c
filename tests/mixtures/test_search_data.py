"""Scores as the search fits them: repeats averaged, seeds' effects out, noise by repeats."""

import numpy as np
import pytest

from mixtures.rank import Observation
from mixtures.search_data import OBJECTIVE, search_data
from tests.mixtures.outside_study import make_outside_study

STUDY = make_outside_study(search={})
NAMES = [source.name for source in STUDY.sources]


def observe(shares: np.ndarray, seed: int, math: float, code: float) -> Observation:
    return Observation(
        trial_id=f"{shares} {seed}",
        shares=dict(zip(NAMES, shares.tolist(), strict=True)),
        sft_share=0.0,
        seed=seed,
        scores={"math": math, "code": code},
    )


ROWS = np.random.default_rng(0).dirichlet(np.ones(4), 12)


def test_repeats_of_a_mixture_are_one_row_with_their_mean_and_their_noise() -> None:
    # Noise alone apart: one seed's effect would be taken out, so both orders are there.
    trials = [
        observe(ROWS[0], 0, 1.0, 5.0),
        observe(ROWS[0], 1, 1.2, 5.0),
        observe(ROWS[1], 0, 2.2, 5.0),
        observe(ROWS[1], 1, 2.0, 5.0),
        observe(ROWS[2], 0, 3.0, 5.0),
    ]
    found = search_data(STUDY, trials, 100)
    assert found is not None and found.subset is None
    weight, math = found.parts["math"]
    assert weight == 0.5
    assert math.targets == pytest.approx([1.1, 2.1, 3.0])
    assert math.repeats.tolist() == [2, 2, 1]
    # Four residuals of 0.1, less two means and one seed effect: 0.04 over 5 - 3 - 1.
    assert (math.noise_variance, math.noise_df) == (pytest.approx(0.04), 1.0)
    assert found.seeds == (frozenset({0, 1}), frozenset({0, 1}), frozenset({0}))
    assert found.mixtures[2] == trials[4].shares


def test_what_a_seed_does_to_all_mixtures_is_taken_out() -> None:
    trials = []
    for index, row in enumerate(ROWS):
        trials.append(observe(row, 0, float(index), 0.0))
        if index % 2:
            trials.append(observe(row, 1, index + 0.5, 0.0))
    found = search_data(STUDY, trials, 100)
    assert found is not None
    math = found.parts["math"][1]
    # Half of the mixtures have a second seed, half a point higher: steps between neighbours are 1.
    assert np.diff(math.targets) == pytest.approx(np.ones(11), abs=0.15)
    assert math.noise_variance < 0.01


def test_more_is_better_becomes_less() -> None:
    study = make_outside_study(
        search={}, objective={"metric": "acc", "weights": {"math": 3, "code": 0}}
    )
    found = search_data(study, [observe(ROWS[0], 0, 0.25, 0.9)], 100)
    assert found is not None
    assert list(found.parts) == ["math"]
    assert found.parts["math"][0] == 1.0
    assert found.parts["math"][1].targets.tolist() == [-0.25]


def test_of_too_many_mixtures_the_best_and_some_of_the_others_are_taken_and_named() -> None:
    trials = [observe(row, 0, float(index), 0.0) for index, row in enumerate(ROWS)]
    found = search_data(STUDY, trials, 6)
    assert found is not None
    assert found.subset == "the 3 best mixtures by mean score and 3 of the 9 others, evenly by rank"
    assert found.parts["math"][1].targets.tolist() == [0.0, 1.0, 2.0, 3.0, 7.0, 11.0]


def test_many_benchmarks_of_many_mixtures_are_fitted_as_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("mixtures.search_data.MOST_TARGETS", 20)
    trials = [observe(row, 0, float(index), 3.0) for index, row in enumerate(ROWS)]
    found = search_data(STUDY, trials, 100)
    assert found is not None
    assert list(found.parts) == [OBJECTIVE]
    assert found.parts[OBJECTIVE][1].targets == pytest.approx((np.arange(12) + 3) / 2)
