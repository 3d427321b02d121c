"""A study run dry: all of its data read, tokenised and built, and what training would cost.

What is built is kept under the home, so the study itself finds it there.
"""

import shutil
from collections.abc import Sequence

from mixtures.baselines import CURRENT
from mixtures.cost import Cost
from mixtures.design import first_trials
from mixtures.repetition import Epochs, cut_notes, epochs_of, worst_notes
from mixtures.study import BYTES_PER_WEIGHT, StudySpec
from mixtures.trial import TrialSpec
from mixtures.value import Value
from workers.check import DataReport, check_data
from workers.config import WorkerConfig
from workers.files import DataError
from workers.prepare import Prepared, prepare
from workers.training_cost import training_cost

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

    A trial's are those of its decay and its evaluation, both measured on a part; where factors make
    trials differ, their mean. `first_trials` has the decay tokens and the hours of one core of all,
    stable phases not among them; `search_at_most` what the search may add, until `search_limit`.
    """

    name: str
    data: DataReport
    sources: dict[str, SourceCheck]
    benchmarks: dict[str, BenchmarkCheck]
    epochs: dict[str, dict[str, Epochs]]
    num_trials: int
    train_tokens: int
    tokens_per_second: float
    num_stable_phases: int
    stable_seconds: float
    trial_seconds: float
    evaluation_seconds: float
    first_trials: Cost
    search_at_most: Cost | None
    search_limit: str | None
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
    cost = training_cost(recipe, trials, prepared)
    trial_seconds = cost.decay_seconds + cost.evaluation_seconds
    first = Cost(
        num_trials=len(trials),
        tokens=cost.decay_tokens,
        hours=round(len(trials) * trial_seconds / 3600, 4),
    )
    at_most, limit = _search(spec, first, trial_seconds / 3600)
    too_much = cost.scoring.note(spec.decay.tokens / cost.rate)
    weights = max(trial.recipe.proxy.num_parameters for trial in trials) * BYTES_PER_WEIGHT
    # One decay at a time leaves its own checkpoint beside the stable phase's.
    disk = (1 + max(cost.num_stable_phases, 1)) * _COPIES_IN_CHECKPOINT * weights
    disk += sum(_num_tokens(prepared, name) * 4 for name in prepared.sources)
    disk += sum(
        trial.recipe.proxy.num_parameters * BYTES_PER_WEIGHT
        for trial in trials
        if trial.keep_weights
    )
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
        train_tokens=cost.stable_tokens + cost.decay_tokens,
        tokens_per_second=round(cost.rate, 1),
        num_stable_phases=cost.num_stable_phases,
        stable_seconds=round(cost.stable_seconds, 1),
        trial_seconds=round(trial_seconds, 1),
        evaluation_seconds=round(cost.evaluation_seconds, 1),
        first_trials=first,
        search_at_most=at_most,
        search_limit=limit,
        disk_bytes=disk,
        free_bytes=shutil.disk_usage(config.home).free,
        notes=(
            *worst_notes({_heading(one): read for one, read in epochs.items()}, spec.max_epochs),
            *cut_notes(
                available,
                {
                    name: source.about.tokens_per_document if source.about else 0.0
                    for name, source in prepared.sources.items()
                },
                spec.decay,
                spec.full_run,
            ),
            *([] if too_much is None else [too_much]),
            *_budget_notes(spec, first, at_most, limit),
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
    return f"At {float(label) * 100:.3g} % SFT" if is_share else f"In {label}"


def _search(spec: StudySpec, first: Cost, hours_per_trial: float) -> tuple[Cost | None, str | None]:
    """What a search may add, and the budget that ends it."""
    if spec.search is None:
        return None, None
    per_trial = spec.tokens_per_trial
    num, limit = spec.budget.trials_left(
        first.num_trials, per_trial, first.hours or 0.0, hours_per_trial, first.tokens
    )
    hours = round(num * hours_per_trial, 4)
    return Cost(num_trials=num, tokens=num * per_trial, hours=hours), limit


def _budget_notes(
    spec: StudySpec, first: Cost, at_most: Cost | None, limit: str | None
) -> list[str]:
    """What a search may add, and whether the hours are enough for the first trials."""
    notes = []
    most = spec.budget.max_hours
    if most is not None and first.hours is not None and first.hours > most:
        notes.append(
            f"The first {first.num_trials} trials take about {_time(first.hours)} of one core, "
            f"more than budget.max_hours {most:g}: those beyond it are not begun."
        )
    if at_most is not None:
        notes.append(
            f"The search may add up to {at_most.num_trials} trials, {at_most.tokens:,} tokens, "
            f"{_time(at_most.hours)} of one core, until {limit} is reached; it ends before "
            "where nothing is left to gain."
        )
    return notes


def _time(hours: float | None) -> str:
    """`3.2 hours`, `1.1 minutes`."""
    assert hours is not None
    return f"{hours:.2g} hours" if hours >= 1 else f"{hours * 60:.2g} minutes"


def _num_tokens(prepared: Prepared, name: str) -> int:
    return len(prepared.sources[name].tokens)
