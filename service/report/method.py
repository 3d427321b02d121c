"""What a study did, in sentences that are made of its spec: nobody has to keep them true."""

from collections import Counter

from db.studies import StoredStudy
from mixtures.factors import Range, level_words
from mixtures.study import StudySpec
from service.pages.numbers import count, percent, percent_range, words
from service.study_facts import StudyFacts


def method_of(study: StoredStudy, facts: StudyFacts, search_stopped: str | None) -> tuple[str, ...]:
    """The training, the space, the search's end, the seeds, the data and the objective."""
    spec = study.spec
    stopped = () if search_stopped is None else (f"The search stopped: {search_stopped}.",)
    return (
        _training(spec),
        " ".join((_space(spec), *stopped)),
        _seeds(spec, facts),
        _data(spec),
        _objective(spec),
    )


def _training(spec: StudySpec) -> str:
    decay = spec.decay
    optimiser = "" if decay.optimiser == "adamw" else f" by {decay.optimiser}"
    of_decay = f"decays over {count(decay.tokens)} tokens ({decay.form}){optimiser}"
    if spec.trained_by == "outside":
        return f"Trained outside of Decaymix: {of_decay}."
    start = f"a stable phase of {count(spec.stable.tokens)} tokens"
    if spec.stable.checkpoint is not None:
        start = f"the checkpoint {spec.stable.checkpoint}"
    full = ""
    if spec.full_run is not None:
        full = (
            f"; sources are cut so that each repeats as in a full run of "
            f"{count(spec.full_run.decay_tokens)} tokens"
        )
    return (
        f"Proxy {spec.proxy.title} ({count(spec.proxy.num_parameters)} parameters), "
        f"from {start}; each trial {of_decay}, peak rate {spec.optimiser.peak_lr:g}, "
        f"{count(spec.optimiser.batch_tokens)} tokens a batch{full}."
    )


def _space(spec: StudySpec) -> str:
    space = spec.space
    if space.sft_share:
        shares = ", ".join(percent(share).removesuffix("\u00a0%") for share in space.sft_share)
        found = f"SFT shares of {shares} %"
    else:
        assert space.sft_share_range is not None
        found = f"SFT shares from {percent_range(space.sft_share_range)}"
    if space.free_groups:
        found += f", with free shares inside {' and '.join(space.free_groups)}"
    levels = [
        f"{axis.name} {axis.factor.low:g} to {axis.factor.high:g}"
        if isinstance(axis.factor, Range)
        else f"{axis.name} {', '.join(level_words(one) for one in axis.factor)}"
        for axis in spec.axes
    ]
    if levels:
        found += f"; at {'; '.join(levels)}"
    if not space.is_sweep:
        found += f"; {spec.num_design_mixtures} first mixtures that fill the space"
    if spec.search is not None:
        found += f", then a search of at most {spec.budget.max_trials} trials in all"
    baselines = ", ".join(spec.baseline_mixtures)
    return f"{found}. " + (f"Baselines: {baselines}." if baselines else "No baselines.")


def _seeds(spec: StudySpec, facts: StudyFacts) -> str:
    seeds = ", ".join(str(seed) for seed in spec.seeds)
    per_mixture = Counter(len(row.seeds) for row in facts.board.rows)
    ran = ", ".join(
        f"{num} mixture{'s' if num != 1 else ''} with {seeds_each}"
        for seeds_each, num in sorted(per_mixture.items())
    )
    return (
        f"Seeds {seeds}; one seed reads every source in one order, so mixtures are compared in "
        f"pairs. Completed: {ran or 'none'}."
    )


def _data(spec: StudySpec) -> str:
    kinds = {
        kind: [source.name for source in spec.sources if source.kind == kind]
        for kind in ("pretrain", "sft")
    }
    parts = [f"{kind}: {', '.join(names)}" for kind, names in kinds.items() if names]
    return f"Sources, {'; '.join(parts)}."


def _objective(spec: StudySpec) -> str:
    objective = spec.objective
    weights = {one.name: objective.weight_of(one.name) for one in spec.ranked_benchmarks}
    by_weight: dict[str, list[str]] = {}
    for name, weight in weights.items():
        by_weight.setdefault(f"{weight:.3g}", []).append(name)
    listed = "; ".join(f"{', '.join(names)} weigh {weight}" for weight, names in by_weight.items())
    better = "lower" if objective.direction == "minimise" else "higher"
    return f"Objective: the mean {words(objective.metric)}, {better} is better. {listed}."
