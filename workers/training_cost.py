"""What training a study's first trials will take, measured on a few steps of each proxy."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from mixtures.proxy import SHAPE_FIELDS, Proxy
from mixtures.recipe import Recipe
from mixtures.trial import TrialSpec
from mixtures.value import canonical_json
from workers.prepare import Prepared

if TYPE_CHECKING:
    from workers.evaluation_cost import EvaluationCost

# Optimiser steps that the rate is measured on, after one that is not counted.
_MEASURED_STEPS = 3


@dataclass(frozen=True, kw_only=True, slots=True)
class TrainingCost:
    """Seconds of one core: of all stable phases; of a trial, on average, in decay and evaluation.

    `rate` is in tokens a second, of the study's own proxy, as is `scoring`.
    """

    num_stable_phases: int
    stable_tokens: int
    stable_seconds: float
    decay_tokens: int
    decay_seconds: float
    evaluation_seconds: float
    rate: float
    scoring: "EvaluationCost"


def training_cost(own: Recipe, trials: Sequence[TrialSpec], prepared: Prepared) -> TrainingCost:
    """A factor may change the stable phase: each distinct one is trained once, and counted."""
    phases: dict[str, Recipe] = {}
    for trial in trials:
        phases.setdefault(_phase(trial), trial.recipe)
    measured = {_shape(own.proxy): _measured(replace(prepared, recipe=own))}
    for recipe in phases.values():
        if _shape(recipe.proxy) not in measured:
            measured[_shape(recipe.proxy)] = _measured(replace(prepared, recipe=recipe))

    def rate_of(proxy: Proxy) -> float:
        return measured[_shape(proxy)][0]

    tokens = [
        0 if recipe.stable.checkpoint is not None else recipe.stable.tokens
        for recipe in phases.values()
    ]
    seconds = [
        num / rate_of(recipe.proxy) for num, recipe in zip(tokens, phases.values(), strict=True)
    ]
    decays = [trial.decay.tokens / rate_of(trial.recipe.proxy) for trial in trials]
    scored = [measured[_shape(trial.recipe.proxy)][1].seconds for trial in trials]
    rate, scoring = measured[_shape(own.proxy)]
    return TrainingCost(
        num_stable_phases=sum(num > 0 for num in tokens),
        stable_tokens=sum(tokens),
        stable_seconds=sum(seconds),
        decay_tokens=sum(trial.decay.tokens for trial in trials),
        decay_seconds=sum(decays) / max(len(decays), 1),
        evaluation_seconds=sum(scored) / max(len(scored), 1),
        rate=rate,
        scoring=scoring,
    )


def _phase(trial: TrialSpec) -> str:
    """What makes a stable checkpoint, of recipes with the same data (`stable.py`)."""
    recipe, whole = trial.recipe, trial.decay.whole_run(trial.recipe.stable)
    parts = [recipe.proxy, recipe.optimiser, recipe.stable, *([] if whole is None else [whole])]
    return canonical_json([*(one.model_dump(mode="json") for one in parts), recipe.stable_seed])


def _shape(proxy: Proxy) -> str:
    """What its speed depends on: muP's multipliers cost nothing."""
    fields = (*SHAPE_FIELDS, "vocab_size", "context_tokens", "tied_embedding")
    return canonical_json([getattr(proxy, name) for name in fields])


def _measured(prepared: Prepared) -> "tuple[float, EvaluationCost]":
    """Tokens a second of training on one core, and what an evaluation takes; as the study's own."""
    # Imported here: the data are checked without torch, which takes three seconds.
    import torch

    from workers.evaluation_cost import evaluation_cost
    from workers.stable import start_of_training
    from workers.stream import Stream
    from workers.train import train

    torch.set_num_threads(1)
    recipe = prepared.recipe
    model, optimiser = start_of_training(recipe)
    stream = Stream(prepared.sources, recipe.shares_in_group("pretrain"), 0)
    steps = train(model, optimiser, stream, recipe.optimiser, _MEASURED_STEPS + 1, lambda _: 0.0)
    next(steps)
    started = time.perf_counter()
    for _ in steps:
        pass
    seconds = time.perf_counter() - started
    rate = _MEASURED_STEPS * recipe.optimiser.batch_tokens / seconds
    return rate, evaluation_cost(model, prepared.benchmarks)
