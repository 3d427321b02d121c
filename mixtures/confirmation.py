"""What a confirmation asks: mixtures named beforehand, and what was promised of each.

The best of hundreds of noisy scores is there partly by luck (the winner's curse), and a fit of
these scores may promise too much as well. So what a study says is put to seeds that nothing was
chosen by: a study of its own, whose trials are the mixtures named here, each with every seed.
Promises are written down when it is asked and belong to its identity, so nothing that comes later
changes them, and no search or fit of the confirmed study ever sees its scores.
"""

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final, Self

from pydantic import Field, model_validator

from mixtures.factor_levels import levels_of_request
from mixtures.factors import Level
from mixtures.mixture import require_sum_to_one
from mixtures.value import InvalidField, Name, Share, Value, added

if TYPE_CHECKING:
    from mixtures.study import StudySpec

Interval = tuple[float, float]
# Names that a confirmation gives; a baseline that is called so gets `baseline-` before it.
RECOMMENDED: Final = "recommended"
RAW_TOP: Final = "raw_top"
# Below two seeds there is no noise; all sign flips of more than 32 seeds are too many to count.
LEAST_SEEDS, MOST_SEEDS = 2, 32
DEFAULT_SEEDS = 8


class Promise(Value):
    """What the study said of a mixture when it was asked; None where it said nothing.

    `mean` and `interval` (95 %) are the fit's, of the noise-free objective; `raw_mean` is of its
    `num_trials` own trials, `raw_interval` for other seeds.
    """

    mean: float | None = None
    interval: Interval | None = None
    raw_mean: float | None = None
    raw_interval: Interval | None = None
    num_trials: int = Field(default=0, ge=0)


class PromisedDifference(Value):
    """The first mixture's objective less that of the one named `other`; `interval` is 95 %."""

    other: Name
    difference: float
    interval: Interval | None = None


class NamedMixture(Value):
    """One mixture, under every name that it has: what is recommended may be a baseline too."""

    names: tuple[Name, ...] = Field(min_length=1)
    shares: dict[Name, Share]
    factors: dict[Name, Level] = added({})
    promise: Promise = Promise()

    @property
    def name(self) -> str:
        return self.names[0]


class Confirmation(Value):
    """The first of `mixtures` is what is to be confirmed, and is compared with each of the others.

    `study`, its name, the scores by content (`as_of`), its number of trials, whether it had enough
    evidence and its sentence are of the moment when the confirmation was asked.
    """

    mixtures: tuple[NamedMixture, ...] = Field(min_length=2)
    differences: tuple[PromisedDifference, ...] = ()
    study: str = ""
    study_name: str = ""
    as_of: str = ""
    num_trials: int = Field(default=0, ge=0)
    enough_evidence: bool = False
    sentence: str = ""

    @model_validator(mode="after")
    def _names_are_distinct(self) -> Self:
        names = Counter(name for mixture in self.mixtures for name in mixture.names)
        if twice := [name for name, count in names.items() if count > 1]:
            raise InvalidField("mixtures", twice, "expected each name once")
        for index, one in enumerate(self.differences):
            if one.other not in names:
                raise InvalidField(
                    f"differences.{index}.other", one.other, f"no mixture of {sorted(names)}"
                )
        return self


def require_confirmation_fits(study: "StudySpec") -> None:
    """Raises InvalidField where the study cannot try the mixtures that it is to confirm."""
    if study.confirmation is None:
        return
    if study.search is not None:
        raise InvalidField(
            "search",
            study.search.model_dump(mode="json"),
            "a confirmation tries the mixtures that it names and no others; leave search out",
        )
    if not LEAST_SEEDS <= len(study.seeds) <= MOST_SEEDS:
        raise InvalidField(
            "seeds",
            list(study.seeds),
            f"a confirmation takes {LEAST_SEEDS} to {MOST_SEEDS} seeds",
        )
    names = [source.name for source in study.sources]
    for index, mixture in enumerate(study.confirmation.mixtures):
        field = f"confirmation.mixtures.{index}"
        _require_shares_fit(mixture.shares, names, f"{field}.shares")
        try:
            levels_of_request(study, mixture.factors)
        except InvalidField as error:
            raise InvalidField(f"{field}.{error.field}", error.value, str(error)) from error


def _require_shares_fit(shares: dict[str, float], names: Sequence[str], field: str) -> None:
    for name, share in shares.items():
        if name not in names:
            raise InvalidField(
                f"{field}.{name}", share, f"names the unknown source {name!r}; there are {names}"
            )
    require_sum_to_one(shares, field)
