"""Factors: what trials of a study may differ in beside their mixture.

A factor is a field of the study by its dotted name, with the levels that are tried: a list, or a
range. The best mixture may depend on them (Xmodel-2's report fixes one schedule and one rate and
asks no further), so they are searched together with it and never averaged over.

The levels of some cost a stable phase each, because the field shapes the model before its decay:
these may be listed, so that there are few, or be a range where that phase is short. Of `proxy` and
`decay.tokens` the larger always looks better and costs more, so no search is for their best level:
it looks for the best mixture at each.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import product
from typing import Annotated, Literal, Self

import numpy as np
from pydantic import Field, StrictBool, StrictFloat, StrictInt, StrictStr, model_validator

from mixtures.value import InvalidField, Value

Level = StrictBool | StrictInt | StrictFloat | StrictStr
Levels = dict[str, Level]
FactorName = Literal[
    "decay.form",
    "decay.tokens",
    "decay.lr_ratio",
    "decay.min_lr_ratio",
    "decay.optimiser",
    "optimiser.peak_lr",
    "proxy.tied_embedding",
    "proxy.scale_emb",
    "proxy.scale_depth",
    "proxy.dim_model_base",
    "proxy",
    "full_run.matched",
]
# Digits of a level that is drawn from a range: a person can write them down.
_DIGITS = 3


class Range(Value):
    """Every level from `low` to `high`; on a `log` scale a factor of two is as far anywhere."""

    low: float
    high: float
    scale: Literal["linear", "log"] | None = Field(
        default=None, description="log for rates, where not given"
    )

    @model_validator(mode="after")
    def _low_goes_first(self) -> Self:
        if self.low >= self.high:
            raise InvalidField(
                "low", self.low, f"{self.low:g} to {self.high:g}: the lower one goes first"
            )
        return self


Factor = Annotated[tuple[Level, ...], Field(min_length=2)] | Range


@dataclass(frozen=True, slots=True)
class _Kind:
    """What is known of a field: `is_each` where the best mixture is wanted at every level."""

    type: type
    changes_stable: bool = False
    is_each: bool = False
    is_log: bool = False


KINDS: dict[FactorName, _Kind] = {
    "decay.form": _Kind(str),
    "decay.tokens": _Kind(int, is_each=True, is_log=True),
    "decay.lr_ratio": _Kind(float, is_log=True),
    "decay.min_lr_ratio": _Kind(float),
    "decay.optimiser": _Kind(str),
    "optimiser.peak_lr": _Kind(float, changes_stable=True, is_log=True),
    "proxy.tied_embedding": _Kind(bool, changes_stable=True),
    "proxy.scale_emb": _Kind(float, changes_stable=True, is_log=True),
    "proxy.scale_depth": _Kind(float, changes_stable=True, is_log=True),
    "proxy.dim_model_base": _Kind(int, changes_stable=True, is_log=True),
    "proxy": _Kind(str, changes_stable=True, is_each=True),
    # Whether the proxy repeats its sources as often as the full run will: two answers, not a best.
    "full_run.matched": _Kind(bool, is_each=True),
}


@dataclass(frozen=True, slots=True)
class Axis:
    """A factor as the design and the search see it: levels as numbers.

    A category is its place in the list; a number lies between 0 and 1, on the factor's scale.
    """

    name: FactorName
    factor: tuple[Level, ...] | Range

    @property
    def is_category(self) -> bool:
        return not isinstance(self.factor, Range) and KINDS[self.name].type in (str, bool)

    @property
    def is_each(self) -> bool:
        return KINDS[self.name].is_each

    @property
    def levels_in_words(self) -> str:
        """What a level of it may be, for who gave another."""
        if isinstance(self.factor, Range):
            return f"a number from {self.factor.low:g} to {self.factor.high:g}"
        return f"one of {list(self.factor)}"

    @property
    def _ends(self) -> tuple[float, float]:
        if isinstance(self.factor, Range):
            return self._scaled(self.factor.low), self._scaled(self.factor.high)
        numbers = [self._scaled(float(level)) for level in self.factor]
        return min(numbers), max(numbers)

    def _scaled(self, value: float) -> float:
        own = self.factor.scale if isinstance(self.factor, Range) else None
        is_log = own == "log" if own else KINDS[self.name].is_log
        return float(np.log(value)) if is_log else value

    def encode(self, level: Level) -> float:
        """The level as a number; of one outside a list of categories raises ValueError."""
        if self.is_category:
            assert not isinstance(self.factor, Range)
            return float(self.factor.index(level))
        low, high = self._ends
        return (self._scaled(float(level)) - low) / (high - low)

    def decode(self, at: float) -> Level:
        """The level at a number; of a list the nearest."""
        if not isinstance(self.factor, Range):
            numbers = [self.encode(level) for level in self.factor]
            return self.factor[int(np.argmin(np.abs(np.array(numbers) - at)))]
        low, high = self._ends
        value = low + min(max(at, 0.0), 1.0) * (high - low)
        value = float(np.exp(value)) if self._scaled(1.0) != 1.0 else value
        rounded = float(f"{value:.{_DIGITS}g}")
        return min(max(rounded, self.factor.low), self.factor.high)

    @property
    def codes(self) -> tuple[float, ...]:
        """Of all levels of a list, each once; of a range none."""
        if isinstance(self.factor, Range):
            return ()
        return tuple(self.encode(level) for level in self.factor)


def axes_of(factors: Mapping[FactorName, Factor]) -> tuple[Axis, ...]:
    """In the order of their names, so that two ways to write a study are one."""
    return tuple(Axis(name, factors[name]) for name in sorted(factors))


def combinations(axes: tuple[Axis, ...]) -> list[Levels]:
    """Every combination of listed levels; ranges are left out."""
    listed = [axis for axis in axes if not isinstance(axis.factor, Range)]
    levels = [axis.factor for axis in listed if not isinstance(axis.factor, Range)]
    names: list[str] = [axis.name for axis in listed]
    return [dict(zip(names, chosen, strict=True)) for chosen in product(*levels)]


def fitting(name: FactorName, factor: Factor) -> tuple[Level, ...] | Range:
    """The factor with its levels in the type of the field; raises InvalidField (its name alone)."""
    kind, field = KINDS[name], name
    if isinstance(factor, Range):
        if kind.type is not float:
            why = " (the larger always looks better: which ones?)" if kind.is_each else ""
            raise InvalidField(
                field, factor.model_dump(mode="json"), f"expected a list of levels{why}"
            )
        is_log = factor.scale == "log" or (factor.scale is None and kind.is_log)
        if is_log and factor.low <= 0:
            raise InvalidField(f"{field}.low", factor.low, "a range on a log scale starts above 0")
        return factor
    levels = []
    for level in factor:
        is_number = isinstance(level, int | float) and not isinstance(level, bool)
        is_right = is_number if kind.type in (int, float) else isinstance(level, kind.type)
        if not is_right or (kind.type is int and level != int(level)):
            raise InvalidField(field, level, f"{level!r} is no {_TYPE_WORDS[kind.type]}")
        levels.append(kind.type(level))
    if len(set(levels)) < len(levels):
        raise InvalidField(field, list(levels), "expected each level once")
    return tuple(levels)


_TYPE_WORDS = {str: "name", bool: "true or false", int: "whole number", float: "number"}


def words_of(levels: Mapping[str, Level]) -> str:
    """As a person reads them: `decay.form linear, decay.lr_ratio 0.5`; empty for none."""
    return ", ".join(f"{name} {level_words(level)}" for name, level in sorted(levels.items()))


def level_words(level: Level) -> str:
    """`linear`, `0.5`, `true`."""
    if isinstance(level, bool):
        return str(level).lower()
    return f"{level:g}" if isinstance(level, float) else str(level)
