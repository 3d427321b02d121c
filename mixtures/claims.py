"""Claims: what a study is to show, said so that its trials can be held to it.

A claim is a question to the same trials, as a leaderboard is: it makes no trial another one, so it
is not part of a study's identity (`StudySpec.content_hash`). It says where it is from, because most
are somebody's: the report's 60 to 69 %, MiniCPM's tenth of all tokens. `verdicts.py` judges.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Literal, Self

from pydantic import Field, model_validator

from mixtures.factors import Level, Range
from mixtures.value import InvalidField, Name, Share, Value, added

if TYPE_CHECKING:
    from mixtures.study import StudySpec

# Half the width that an interval of a share may have before it says as good as nothing.
SHARE_MARGIN = 0.15
MOST_CLAIMS = 20


class _Claim(Value):
    words: str = Field(min_length=1, max_length=400, description="the claim as a sentence")
    source: str = added("", max_length=400, description="who says so, where")


class _OfObjective(_Claim):
    of: str | None = added(
        None, description="a benchmark or a group of them; the study's objective, when not given"
    )


class BestShareIn(_OfObjective):
    """The best SFT share lies from `low` to `high`."""

    kind: Literal["best_share_in"]
    low: Share
    high: Share

    @model_validator(mode="after")
    def _low_goes_first(self) -> Self:
        if self.low >= self.high:
            raise InvalidField("low", self.low, f"{self.low:g} to {self.high:g}: low goes first")
        return self


class BestShareIs(_OfObjective):
    """`sft_share` is the best one, as far as an interval of at most twice the margin can say."""

    kind: Literal["best_share_is"]
    sft_share: Share
    margin: Share = SHARE_MARGIN


class Side(Value):
    """Mixtures at their levels: those that fit all that is given; of several the best counts.

    `recommended` is the mixture that the study recommends, which need not have been tried.
    """

    baseline: Name | None = added(None)
    sft_share: Share | None = added(None)
    factors: dict[Name, Level | tuple[Level, ...]] = added({}, description="a level, or several")
    recommended: bool = added(False)

    @model_validator(mode="after")
    def _says_which(self) -> Self:
        others = self.baseline is not None or self.sft_share is not None or bool(self.factors)
        if self.recommended == others:
            raise InvalidField(
                "recommended",
                self.recommended,
                "expected either recommended: true or one or more of baseline, sft_share, factors",
            )
        return self


class Compared(_OfObjective):
    """`first` against `second` by pairs of seeds. A margin that is not given is the spread of
    seeds: the sd of a trial when its seed alone changes.
    """

    kind: Literal["compared"]
    first: Side
    says: Literal["better", "not_worse", "equal", "different"]
    second: Side
    margin: float | None = added(None, gt=0, description="in the objective's unit")


class BestSharesDiffer(_Claim):
    """The best SFT share is not one for all: of benchmark groups, or of the levels of `factor`."""

    kind: Literal["best_shares_differ"]
    factor: Name | None = added(None, description="benchmark groups, when not given")
    margin: Share = SHARE_MARGIN


class InTieGroup(_Claim):
    """No setting that was tried is better than these levels, which need not have been tried."""

    kind: Literal["in_tie_group"]
    factors: dict[Name, Level] = Field(min_length=1)
    margin: float | None = added(None, gt=0, description="in the objective's unit")


class RanksAgree(_Claim):
    """Proxies, the levels of the factor `proxy`, order mixtures alike: by rank correlation."""

    kind: Literal["ranks_agree"]
    at_least: float = Field(gt=0, lt=1)


class SourcePays(_OfObjective):
    """More of a source is not worse, or better, also where some benchmarks are left `without`."""

    kind: Literal["source_pays"]
    pays: Name = Field(description="the source")
    says: Literal["better", "not_worse"] = "not_worse"
    without: tuple[Name, ...] = added((), description="benchmarks that do not count here")
    margin: float | None = added(None, gt=0, description="in the objective's unit")


Claim = Annotated[
    BestShareIn | BestShareIs | Compared | BestSharesDiffer | InTieGroup | RanksAgree | SourcePays,
    Field(discriminator="kind"),
]
Claims = Annotated[tuple[Claim, ...], Field(max_length=MOST_CLAIMS)]


def require_claims_fit(study: "StudySpec", claims: tuple[Claim, ...]) -> None:
    """Raises InvalidField where a claim names what the study does not have."""
    for place, claim in enumerate(claims):
        field = f"claims.{place}"
        if isinstance(claim, _OfObjective) and claim.of is not None:
            _require_objective(study, claim.of, f"{field}.of")
        if isinstance(claim, Compared):
            _require_sides(study, claim, field)
        elif isinstance(claim, BestSharesDiffer):
            if claim.factor is not None:
                _require_list(study, claim.factor, f"{field}.factor")
        elif isinstance(claim, InTieGroup):
            for name in claim.factors:
                _require_factor(study, name, f"{field}.factors.{name}")
        elif isinstance(claim, RanksAgree):
            _require_list(study, "proxy", field)
        elif isinstance(claim, SourcePays):
            sources = [source.name for source in study.sources]
            _require_known(claim.pays, sources, f"{field}.pays", "source")
            for name in claim.without:
                known = [one.name for one in study.ranked_benchmarks]
                _require_known(name, known, f"{field}.without", "benchmark")


def _require_sides(study: "StudySpec", claim: Compared, field: str) -> None:
    for name, side in (("first", claim.first), ("second", claim.second)):
        if side.baseline is not None:
            known = list(study.baseline_mixtures)
            _require_known(side.baseline, known, f"{field}.{name}.baseline", "baseline")
        for factor, levels in side.factors.items():
            where = f"{field}.{name}.factors.{factor}"
            _require_factor(study, factor, where)
            tried = next(axis.factor for axis in study.axes if axis.name == factor)
            for level in levels if isinstance(levels, tuple) else (levels,):
                if isinstance(tried, tuple):
                    _require_known(level, tried, where, "level")
    if claim.second.recommended:
        raise InvalidField(f"{field}.second", True, "recommended is for the first side alone")
    if claim.first.recommended and (claim.second.baseline is None or claim.second.factors):
        raise InvalidField(
            f"{field}.second",
            claim.second.model_dump(mode="json"),
            "what is recommended is compared with a baseline: give second: {baseline: NAME}",
        )


def _require_objective(study: "StudySpec", name: str, field: str) -> None:
    """Of the study's own metric: a claim about another is another study's."""
    ranked = study.ranked_benchmarks
    known = [*(one.name for one in ranked), *dict.fromkeys(one.group for one in ranked)]
    _require_known(name, known, field, "benchmark and no group")


def _require_factor(study: "StudySpec", name: str, field: str) -> None:
    _require_known(name, [str(axis.name) for axis in study.axes], field, "factor")


def _require_list(study: "StudySpec", name: str, field: str) -> None:
    _require_factor(study, name, field)
    if any(axis.name == name and isinstance(axis.factor, Range) for axis in study.axes):
        raise InvalidField(field, name, f"{name} is a range; expected a factor with a list")


def _require_known(name: object, known: Sequence[object], field: str, what: str) -> None:
    if name not in known:
        raise InvalidField(field, name, f"names no {what} of this study; there are {list(known)}")
