"""The rule by which `decaymix fit` names one of the mixtures that cannot be told from the best.

The rules are a study's (`choice_rule.py`); tables say neither which sources are SFT nor what is
trained on now, so a rule that goes by it asks for it.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from mixtures.choice_rule import ChoiceRule
from mixtures.mixture_posterior import row_of
from mixtures.named_mixture import Liking, named_by
from mixtures.own_answer import OwnAnswer
from mixtures.own_tables import SUM_TOLERANCE, BadTable
from mixtures.surrogates.seam import Array


def own_liking(
    rule: ChoiceRule,
    sources: Sequence[str],
    sft: Sequence[str],
    current: Mapping[str, float],
) -> Liking:
    """`sft` names the SFT sources, `current` the shares that are trained on now.

    Raises BadTable where the rule needs one of them and it is not given, where it is given and not
    needed, or where it names no source or sums to something else than 1.
    """
    _require_needed("--sft", bool(sft), rule == "cheapest", rule, "the SFT sources, once for each")
    _require_needed(
        "--current",
        bool(current),
        rule == "closest_to_current",
        rule,
        "the shares that are trained on now, as NAME=SHARE, once for each source",
    )
    for option, name in (
        *(("--sft", one) for one in sft),
        *(("--current", one) for one in current),
    ):
        if name not in sources:
            raise BadTable(f"{option} {name!r} is no source; there are {list(sources)}")
    return Liking(
        rule=rule,
        is_sft=np.isin(list(sources), list(sft)),
        current=_current(current, sources) if current else None,
        most_epochs=lambda shares: np.zeros(len(shares)),
    )


def with_choice(answer: OwnAnswer, liking: Liking, num_samples: int, seed: int) -> OwnAnswer:
    """The answer with the mixture that the rule names as its choice."""
    named = named_by(liking, answer, num_samples, seed)
    pool = replace(named.pool, best=replace(named.pool.best, choice=named.row))
    return replace(answer, chosen_from=pool)


def _require_needed(option: str, given: bool, needed: bool, rule: ChoiceRule, what: str) -> None:
    if needed and not given:
        raise BadTable(f"--choice-rule {rule} needs {option}: {what}")
    if given and not needed:
        raise BadTable(f"--choice-rule {rule} does not go by {option}; leave one of them out")


def _current(current: Mapping[str, float], sources: Sequence[str]) -> Array:
    for name, share in current.items():
        if not 0.0 <= share <= 1.0:
            raise BadTable(f"--current {name}={share:g}: expected a share from 0 to 1")
    total = math.fsum(current.values())
    if abs(total - 1.0) > SUM_TOLERANCE + 1e-9:
        raise BadTable(
            f"--current: the shares sum to {total:.4g}, expected 1 within {SUM_TOLERANCE}"
        )
    return row_of(current, sources) / total
