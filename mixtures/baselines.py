"""Mixtures that every other one is compared with, because a search must beat them to be worth it.

No method of choosing mixtures beats plain ones everywhere (Aioli, arXiv 2411.05735), so these are
always tried: shares of the study's own line, each source alike, each by its size, and what the user
trains on now.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from mixtures.mixture import Mixture, require_sum_to_one
from mixtures.recipe import Recipe
from mixtures.value import InvalidField

if TYPE_CHECKING:
    from mixtures.study import StudySpec

# Names that are given to mixtures without the user's doing.
UNIFORM, PROPORTIONAL, CURRENT = "uniform", "proportional", "current"


def baseline_mixtures(
    recipe: Recipe,
    sft_shares: Mapping[str, float],
    current: Mapping[str, float] | None,
    tokens: Mapping[str, int],
    is_open: bool,
) -> dict[str, Mixture]:
    """By name. An SFT share that the sources cannot make, for want of one kind, is left out.

    `is_open`: mixtures are searched, not listed, so uniform and proportional belong to them; the
    latter needs the `tokens` of every source.
    """
    kinds = {source.kind for source in recipe.sources}
    found = {
        name: recipe.mixture_at(share)
        for name, share in sft_shares.items()
        if not (share > 0 and "sft" not in kinds) and not (share < 1 and "pretrain" not in kinds)
    }
    names = [source.name for source in recipe.sources]
    own: dict[str, Mapping[str, float]] = {}
    if is_open:
        own[UNIFORM] = {name: 1.0 / len(names) for name in names}
        if all(name in tokens for name in names):
            total = sum(tokens[name] for name in names)
            own[PROPORTIONAL] = {name: tokens[name] / total for name in names}
    if current is not None:
        own[CURRENT] = {name: current.get(name, 0.0) for name in names}
    for name, shares in own.items():
        if name in sft_shares:
            raise InvalidField(
                f"baselines.{name}",
                sft_shares[name],
                f"the name {name!r} is that of a baseline which is always tried; choose another",
            )
        found[name] = Mixture(shares={source: round(s, 12) for source, s in shares.items()})
    return found


def require_current_mixture_fits(study: "StudySpec") -> None:
    """Raises InvalidField where what is trained on now names no source, does not sum to 1, or is
    not given and the study's rule goes by it.
    """
    names = [source.name for source in study.sources]
    for name, share in (study.current_mixture or {}).items():
        if name not in names:
            raise InvalidField(
                f"current_mixture.{name}",
                share,
                f"names the unknown source {name!r}; there are {names}",
            )
    if study.current_mixture is not None:
        require_sum_to_one(study.current_mixture, "current_mixture")
    elif study.recommend == "closest_to_current":
        raise InvalidField(
            "recommend",
            study.recommend,
            "closest_to_current needs current_mixture: the shares by source that are trained "
            "on now",
        )
