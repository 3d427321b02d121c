"""The best share and what cannot be told from it, read off draws that are written by hand."""

from typing import Any

import numpy as np
import pytest

from mixtures.best_share import BestShare, best_share, joined


def hand_made(draws: Any, shares: Any = (0.0, 0.25, 0.5, 0.75, 1.0), index: int = 2) -> BestShare:
    table = np.asarray(draws, dtype=float)
    return BestShare(
        shares=np.asarray(shares, dtype=float),
        on_grid=np.ones(len(shares), dtype=bool),
        mean=table.mean(axis=0),
        sd=table.std(axis=0),
        draws=table,
        index=index,
    )


class Parabola:
    """A fit that knows its curve: mean (share - .3)^2, sd .1, and draws that are all the mean."""

    def __init__(self, *tried: float) -> None:
        self.shares = np.array(tried)

    def curve(self, grid: Any) -> tuple[Any, Any]:
        return (np.asarray(grid) - 0.3) ** 2, np.full(len(grid), 0.1)

    def draws(self, grid: Any, num_draws: int, seed: int) -> Any:
        return np.tile(self.curve(grid)[0], (num_draws, 1))


def best_of(*tried: float, **options: Any) -> BestShare:
    return best_share(Parabola(*tried), **options)  # type: ignore[arg-type]


def test_the_lowest_point_of_the_mean_is_the_best_share() -> None:
    best = best_of(0.0, 1.0)
    assert best.share == 0.3
    assert best.mean[best.index] == 0.0
    assert len(best.shares) == 201


def test_the_best_share_lies_inside_the_shares_tried() -> None:
    assert best_of(0.5, 0.9).share == 0.5
    assert best_of(0.0, 0.1).share == 0.1
    # Ends that are no multiple of the step are on the grid as well.
    best = best_of(0.333, 0.777)
    assert (best.shares[0], best.share, best.shares[-1]) == (0.333, 0.333, 0.777)


def test_a_share_that_is_only_asked_about_is_drawn_and_never_chosen() -> None:
    # The curve is lowest at .3, which the grid of steps .25 has not.
    best = best_of(0.0, 1.0, also=(0.3,), grid_step=0.25)
    assert best.shares.tolist() == [0.0, 0.25, 0.3, 0.5, 0.75, 1.0]
    assert best.share == 0.25
    assert best.column(0.3) == 2
    assert best.mean[best.column(0.3)] == 0.0
    assert best.like_the_best() == [(0.25, 0.25)]


def test_a_difference_pairs_the_draws() -> None:
    # Both shares go up and down together: their own intervals overlap, their difference is 1.
    level = np.linspace(-5, 5, 100)[:, None]
    best = hand_made(level + np.array([1.0, 1.0, 0.0, 1.0, 1.0]))
    assert best.difference(0) == pytest.approx(np.full(100, -1.0))
    assert best.like_the_best() == [(0.5, 0.5)]


def test_a_share_is_kept_while_one_draw_in_forty_has_it_no_worse() -> None:
    # Of 1000 draws 30 have share .25 below the best, 20 have share .75 below it.
    draws = np.tile([9.0, 1.0, 0.0, 1.0, 9.0], (1000, 1))
    draws[:30, 1] = -1.0
    draws[-20:, 3] = -1.0
    assert hand_made(draws).like_the_best() == [(0.25, 0.5)]


def test_pieces_that_do_not_touch_stay_apart() -> None:
    draws = np.tile([0.0, 9.0, 0.0, 9.0, 0.0], (10, 1))
    assert hand_made(draws).like_the_best() == [(0.0, 0.0), (0.5, 0.5), (1.0, 1.0)]


def test_the_lowest_points_interval_is_that_of_the_draws_lowest_points() -> None:
    # In 900 draws the curve is lowest at .5, in 80 at .75, in 20 (under 2.5 %) at 1.
    draws = np.ones((1000, 5))
    draws[:900, 2] = 0.0
    draws[900:980, 3] = 0.0
    draws[980:, 4] = 0.0
    assert hand_made(draws).lowest_point_interval() == (0.5, 0.75)


def test_probabilities_are_counts_over_the_columns_asked_about() -> None:
    draws = np.ones((10, 5))
    draws[:6, 0] = 0.0
    draws[6:9, 4] = 0.0
    draws[9:, 2] = -1.0  # not asked about; there 0 and 4 are equal, and the first is taken
    assert hand_made(draws).probability_lowest([0, 4]) == [0.7, 0.3]


@pytest.mark.parametrize(("worse_in", "is_flat"), [(98, True), (99, False)])
def test_flat_is_judged_by_bonferroni(worse_in: int, is_flat: bool) -> None:
    # Four looks: a share must be worse in more than 1 - .05 / 4 = 98.75 % of the draws.
    draws = np.zeros((100, 5))
    draws[:worse_in, 4] = 1.0
    draws[worse_in:, 4] = -1.0
    assert hand_made(draws).is_flat([0, 1, 3, 4]) is is_flat


@pytest.mark.parametrize(
    ("tried", "pieces"),
    [
        # Share .5 was tried and told from the best, and trials stand on both sides.
        ((0.0, 0.25, 0.5, 0.75, 1.0), [(0.0, 0.25), (0.75, 1.0)]),
        # Nothing was tried in the gap: it is the curve's alone.
        ((0.0, 0.25, 0.75, 1.0), [(0.0, 1.0)]),
        # Nothing was tried beyond it: the island is the curve's alone.
        ((0.0, 0.25, 0.5), [(0.0, 1.0)]),
    ],
)
def test_a_gap_is_said_only_where_trials_made_it(tried: Any, pieces: Any) -> None:
    # Every draw puts .5 above the best, at .25, and the others on either side of it.
    draws = [[-1.0, 0.0, 3.0, -1.0, 1.0], [1.0, 0.0, 3.0, 1.0, -1.0]]
    best = hand_made(draws, index=1)
    assert best.like_the_best() == [(0.0, 0.25), (0.75, 1.0)]
    assert best.like_the_best(tried) == pieces


def test_of_three_pieces_only_the_gap_without_a_trial_is_closed() -> None:
    pieces = [(0.0, 0.1), (0.2, 0.3), (0.6, 0.7)]
    assert joined(pieces, (0.0, 0.25, 0.5, 0.65)) == [(0.0, 0.3), (0.6, 0.7)]
    assert joined(pieces[:1], ()) == pieces[:1]


def test_the_clearest_difference_is_the_most_sds_that_a_share_lies_above_the_best() -> None:
    # Above the first: by 1 and 3 (mean 2, sd 1), and by 1 and 1.5 (1.25, .25): 5 sds.
    best = hand_made([[0.0, 1.0, 1.0], [0.0, 3.0, 1.5]], (0.0, 0.5, 1.0), index=0)
    assert best.clearest_difference([0, 1, 2]) == pytest.approx(5.0)
    assert best.clearest_difference([0]) == 0.0
