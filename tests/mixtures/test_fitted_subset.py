"""Which mixtures are fitted where there are too many."""

import numpy as np
import pytest

from mixtures.fitted_subset import fitted_subset
from mixtures.own_trials import OwnTrials


def ten_trials(sign: float = 1.0) -> OwnTrials:
    """Losses 0 to 9 at points 9 to 0; the trial at point 3 has no score."""
    shares = np.column_stack([np.arange(10) / 10, 1 - np.arange(10) / 10])
    runs = tuple(() if point == 3 else (sign * (9.0 - point),) for point in range(10))
    return OwnTrials(
        sources=("web", "chat"),
        shares=shares,
        point_of={f"t{point}": point for point in range(10)},
        weights={"math": 1.0},
        values={"math": runs},
        objective={f"t{point}": runs[point] for point in range(10)},
        warnings=(),
    )


def kept(trials: OwnTrials) -> set[int]:
    return set(trials.points_with("math").tolist())


def test_few_enough_are_all_fitted_and_nothing_is_said() -> None:
    trials = ten_trials()
    assert fitted_subset(trials, 1.0, 0, most=10) == (trials, None)


@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_half_are_the_best_and_the_rest_are_drawn_from_all_others(sign: float) -> None:
    found, words = fitted_subset(ten_trials(sign), sign, 0, most=6)
    assert {7, 8, 9} <= kept(found)
    assert words == "the 3 best mixtures by mean score and 3 of the 7 others, drawn with seed 0"
    # Every trial is still there to be predicted, with its raw score.
    assert found.point_of == ten_trials().point_of
    assert found.objective == ten_trials(sign).objective


def test_the_seed_alone_says_which_others() -> None:
    draws = [kept(fitted_subset(ten_trials(), 1.0, seed, most=6)[0]) for seed in (0, 0, 1, 2, 3)]
    assert draws[0] == draws[1]
    assert len({frozenset(draw) for draw in draws}) > 1
