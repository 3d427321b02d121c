"""The verdict on a comparison: one side's best mixture against the other's, by pairs of seeds."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from mixtures.claims import Compared, Side
from mixtures.confirmation_found import ConfirmationAnswer
from mixtures.factors import Level, level_words, words_of
from mixtures.named_objectives import asked_objective, objective_weights
from mixtures.noise import SeedNoise
from mixtures.observation import Key, Observation, mixture_key, shares_key
from mixtures.paired import MixtureTrials, difference_of, interval_of, turned
from mixtures.rank import mixtures_of
from mixtures.study import StudySpec
from mixtures.study_answer import StudyAnswer
from mixtures.subset_noise import study_noise
from mixtures.verdict import Interval, Verdict, Word, better, different, equal, not_worse

RULES: dict[str, Callable[[Interval, float], Word]] = {
    "better": better,
    "not_worse": not_worse,
    "equal": equal,
    "different": different,
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Found:
    """The best of the mixtures that a side names; `words` for them."""

    entry: MixtureTrials
    words: str


def compared(
    study: StudySpec,
    claim: Compared,
    complete: Sequence[Observation],
    answer: StudyAnswer,
    confirmation: ConfirmationAnswer | None = None,
) -> Verdict:
    """From trials with all their scores; what is recommended by its confirmation, if there is one:
    seeds that it was not chosen by.
    """
    if claim.first.recommended:
        margin = margin_of(claim.margin, study, complete)
        found = None if confirmation is None else _confirmed(study, claim, confirmation, margin)
        return found or _recommended(study, claim, answer, margin)
    own = of_part(study, claim.of)
    entries = mixtures_of(own, complete)
    if claim.of is None:
        entries = _as_ranked(entries, answer)
    else:
        entries.sort(key=lambda entry: entry.mean)
    first, second = (_best(study, side, entries) for side in (claim.first, claim.second))
    if first is None or second is None:
        missing = side_words(claim.first if first is None else claim.second)
        return undecided(claim, f"no finished trial is of {missing}")
    noise = noise_of(own, entries)
    difference = difference_of(first.entry, second.entry, noise)
    interval = interval_of(difference.value, difference.uncertainty)
    if noise is None or interval is None:
        return undecided(claim, "no mixture ran on two seeds, so the noise is not known")
    spread = spread_of(noise)
    margin = spread if claim.margin is None else claim.margin
    pairs = f"{difference.num_pairs} pairs of seeds" if difference.num_pairs else "unpaired seeds"
    of = "" if claim.of is None else f" on {claim.of}"
    sign = study.objective.loss_sign
    own_interval = turned(sign, interval)
    # A level's name keeps its letters, at the start of a sentence too.
    head = f"T{first.words[1:]}" if first.words.startswith("the ") else first.words
    return Verdict(
        claim=claim,
        verdict=RULES[claim.says](interval, margin),
        estimate=sign * difference.value,
        interval=own_interval,
        sentence=(
            f"{head} minus {second.words}{of}: "
            f"{difference_words(sign * difference.value, own_interval, study)}, by {pairs}; "
            f"{_margin_words(claim.margin, spread)}."
        ),
    )


def of_part(study: StudySpec, of: str | None) -> StudySpec:
    """The study with a benchmark or a group as its objective; itself for None."""
    if of is None:
        return study
    return with_weights(study, asked_objective(study, of).weights)


def with_weights(study: StudySpec, weights: Mapping[str, float]) -> StudySpec:
    """The study with these benchmarks alone in its objective."""
    own = {"weights": dict(weights), "default_weight": 0.0}
    return study.model_copy(update={"objective": study.objective.model_copy(update=own)})


def weights_of(study: StudySpec) -> dict[str, float]:
    """Of the benchmarks in its objective, summing to 1."""
    return objective_weights(study, [one.name for one in study.ranked_benchmarks])


def noise_of(study: StudySpec, entries: Sequence[MixtureTrials]) -> SeedNoise | None:
    """As the leaderboard has it."""
    values = {(one.key, seed): y for one in entries for seed, y in one.by_seed.items()}
    return study_noise(values, study.data_seeds)


def spread_of(noise: SeedNoise) -> float:
    """The sd of a trial when its seed alone changes, of the objective."""
    own = math.fsum(one.value for one in noise.own.values()) / len(noise.own)
    subset = 0.0 if noise.subset is None else noise.subset.shared.value + noise.subset.own.value
    return math.sqrt(noise.shared.value + own + subset)


def margin_of(given: float | None, study: StudySpec, complete: Sequence[Observation]) -> float:
    """A claim's own margin, or the spread of seeds; 0 where that is not known."""
    if given is not None:
        return given
    noise = noise_of(study, mixtures_of(study, complete))
    return 0.0 if noise is None else spread_of(noise)


def undecided(claim: Compared, why: str) -> Verdict:
    """Where there is nothing to go by."""
    return Verdict(
        claim=claim, verdict="undecided", estimate=None, interval=None, sentence=f"Not told: {why}."
    )


def difference_words(value: float, interval: Interval, study: StudySpec) -> str:
    """`-0.0142 (-0.0294 to -0.0004) bits per byte, lower is better`."""
    better_is = "lower" if study.objective.direction == "minimise" else "higher"
    metric = study.objective.metric.replace("_", " ")
    return (
        f"{value:+.4f} ({interval[0]:+.4f} to {interval[1]:+.4f}) {metric}, {better_is} is better"
    )


def side_words(side: Side) -> str:
    """`paper at decay.form linear`."""
    parts = [] if side.baseline is None else [side.baseline]
    if side.sft_share is not None:
        parts.append(_share_words(side.sft_share))
    levels = [
        f"{name} {' or '.join(level_words(one) for one in _levels(level))}"
        for name, level in sorted(side.factors.items())
    ]
    if levels:
        parts.append(("at " if parts else "") + ", ".join(levels))
    return " ".join(parts)


def _confirmed(
    study: StudySpec, claim: Compared, confirmation: ConfirmationAnswer, margin: float
) -> Verdict | None:
    """By pairs of fresh seeds; None where these do not compare the two."""
    named = next(
        (one.names[0] for one in confirmation.mixtures if claim.second.baseline in one.names), None
    )
    pair = next((one for one in confirmation.differences if one.other == named), None)
    if pair is None or pair.difference is None or pair.interval is None:
        return None
    sign = study.objective.loss_sign
    return Verdict(
        claim=claim,
        verdict=RULES[claim.says](turned(sign, pair.interval), margin),
        estimate=pair.difference,
        interval=pair.interval,
        sentence=(
            f"The recommended mixture minus {claim.second.baseline}: "
            f"{difference_words(pair.difference, pair.interval, study)}, by {pair.num_pairs} pairs "
            f"of fresh seeds{'' if confirmation.is_complete else '; more are to come'}."
        ),
    )


def _recommended(study: StudySpec, claim: Compared, answer: StudyAnswer, margin: float) -> Verdict:
    """By the fit: the mixture need not have been tried."""
    found = answer.recommendation
    if found is None:
        return undecided(claim, answer.no_recommendation)
    name = claim.second.baseline
    pair = next((one for one in found.compared_with if one.baseline == name), None)
    if pair is None:
        return undecided(claim, f"the recommendation is not compared with {name}")
    sign = study.objective.loss_sign
    word = RULES[claim.says](turned(sign, pair.interval), margin)
    is_enough = found.enough_evidence
    return Verdict(
        claim=claim,
        verdict=word if is_enough else "undecided",
        estimate=pair.difference,
        interval=pair.interval,
        sentence=(
            f"The recommended mixture minus {name}: "
            f"{difference_words(pair.difference, pair.interval, study)}, by the fit"
            f"{'' if is_enough else '; the evidence is not enough'}."
        ),
    )


def _as_ranked(entries: list[MixtureTrials], answer: StudyAnswer) -> list[MixtureTrials]:
    """In the order of the leaderboard: by the fit where there is one, which luck misleads less."""
    place = {
        mixture_key(row.shares, row.factors): at for at, row in enumerate(answer.leaderboard.rows)
    }
    return sorted(entries, key=lambda entry: place.get(entry.key, len(place)))


def _best(study: StudySpec, side: Side, entries: Sequence[MixtureTrials]) -> Found | None:
    wanted: Key | None = None
    if side.baseline is not None:
        wanted = shares_key(study.baseline_mixtures[side.baseline].shares)
    fitting = [entry for entry in entries if _fits(side, wanted, entry.trials[0])]
    if not fitting:
        return None
    words = side_words(side)
    if len(fitting) > 1:
        words = f"the best of {len(fitting)} with {words} ({_chosen_words(side, fitting)})"
    return Found(entry=fitting[0], words=words)


def _chosen_words(side: Side, fitting: Sequence[MixtureTrials]) -> str:
    """Of the first of them: the levels and the share that the side leaves open."""
    trial = fitting[0].trials[0]
    left_open = {
        name: level
        for name, level in trial.factors.items()
        if name not in side.factors or len(_levels(side.factors[name])) > 1
    }
    said = [words_of(left_open)] if left_open else []
    if not said or len({round(entry.trials[0].sft_share, 6) for entry in fitting}) > 1:
        said.append(_share_words(trial.sft_share))
    return ", ".join(said)


def _share_words(share: float) -> str:
    return f"{100 * share:.4g} % SFT"


def _fits(side: Side, wanted: Key | None, trial: Observation) -> bool:
    if wanted is not None and shares_key(trial.shares) != wanted:
        return False
    if side.sft_share is not None and abs(trial.sft_share - side.sft_share) > 1e-6:
        return False
    return all(trial.factors.get(name) in _levels(level) for name, level in side.factors.items())


def _levels(level: Level | tuple[Level, ...]) -> tuple[Level, ...]:
    return level if isinstance(level, tuple) else (level,)


def _margin_words(margin: float | None, spread: float) -> str:
    if margin is None:
        return f"the spread of seeds is {spread:.4f}"
    return f"the margin is {margin:g}"
