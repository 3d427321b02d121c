"""What of a study may still change: more budget, more seeds, more shares, another search.

A trial's identity holds the recipe, the decay and the resources, so these stay; and the objective
stays, because choosing weights after seeing scores is choosing the winner.
"""

from typing import Any, Self

from pydantic import Field, ValidationError, model_validator

from mixtures.budget import MOST_HOURS
from mixtures.search import Search
from mixtures.study import StudySpec
from mixtures.value import InvalidField, Seed, Share, Value


class Extension(Value):
    """Seeds and shares are added to those that are there; a budget takes the place of its field."""

    max_trials: int | None = Field(default=None, ge=1, description="budget.max_trials from now on")
    max_tokens: int | None = Field(default=None, ge=1, description="budget.max_tokens from now on")
    max_hours: float | None = Field(
        default=None, gt=0, le=MOST_HOURS, description="budget.max_hours from now on"
    )
    seeds: tuple[Seed, ...] = Field(default=(), description="to add; those there are no change")
    sft_share: tuple[Share, ...] = Field(default=(), description="to add to a sweep's shares")
    search: Search | None = Field(
        default=None, description="from now on, also where there was none, in a space that allows"
    )

    @model_validator(mode="before")
    @classmethod
    def _only_what_may_change(cls, data: Any) -> Any:
        for name in data if isinstance(data, dict) else ():
            if name == "claims":
                raise InvalidField(
                    name, data[name], "claims change no trial: submit the study again with others"
                )
            if name in StudySpec.model_fields and name not in cls.model_fields:
                raise InvalidField(
                    name,
                    data[name],
                    f"{name} stays as it is: trials that were run would not answer the study any "
                    f"more. What may change: {list(cls.model_fields)}. Clone the study for more",
                )
        return data

    @model_validator(mode="after")
    def _changes_something(self) -> Self:
        if not self.model_fields_set:
            raise InvalidField(
                "(body)",
                {},
                f"changes nothing; give one or more of {list(type(self).model_fields)}",
            )
        return self

    def applied_to(self, spec: StudySpec) -> StudySpec:
        """The spec with what is added; raises InvalidField where it does not fit the study."""
        if spec.confirmation is not None:
            # More seeds after a look at the first are a second chance for whoever wants one.
            raise InvalidField(
                next(iter(sorted(self.model_fields_set))),
                self.model_dump(mode="json", exclude_unset=True),
                "a confirmation stays as it was asked; ask for another one of the study",
            )
        if self.sft_share and not spec.space.is_sweep:
            raise InvalidField(
                "sft_share",
                list(self.sft_share),
                "the study's space is no list of shares; ask for single trials, or raise "
                "max_trials and give a search",
            )
        data = spec.model_dump(mode="json")
        for name in ("max_trials", "max_tokens", "max_hours"):
            given, before = getattr(self, name), getattr(spec.budget, name)
            if given is None:
                continue
            if before is not None and given < before:
                raise InvalidField(
                    name, given, f"budget.{name} is {before:g} now; an extension gives more"
                )
            data["budget"][name] = given
        data["seeds"] = _with(spec.seeds, self.seeds)
        if self.sft_share:
            data["space"]["sft_share"] = _with(spec.space.sft_share, self.sft_share)
        if self.search is not None:
            data["search"] = self.search.model_dump(mode="json")
        try:
            return StudySpec.model_validate(data)
        except ValidationError as error:
            raise _named(error) from error


def _with(before: tuple[Any, ...], more: tuple[Any, ...]) -> list[Any]:
    return [*before, *(one for one in dict.fromkeys(more) if one not in before)]


def _named(error: ValidationError) -> InvalidField:
    """The first thing that is wrong, by the field that the rule names."""
    first = error.errors()[0]
    cause = first.get("ctx", {}).get("error")
    if isinstance(cause, InvalidField):
        return InvalidField(cause.field, cause.value, str(cause))
    field = ".".join(str(part) for part in first["loc"]) or "(body)"
    return InvalidField(field, first.get("input"), first["msg"])
