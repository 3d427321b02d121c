"""The space: which mixtures a study may try.

A sweep of the SFT share, as the paper ran it, or more: the shares inside a group may move as well
(a simplex inside the simplex, the paper's second question), any source may have bounds, a fixed
share or a cap from repetition, and linear rules may tie sources together. Each of these is linear
in the shares of the whole mixture, also a bound on a share inside its group, so the space is a
polytope (`polytope.py`), or one for each SFT share where these are listed.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Self

import numpy as np
from pydantic import Field, field_validator, model_validator

from mixtures.factors import Factor, FactorName, Range, fitting
from mixtures.polytope import Array, Rule
from mixtures.source import Kind, Source
from mixtures.value import InvalidField, Name, Share, Value, added

Bounds = tuple[Share, Share]


class LinearConstraint(Value):
    """A weighted sum of shares with bounds: `gsm8k + math <= 0.3`."""

    coefficients: dict[Name, float] = Field(min_length=1, description="by source")
    at_least: float | None = None
    at_most: float | None = None

    @model_validator(mode="after")
    def _bounds_something(self) -> Self:
        if self.at_least is None and self.at_most is None:
            raise InvalidField("at_most", None, "give at_least, at_most or both")
        if self.at_least is not None and self.at_most is not None and self.at_least > self.at_most:
            raise InvalidField(
                "at_least",
                self.at_least,
                f"at_least is {self.at_least:g}, more than at_most {self.at_most:g}",
            )
        if not any(self.coefficients.values()):
            raise InvalidField(
                "coefficients", dict(self.coefficients), "expected one that is not 0"
            )
        return self

    @property
    def words(self) -> str:
        """The weighted sum as a person writes it."""
        terms = [
            name if weight == 1 else f"{weight:g} {name}"
            for name, weight in self.coefficients.items()
        ]
        return " + ".join(terms).replace("+ -", "- ")


class Space(Value):
    """The mixtures that the study may try. Exactly one of `sft_share` and `sft_share_range`.

    A list of SFT shares with no `free_groups` is a sweep: each of its shares is tried, at every
    combination of its factors' levels. Everything else, so also a factor with a range, is
    searched: the first trials fill the space (`design` of the study).
    """

    sft_share: tuple[Share, ...] = added((), description="the shares to try")
    sft_share_range: Bounds | None = added(None, description="lowest and highest share")
    free_groups: tuple[Kind, ...] = added(
        (), description="groups inside which shares are searched too: pretrain, sft"
    )
    bounds: dict[Name, Bounds] = added({}, description="of a source's share of the mixture")
    bounds_in_group: dict[Name, Bounds] = added(
        {}, description="of a source's share inside its group"
    )
    fixed: dict[Name, Share] = added({}, description="a source's share of the mixture, held")
    constraints: tuple[LinearConstraint, ...] = added(())
    cap_epochs: bool = added(
        False, description="no source is read more than max_epochs times in the full run"
    )
    factors: dict[FactorName, Factor] = added(
        {}, description="what trials differ in beside their mixture: levels, or a range"
    )

    @field_validator("sft_share")
    @classmethod
    def _each_once(cls, values: tuple[float, ...]) -> tuple[float, ...]:
        for value, count in Counter(values).items():
            if count > 1:
                raise ValueError(f"sft_share {value} is given {count} times, expected once")
        return values

    @field_validator("free_groups")
    @classmethod
    def _groups_in_one_order(cls, groups: tuple[Kind, ...]) -> tuple[Kind, ...]:
        return tuple(sorted(set(groups)))

    @field_validator("factors")
    @classmethod
    def _levels_have_the_type_of_their_field(
        cls, factors: dict[FactorName, Factor]
    ) -> dict[FactorName, Factor]:
        return {name: fitting(name, factor) for name, factor in factors.items()}

    @model_validator(mode="after")
    def _shares_are_given_once(self) -> Self:
        if bool(self.sft_share) == (self.sft_share_range is not None):
            raise InvalidField(
                "sft_share",
                list(self.sft_share),
                "give exactly one of sft_share, a list such as [0, 0.5, 1], and sft_share_range, "
                "such as [0.2, 0.9]",
            )
        both = {"sft_share_range": self.sft_share_range} if self.sft_share_range else {}
        named = {f"bounds.{name}": pair for name, pair in self.bounds.items()}
        named |= {f"bounds_in_group.{name}": pair for name, pair in self.bounds_in_group.items()}
        for field, (low, high) in {**both, **named}.items():
            if low > high or (low == high and field == "sft_share_range"):
                raise InvalidField(
                    field, [low, high], f"{field} is {low:g} to {high:g}; the lower one goes first"
                )
        return self

    @property
    def is_sweep(self) -> bool:
        """Whether everything that the space holds is listed."""
        has_ranges = any(isinstance(factor, Range) for factor in self.factors.values())
        return bool(self.sft_share) and not self.free_groups and not has_ranges

    @property
    def is_line(self) -> bool:
        """Whether mixtures differ in nothing but their SFT share."""
        return not self.free_groups

    @property
    def has_rules(self) -> bool:
        """Whether anything but the SFT share is ruled."""
        return bool(self.bounds or self.bounds_in_group or self.fixed or self.constraints) or (
            self.cap_epochs
        )

    @property
    def slices(self) -> tuple[float | None, ...]:
        """SFT shares at each of which the space is a polytope; (None,) where it is one."""
        return self.sft_share or (None,)


def require_sources_exist(space: Space, sources: Sequence[Source]) -> None:
    """Raises InvalidField where the space names a source that is not there."""
    names = [source.name for source in sources]
    given: dict[str, object] = {f"bounds.{n}": v for n, v in space.bounds.items()}
    given |= {f"bounds_in_group.{n}": v for n, v in space.bounds_in_group.items()}
    given |= {f"fixed.{n}": v for n, v in space.fixed.items()}
    for index, rule in enumerate(space.constraints):
        at = f"constraints.{index}.coefficients"
        given |= {f"{at}.{n}": v for n, v in rule.coefficients.items()}
    for field, value in given.items():
        name = field.split(".", 3 if field.startswith("constraints") else 1)[-1]
        if name not in names:
            raise InvalidField(
                f"space.{field}", value, f"names the unknown source {name!r}; there are {names}"
            )


def rules_of(
    space: Space,
    sources: Sequence[Source],
    inside: Mapping[str, Mapping[str, float]],
    caps: Mapping[str, tuple[float, str]],
    sft_share: float | None = None,
) -> list[Rule]:
    """All that a mixture of the space has to keep, over the sources in their order.

    `inside` are the shares inside groups that are not free; `caps` give a source's highest share
    and the reason. `sft_share` is one of those listed, where these are.
    """
    names = [source.name for source in sources]
    member = {
        kind: np.array([float(source.kind == kind) for source in sources])
        for kind in ("pretrain", "sft")
    }
    unit = {name: np.eye(len(names))[index] for index, name in enumerate(names)}
    rules = [Rule(coefficients=np.ones(len(names)), bound=1.0, is_equal=True)]
    rules += [Rule(coefficients=-unit[name], bound=0.0) for name in names]
    if sft_share is not None:
        rules.append(
            Rule(
                coefficients=member["sft"],
                bound=sft_share,
                is_equal=True,
                name=f"space.sft_share {sft_share:g}",
                field="space.sft_share",
            )
        )
    elif space.sft_share_range is not None:
        rules += _between(member["sft"], space.sft_share_range, "space.sft_share_range")
    for source in sources:
        if source.kind not in space.free_groups:
            share = inside[source.kind][source.name]
            rules.append(
                Rule(
                    coefficients=unit[source.name] - share * member[source.kind],
                    bound=0.0,
                    is_equal=True,
                    name=f"{source.name} is {share:.4g} of the {source.kind} sources "
                    f"({source.kind}_shares)",
                    field=f"{source.kind}_shares",
                )
            )
        if source.name in space.bounds_in_group:
            low, high = space.bounds_in_group[source.name]
            field, group = f"space.bounds_in_group.{source.name}", member[source.kind]
            row = unit[source.name]
            rules += _between(row, (low, high), field, of=group)
    for name, pair in space.bounds.items():
        rules += _between(unit[name], pair, f"space.bounds.{name}")
    for name, share in space.fixed.items():
        field = f"space.fixed.{name}"
        rules.append(
            Rule(
                coefficients=unit[name],
                bound=share,
                is_equal=True,
                name=f"{field} {share:g}",
                field=field,
            )
        )
    rules += _linear(space, unit)
    rules += [_upper(unit[n], cap, reason, "space.cap_epochs") for n, (cap, reason) in caps.items()]
    return rules


def _linear(space: Space, unit: Mapping[str, Array]) -> list[Rule]:
    rules = []
    for index, one in enumerate(space.constraints):
        field = f"space.constraints.{index}"
        row = np.sum([weight * unit[name] for name, weight in one.coefficients.items()], axis=0)
        if one.at_most is not None:
            words = f"{field} ({one.words} <= {one.at_most:g})"
            rules.append(_upper(row, one.at_most, words, field))
        if one.at_least is not None:
            words = f"{field} ({one.words} >= {one.at_least:g})"
            rules.append(_upper(-row, -one.at_least, words, field))
    return rules


def _between(row: Array, pair: Bounds, field: str, of: Array | None = None) -> list[Rule]:
    """low <= row @ w <= high, or both times `of @ w`. What is true of any share is left out."""
    low, high = pair
    rules = []
    if low > 0:
        words = f"{field} at least {low:g}"
        below = -row if of is None else low * of - row
        rules.append(_upper(below, -low if of is None else 0.0, words, field))
    if high < 1:
        words = f"{field} at most {high:g}"
        above = row if of is None else row - high * of
        rules.append(_upper(above, high if of is None else 0.0, words, field))
    return rules


def _upper(row: Array, bound: float, name: str, field: str) -> Rule:
    return Rule(coefficients=row, bound=bound, name=name, field=field)
