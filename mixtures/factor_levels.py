"""What a study becomes at one level of each of its factors, and whether its factors fit it."""

from collections.abc import Mapping
from itertools import product
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from mixtures.factors import KINDS, Axis, Level, Levels, Range, axes_of, words_of
from mixtures.phases import Decay
from mixtures.proxy import PRESETS, SHAPE_FIELDS, Proxy
from mixtures.recipe import Recipe
from mixtures.value import InvalidField

if TYPE_CHECKING:
    from mixtures.study import StudySpec

# A trial with a level of this that is no factor of its study has a shorter decay than the others.
SHORT = "decay.tokens"
MATCHED = "full_run.matched"


def own_levels(study: "StudySpec") -> Levels:
    """The study's own value of each factor: where baselines are tried, and what is not asked for.

    A study that is trained outside has none of our training's fields: there it is the first level
    of a list, the lower end of a range.
    """
    found: Levels = {}
    for axis in axes_of(study.space.factors):
        if axis.name.startswith("decay.") or study.trained_by == "workers":
            found[axis.name] = _own(study, axis.name)
        else:
            factor = axis.factor
            found[axis.name] = factor.low if isinstance(factor, Range) else factor[0]
    return found


def _own(study: "StudySpec", name: str) -> Level:
    if name == MATCHED:
        return True
    value: Any = study
    for part in name.split("."):
        value = getattr(value, part)
    level: Level = value.preset if isinstance(value, Proxy) else value
    return level


def own_levels_at(study: "StudySpec", levels: Mapping[str, Level]) -> Levels:
    """The study's own levels, but the given ones of those factors of which no best is sought."""
    within = study.compared_within
    return own_levels(study) | {name: at for name, at in levels.items() if name in within}


def levels_for_baselines(study: "StudySpec") -> list[Levels]:
    """The study's own levels, at each level of those factors of which no best one is sought."""
    own = own_levels(study)
    each = [axis for axis in axes_of(study.space.factors) if axis.is_each]
    wanted = [axis.factor for axis in each if not isinstance(axis.factor, Range)]
    names: list[str] = [axis.name for axis in each]
    return [own | dict(zip(names, chosen, strict=True)) for chosen in product(*wanted)]


def levels_of_request(study: "StudySpec", asked: Mapping[str, Level]) -> Levels:
    """A level of every factor: as asked for, else the study's own; raises InvalidField."""
    axes = {str(axis.name): axis for axis in study.axes}
    found = own_levels(study)
    for name, level in asked.items():
        if name == SHORT and study.short_tokens is not None and level == study.short_tokens:
            found[name] = level
            continue
        if name not in axes:
            raise InvalidField(
                f"factors.{name}", level, f"no factor of the study; there are {sorted(axes)}"
            )
        factor, kind = axes[name].factor, KINDS[axes[name].name].type
        given = float(level) if kind is float and type(level) is int else level
        if isinstance(factor, Range):
            fits = type(given) is float and factor.low <= given <= factor.high
        else:
            fits = any(type(given) is type(one) and given == one for one in factor)
        if not fits:
            raise InvalidField(f"factors.{name}", level, f"expected {axes[name].levels_in_words}")
        found[name] = given
    return found


def is_short(study: "StudySpec", levels: Mapping[str, Level]) -> bool:
    """Whether a trial at these levels has a shorter decay than the study's."""
    return SHORT in levels and SHORT not in {axis.name for axis in study.axes}


def at_levels(
    recipe: Recipe,
    decay: Decay,
    levels: Mapping[str, Level],
    proxies: Mapping[str, Proxy] | None = None,
) -> tuple[Recipe, Decay]:
    """Both with these levels in the place of their own values; raises InvalidField.

    A level of `proxy` is one of the study's `proxies`, whole, or a preset's shape.

    A recipe that is trained outside keeps its own: who trains it reads the levels themselves. A
    half-life that the study gives keeps its part of the decay, and is left out of other forms.
    """
    if not levels:
        return recipe, decay
    of_decay: dict[str, Any] = {
        name.removeprefix("decay."): level
        for name, level in levels.items()
        if name.startswith("decay.")
    }
    if of_decay.get("form", decay.form) != "exponential":
        of_decay["half_life_tokens"] = None
    elif SHORT in levels and decay.half_life_tokens is not None:
        part = int(levels[SHORT]) / decay.tokens
        of_decay["half_life_tokens"] = max(1, round(decay.half_life_tokens * part))
    changes: dict[str, Any] = {}
    if "optimiser.peak_lr" in levels:
        fields = recipe.optimiser.model_dump(mode="json")
        changes["optimiser"] = {**fields, "peak_lr": levels["optimiser.peak_lr"]}
    proxy = recipe.proxy.model_dump(mode="json")
    if levels.get("proxy") in (proxies or {}):
        proxy = (proxies or {})[str(levels["proxy"])].model_dump(mode="json")
    elif "proxy" in levels:
        preset = str(levels["proxy"])
        shape = {name: PRESETS.get(preset, {}).get(name) for name in SHAPE_FIELDS}
        proxy = {**proxy, **shape, "preset": preset}
    for name, level in levels.items():
        if name.startswith("proxy."):
            proxy[name.removeprefix("proxy.")] = level
    changes["proxy"] = proxy
    try:
        found = Decay.model_validate({**decay.model_dump(mode="json"), **of_decay})
        if recipe.trained_by == "outside":
            return recipe, found
        kept = {name: getattr(recipe, name) for name in Recipe.model_fields}
        return Recipe.model_validate({**kept, **changes}), found
    except ValidationError as error:
        first = error.errors()[0]
        raise InvalidField(
            "factors", dict(levels), f"at {words_of(levels)}: {first['msg']}"
        ) from error


def require_factors_fit(study: "StudySpec") -> None:
    """Raises InvalidField at the first factor that this study cannot have."""
    _require_proxies_fit(study)
    _require_whole_run_fits(study, study.decay, "decay.form")
    for axis in axes_of(study.space.factors):
        field = f"space.factors.{axis.name}"
        if axis.name == MATCHED and study.full_run is None:
            raise InvalidField(field, axis.name, "matched to what? Give the study a full_run")
        _require_fits_the_stable_phase(study, axis, field)
        factor = axis.factor
        levels = (factor.low, factor.high) if isinstance(factor, Range) else factor
        for level in levels:
            _require_level_fits(study, axis.name, level, field)
        own = own_levels(study)[axis.name]
        try:
            levels_of_request(study, {axis.name: own})
        except InvalidField as error:
            raise InvalidField(
                field,
                own,
                f"the study's own {axis.name} is {own!r}, and baselines are tried with it: "
                f"{error}, or set {axis.name} of the study to one",
            ) from error


def _require_fits_the_stable_phase(study: "StudySpec", axis: Axis, field: str) -> None:
    if not KINDS[axis.name].changes_stable or study.trained_by == "outside":
        return
    checkpoint = study.stable.checkpoint
    if checkpoint is not None and axis.name.startswith("proxy"):
        raise InvalidField(
            field, axis.name, f"stable.checkpoint {checkpoint!r} has its own; leave this factor out"
        )
    is_short = study.stable.tokens <= study.decay.tokens
    if checkpoint is None and isinstance(axis.factor, Range) and not is_short:
        raise InvalidField(
            field,
            axis.factor.model_dump(mode="json"),
            f"each level trains a stable phase of {study.stable.tokens:,} tokens: give a list, "
            f"stable.tokens of at most the decay's {study.decay.tokens:,}, or, of the rate, "
            "decay.lr_ratio, which changes that of the decay alone",
        )
    proxy = study.proxy
    if axis.name == "proxy" and any(
        getattr(proxy, name) != PRESETS[proxy.preset][name] for name in SHAPE_FIELDS
    ):
        raise InvalidField(
            field, proxy.preset, "the study's own proxy changes the shape of its preset"
        )


def _require_level_fits(study: "StudySpec", name: str, level: Level, field: str) -> None:
    try:
        _, decay = at_levels(study.recipe, study.decay, {name: level}, study.proxies)
        _require_whole_run_fits(study, decay, field)
    except InvalidField as error:
        raise InvalidField(field, level, str(error)) from error
    full = study.full_run
    if full is not None and decay.tokens > full.decay_tokens:
        raise InvalidField(field, level, f"more than full_run.decay_tokens {full.decay_tokens:,}")


def _require_whole_run_fits(study: "StudySpec", decay: Decay, field: str) -> None:
    if decay.is_whole_run and study.stable.checkpoint is not None:
        raise InvalidField(
            field,
            decay.form,
            f"{decay.form!r} trains from the first token; it cannot begin at stable.checkpoint "
            f"{study.stable.checkpoint!r}",
        )


def _require_proxies_fit(study: "StudySpec") -> None:
    """Each is a level, has a name of its own and the study's tokens."""
    levels = study.space.factors.get("proxy", ())
    for name, proxy in study.proxies.items():
        field = f"proxies.{name}"
        if name in PRESETS:
            raise InvalidField(field, name, "a preset has this name; take another")
        if isinstance(levels, Range) or name not in levels:
            raise InvalidField(field, name, "no level of space.factors.proxy; name it there")
        for part in ("vocab_size", "context_tokens"):
            if getattr(proxy, part) != getattr(study.proxy, part):
                raise InvalidField(
                    f"{field}.{part}",
                    getattr(proxy, part),
                    f"the study's proxy has {getattr(study.proxy, part)}; scores could not be "
                    "compared",
                )
