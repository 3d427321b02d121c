"""Where a fitted curve is lowest, and what cannot be told from there.

All of it is read off joint posterior draws of the curve, because the answer is about differences:
two shares whose own intervals overlap may still be told apart, as their errors move together.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mixtures.surrogates.seed_blocks import Array
from mixtures.surrogates.share_gp import ShareFit

GRID_STEP = 0.005
NUM_DRAWS = 4000
# Any number does: it only makes one set of scores give one recommendation.
DRAW_SEED = 0


@dataclass(frozen=True, kw_only=True, slots=True)
class BestShare:
    """The lowest point of the posterior mean, and the draws that say how sure that is.

    `shares` is the grid together with every other share asked about; `draws` has a column for
    each. `on_grid` marks the columns among which the best share was sought.
    """

    shares: Array
    on_grid: NDArray[np.bool_]
    mean: Array
    sd: Array
    draws: Array
    index: int

    @property
    def share(self) -> float:
        return float(self.shares[self.index])

    def column(self, share: float) -> int:
        return int(np.flatnonzero(self.shares == round(share, 12))[0])

    def difference(self, column: int) -> Array:
        """Draws of f(best) - f(share of the column)."""
        difference: Array = self.draws[:, self.index] - self.draws[:, column]
        return difference

    def is_like_the_best(self) -> NDArray[np.bool_]:
        """Per column, whether its share cannot be told from the best.

        It can where the 95 % interval of its loss over the best share lies above 0.
        """
        excess = self.draws - self.draws[:, [self.index]]
        is_like: NDArray[np.bool_] = np.quantile(excess, 0.025, axis=0) <= 0
        return is_like

    def like_the_best(self, tried: Sequence[float] = ()) -> list[tuple[float, float]]:
        """The contiguous pieces of the shares that cannot be told from the best.

        With the shares `tried`, a gap between two pieces is kept only where trials made it: one was
        told from the best inside it, and one could not be on either side. Otherwise the pieces are
        joined. A gap, or an island beyond one, in which nothing was tried is the fit's alone, and
        its place moves with a single trial; the joined piece is the larger set, so it holds the
        best share no less often.
        """
        shares, inside = self.shares[self.on_grid], self.is_like_the_best()[self.on_grid]
        edges = np.flatnonzero(np.diff(np.concatenate([[False], inside, [False]]).astype(int)))
        pieces = [
            (float(shares[start]), float(shares[end - 1]))
            for start, end in zip(edges[::2], edges[1::2], strict=True)
        ]
        return joined(pieces, tried) if len(tried) else pieces

    def clearest_difference(self, columns: list[int]) -> float:
        """The most sds by which the loss of one of the columns lies above the best share's."""
        found = 0.0
        for column in columns:
            excess = -self.difference(column)
            sd = float(np.std(excess))
            if sd > 0.0:
                found = max(found, float(np.mean(excess)) / sd)
        return found

    @property
    def lowest_points(self) -> Array:
        """(S,) the share at which each draw of the curve is lowest."""
        found: Array = self.shares[self.on_grid][np.argmin(self.draws[:, self.on_grid], axis=1)]
        return found

    def lowest_point_interval(self) -> tuple[float, float]:
        """The 95 % credible interval of where the curve itself is lowest."""
        low, high = np.quantile(self.lowest_points, [0.025, 0.975], method="inverted_cdf")
        return float(low), float(high)

    def probability_lowest(self, columns: list[int]) -> list[float]:
        """For each of the columns, the probability that it is the lowest of them; sums to 1."""
        lowest = np.argmin(self.draws[:, columns], axis=1)
        counts = np.bincount(lowest, minlength=len(columns))
        return [float(count) / len(self.draws) for count in counts]

    def is_flat(self, columns: list[int]) -> bool:
        """Whether not one of the columns can be told from the best, all asked at once.

        Bonferroni: with a dozen looks at noise, one in four studies would show a difference at
        2.5 % a look.
        """
        probability = [float(np.mean(self.difference(column) >= 0)) for column in columns]
        return min(probability) > 0.05 / len(columns)


def joined(
    pieces: Sequence[tuple[float, float]], tried: Sequence[float]
) -> list[tuple[float, float]]:
    """The pieces without the gaps that no trial made: see `like_the_best`."""

    def has_tried(low: float, high: float) -> bool:
        return any(low <= share <= high for share in tried)

    found = [pieces[0]]
    for place, piece in enumerate(pieces[1:], start=1):
        low, high = found[-1]
        is_made = (
            any(high < share < piece[0] for share in tried)
            and has_tried(low, high)
            and any(has_tried(*later) for later in pieces[place:])
        )
        if is_made:
            found.append(piece)
        else:
            found[-1] = (low, piece[1])
    return found


def best_share(
    fit: ShareFit, also: tuple[float, ...] = (), grid_step: float = GRID_STEP
) -> BestShare:
    """The best share on a grid inside the shares tried: a curve is never extrapolated.

    `also` are more shares to draw the curve at, inside the tried ones too.
    """
    low, high = round(float(fit.shares.min()), 12), round(float(fit.shares.max()), 12)
    steps = np.round(np.arange(0.0, 1.0 + grid_step / 2, grid_step), 12)
    grid = np.unique([low, high, *steps[(steps >= low) & (steps <= high)]])
    shares = np.unique([*grid, *(round(share, 12) for share in also)])
    on_grid = np.isin(shares, grid)
    mean, sd = fit.curve(shares)
    return BestShare(
        shares=shares,
        on_grid=on_grid,
        mean=mean,
        sd=sd,
        draws=fit.draws(shares, NUM_DRAWS, DRAW_SEED),
        index=int(np.argmin(np.where(on_grid, mean, np.inf))),
    )
