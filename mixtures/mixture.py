"""A mixture: the share of decay tokens that each source gets."""

import math
from collections.abc import Mapping, Sequence
from typing import Self

from pydantic import Field, model_validator

from mixtures.source import Source
from mixtures.value import InvalidField, Name, Share, Value

# How far from 1 a sum of shares may lie: the rounding of a handful of written decimals.
SUM_TOLERANCE = 1e-6


class Mixture(Value):
    """Shares per source, each in [0, 1], summing to 1. Never mutate `shares`: make a new one."""

    shares: dict[Name, Share] = Field(min_length=1)

    @model_validator(mode="after")
    def _shares_sum_to_one(self) -> Self:
        require_sum_to_one(self.shares, "shares")
        return self


def require_sum_to_one(shares: Mapping[str, float], field: str) -> None:
    """Raises InvalidField that names the field, the sum and the right value."""
    total = math.fsum(shares.values())
    if abs(total - 1.0) > SUM_TOLERANCE:
        raise InvalidField(
            field,
            dict(shares),
            f"{field} sum to {total:.6g}, expected 1 (within {SUM_TOLERANCE:g})",
        )


def sft_share(mixture: Mixture, sources: Sequence[Source]) -> float:
    """The sum of the shares of the sources of kind `sft`: the ratio that the paper searched.

    Rounded to 9 digits, which takes back the rounding of the shares it is summed from.
    """
    sft = {source.name for source in sources if source.kind == "sft"}
    return round(math.fsum(share for name, share in mixture.shares.items() if name in sft), 9)


def mixture_of_sft_share(
    share: float, pretrain_shares: Mapping[str, float], sft_shares: Mapping[str, float]
) -> Mixture:
    """The mixture with `share` of its tokens from the SFT group.

    `pretrain_shares` and `sft_shares` are the shares inside each group; each group sums to 1.
    Shares are rounded to 12 digits, so that 0.64 * 0.2 typed and computed are one mixture.
    """
    groups = ((1.0 - share, pretrain_shares), (share, sft_shares))
    shares = {
        name: round(part * inside, 12) for part, group in groups for name, inside in group.items()
    }
    return Mixture(shares=shares)
