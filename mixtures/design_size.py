"""How many trials a study begins with, and how many tokens each reads."""

from collections import Counter
from typing import TYPE_CHECKING

from mixtures.factor_levels import levels_for_baselines
from mixtures.factors import Range, combinations
from mixtures.value import InvalidField

if TYPE_CHECKING:
    from mixtures.study import StudySpec

# Mixtures below which a fit over even one free share is guesswork.
LEAST_DESIGN = 8
# Mixtures that run as short decays too: a correlation of fewer is guesswork.
LEAST_SHORT = 6


def num_design_mixtures(study: "StudySpec") -> int:
    """How many mixtures fill the space at the start, beside the baselines."""
    if study.design.num_mixtures is not None:
        return study.design.num_mixtures
    sizes = Counter(source.kind for source in study.sources)
    num_free = int(study.space.sft_share_range is not None)
    num_free += sum(max(0, sizes[kind] - 1) for kind in study.space.free_groups)
    # Each level of a category has to be seen at several mixtures.
    num_levels = sum(max(2, len(axis.codes)) - 1 for axis in study.axes)
    return LEAST_DESIGN + num_free // 2 + 2 * num_levels


def num_short_design(study: "StudySpec") -> int:
    """How many of these run as shorter decays too: what such say of full ones has to be seen before
    they are worth anything.
    """
    if study.short_tokens is None:
        return 0
    num = num_design_mixtures(study)
    return min(num, max(LEAST_SHORT, num // 2))


def num_first_trials(study: "StudySpec") -> int:
    """At most so many: mixtures that are a baseline too are tried once."""
    if study.confirmation is not None:
        return len(study.confirmation.mixtures) * len(study.seeds)
    if study.space.is_sweep:
        num = len({*study.space.sft_share, *study.baselines.values()})
        num = (num + (study.current_mixture is not None)) * len(combinations(study.axes))
        return num * len(study.seeds)
    num_baselines = len(study.baseline_mixtures) * len(levels_for_baselines(study))
    num = num_design_mixtures(study) + num_baselines
    repeats = min(num, study.design.num_repeated) * (len(study.seeds) - 1)
    return num + repeats + num_short_design(study)


def tokens_per_trial(study: "StudySpec") -> int:
    """Of a decay; the mean where a factor makes trials differ in it, which are as many at each
    level.
    """
    levels = study.space.factors.get("decay.tokens")
    if levels is None or isinstance(levels, Range):
        return study.decay.tokens
    return round(sum(int(level) for level in levels) / len(levels))


def short_tokens(study: "StudySpec") -> int | None:
    """Of the shorter decays that the search may try, in whole batches; None without any."""
    if study.search is None or study.search.short_decay is None:
        return None
    batch = 1 if study.trained_by == "outside" else study.optimiser.batch_tokens
    return max(1, round(study.search.short_decay * study.decay.tokens / batch)) * batch


def require_short_decay_fits(study: "StudySpec") -> None:
    """Raises InvalidField where shorter decays make no sense."""
    tokens = short_tokens(study)
    if study.search is None or tokens is None:
        return
    why = None
    if "decay.tokens" in study.space.factors:
        why = "space.factors has decay.tokens already; leave one of them out"
    elif study.space.is_sweep:
        why = "it needs first trials that fill a space; space.sft_share lists all mixtures"
    elif tokens >= study.decay.tokens:
        why = f"in whole batches that is all of decay.tokens {study.decay.tokens:,}"
    if why is not None:
        raise InvalidField("search.short_decay", study.search.short_decay, why)
