"""A study run dry: all of its data read, tokenised and built, and what training would cost.

What is built is kept under the home, so the study itself finds it there.
"""

import shutil
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

from mixtures.baselines import CURRENT
from mixtures.design import first_trials
from mixtures.repetition import Epochs, epochs_of, repetition_notes
from mixtures.study import BYTES_PER_WEIGHT, StudySpec
from mixtures.trial import TrialSpec
from mixtures.value import Value
from workers.check import DataReport, check_data
from workers.config import WorkerConfig
from workers.files import DataError
from workers.prepare import Prepared, prepare

if TYPE_CHECKING:
    from workers.evaluation_cost import EvaluationCost

# Optimiser steps that the rate is measured on, after one that is not counted.
_MEASURED_STEPS = 3
# Weights and AdamW's two moments.
_COPIES_IN_CHECKPOINT = 3


class SourceCheck(Value):
    """Training tokens of a source, how its text becomes tokens, and how long its documents are."""

    num_tokens: int
    bytes_per_token: float
    tokens_per_document: float


class BenchmarkCheck(Value):
    """Items that a trial scores, and those whose answer or prompt does not fit the context."""

    num_items: int
    num_too_long: int
    num_cut: int


class StudyCheck(Value):
    """`epochs` by SFT share, or by the name of a mixture. Seconds are of one core after another;
    `disk_bytes` of all of it.

    A trial's are those of its decay and its evaluation, both measured on a part.
    """

    name: str
    data: DataReport
    sources: dict[str, SourceCheck]
    benchmarks: dict[str, BenchmarkCheck]
    epochs: dict[str, dict[str, Epochs]]
    num_trials: int
    train_tokens: int
    tokens_per_second: float
    stable_seconds: float
    trial_seconds: float
    evaluation_seconds: float
    disk_bytes: int
    free_bytes: int
    notes: tuple[str, ...]


def check_study(spec: StudySpec, config: WorkerConfig) -> StudyCheck:
    """Raises DataError at the first thing that would stop the study."""
    recipe = spec.recipe
    if recipe.trained_by == "outside":
        raise DataError(
            "trained_by", "outside", "the study's data are not read here: there is nothing to check"
        )
    data = check_data(recipe, config)
    prepared = prepare(recipe, data.data_hashes, config, lambda done, total: None)
    available = {
        name: source.num_sequences * recipe.proxy.context_tokens
        for name, source in prepared.sources.items()
    }
    trials = first_trials(spec, "", data.data_hashes)
    epochs = {
        label: epochs_of(shares, spec.decay, spec.full_run, available)
        for label, shares in _mixtures(spec, trials).items()
    }
    stable_tokens = 0 if recipe.stable.checkpoint is not None else recipe.stable.tokens
    rate, scoring = _measured(prepared)
    decay_seconds = spec.decay.tokens / rate
    too_much = scoring.note(decay_seconds)
    weights = recipe.proxy.num_parameters * BYTES_PER_WEIGHT
    # One decay at a time leaves its own checkpoint beside the stable phase's.
    disk = 2 * _COPIES_IN_CHECKPOINT * weights
    disk += sum(_num_tokens(prepared, name) * 4 for name in prepared.sources)
    disk += weights * len(trials) if spec.keeps_weights else 0
    return StudyCheck(
        name=spec.name,
        data=data,
        sources={
            name: SourceCheck(
                num_tokens=_num_tokens(prepared, name),
                bytes_per_token=round(source.about.bytes_per_token, 3) if source.about else 0.0,
                tokens_per_document=round(source.about.tokens_per_document, 2)
                if source.about
                else 0.0,
            )
            for name, source in prepared.sources.items()
        },
        benchmarks={
            one.benchmark.name: BenchmarkCheck(
                num_items=one.num_items, num_too_long=one.num_too_long, num_cut=one.num_cut
            )
            for one in prepared.benchmarks
        },
        epochs=epochs,
        num_trials=len(trials),
        train_tokens=stable_tokens + len(trials) * spec.decay.tokens,
        tokens_per_second=round(rate, 1),
        stable_seconds=round(stable_tokens / rate, 1),
        trial_seconds=round(decay_seconds + scoring.seconds, 1),
        evaluation_seconds=round(scoring.seconds, 1),
        disk_bytes=disk,
        free_bytes=shutil.disk_usage(config.home).free,
        notes=(
            *(
                f"{_heading(label)}: {note}"
                for label, found in epochs.items()
                for note in repetition_notes(found, spec.max_epochs)
            ),
            *([] if too_much is None else [too_much]),
            *_budget_notes(spec, len(trials), (decay_seconds + scoring.seconds) / 3600),
        ),
    )


def _mixtures(spec: StudySpec, trials: Sequence[TrialSpec]) -> dict[str, dict[str, float]]:
    """Shares of each mixture that is tried: by its SFT share in a sweep, else by name or number."""
    if spec.space.is_sweep:
        shares = sorted({*spec.space.sft_share, *spec.baselines.values()})
        own = {f"{share:g}": spec.mixture_at(share).shares for share in shares}
        return own | ({CURRENT: spec.current_mixture} if spec.current_mixture else {})
    found = {name: mixture.shares for name, mixture in spec.baseline_mixtures.items()}
    others = {trial.mixture.canonical(): trial.mixture.shares for trial in trials}
    for mixture in spec.baseline_mixtures.values():
        others.pop(mixture.canonical(), None)
    return found | {f"mixture {n}": shares for n, shares in enumerate(others.values(), start=1)}


def _heading(label: str) -> str:
    is_share = label.replace(".", "", 1).isdigit()
    return f"At {float(label):.0%} SFT" if is_share else f"In {label}"


def _budget_notes(spec: StudySpec, num_trials: int, hours_per_trial: float) -> list[str]:
    """What a search may add, and whether the hours are enough for the first trials."""
    notes = []
    hours = num_trials * hours_per_trial
    most = spec.budget.max_hours
    if most is not None and hours > most:
        notes.append(
            f"The first {num_trials} trials take about {hours:.2g} hours of one core, more than "
            f"budget.max_hours {most:g}: those beyond it are not begun."
        )
    if spec.search is not None:
        left, field = spec.budget.trials_left(num_trials, spec.decay.tokens, hours, hours_per_trial)
        notes.append(
            f"The search may add up to {left} trials, {left * hours_per_trial:.2g} hours of one "
            f"core, until {field} is reached."
        )
    return notes


def _num_tokens(prepared: Prepared, name: str) -> int:
    return len(prepared.sources[name].tokens)


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
