"""From what a study says to the follow-up study that confirms it: which mixtures, with which seeds.

The recommended mixture, the one whose raw score is the best, every baseline, and what else is asked
for. All of it as it stands now, before any of the fresh seeds has run.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from mixtures.budget import Budget
from mixtures.confirmation import (
    RAW_TOP,
    RECOMMENDED,
    Confirmation,
    NamedMixture,
    Promise,
    PromisedDifference,
)
from mixtures.factor_levels import is_short, own_levels, own_levels_at
from mixtures.factors import Level, Levels
from mixtures.observation import Key, baseline_keys, mixture_key
from mixtures.rank import Leaderboard, LeaderboardRow
from mixtures.recommendation import Recommendation
from mixtures.study import StudySpec

# Of a name; what a follow-up study adds to it fits below the limit of 64.
_MOST_OF_A_NAME = 50


@dataclass(frozen=True, kw_only=True, slots=True)
class AlsoAsked:
    """A mixture that is confirmed beside the study's own; without `factors` at its own levels.

    `promise` is another study's, for one that this study has not tried.
    """

    name: str
    shares: Mapping[str, float]
    factors: Mapping[str, Level]
    promise: Promise | None = None


def confirmation_of(
    study_id: str,
    study: StudySpec,
    found: Recommendation,
    board: Leaderboard,
    also: Sequence[AlsoAsked] = (),
) -> Confirmation:
    """`found` and `board` are of the same trials."""
    rows = {mixture_key(row.shares, row.factors): row for row in board.rows}
    first = mixture_key(found.mixture.shares, found.factors)
    top = _raw_top(study, board, found.factors)
    names: dict[Key, list[str]] = {first: [RECOMMENDED]}
    shares: dict[Key, dict[str, float]] = {first: found.mixture.shares}
    levels: dict[Key, Levels] = {first: dict(found.factors)}
    promised: dict[Key, Promise] = {}

    def add(key: Key, name: str, its_shares: Mapping[str, float], at: Mapping[str, Level]) -> None:
        names.setdefault(key, []).append(name)
        shares.setdefault(key, dict(its_shares))
        levels.setdefault(key, dict(at))

    add(mixture_key(top.shares, top.factors), RAW_TOP, top.shares, top.factors)
    baselines = baseline_keys(study, found.factors)
    at = own_levels_at(study, found.factors)
    for name, key in baselines.items():
        add(key, _free(name), study.baseline_mixtures[name].shares, at)
    for one in also:
        at = _levels_asked(study, one.factors)
        key = mixture_key(one.shares, at)
        add(key, one.name, one.shares, at)
        if one.promise is not None and key not in rows:
            promised.setdefault(key, one.promise)
    mixtures = tuple(
        NamedMixture(
            names=tuple(dict.fromkeys(names[key])),
            shares=shares[key],
            factors=levels[key],
            promise=_promise(rows.get(key), found if key == first else None)
            if key == first or key not in promised
            else promised[key],
        )
        for key in names
    )
    of_baseline = {key: name for name, key in baselines.items()}
    differences = [
        _difference(found, rows.get(key), of_baseline.get(key), mixture.name)
        for key, mixture in list(zip(names, mixtures, strict=True))[1:]
    ]
    return Confirmation(
        mixtures=mixtures,
        differences=tuple(one for one in differences if one is not None),
        study=study_id,
        study_name=study.name,
        as_of=found.evidence.as_of,
        num_trials=board.num_trials,
        enough_evidence=found.enough_evidence,
        sentence=found.sentence,
    )


def confirming_study(study: StudySpec, asked: Confirmation, seeds: Sequence[int]) -> StudySpec:
    """The follow-up study: the same recipe, decay and objective, these mixtures with these seeds.

    Raises pydantic's ValidationError where the seeds do not fit its `data_seeds`.
    """
    budget = Budget(max_trials=len(asked.mixtures) * len(seeds))
    return StudySpec.model_validate(
        {
            **study.model_dump(mode="json"),
            "name": f"{study.name[:_MOST_OF_A_NAME]}-confirmation",
            "question": f"Does what {study.name} recommends hold on seeds that nobody has seen?",
            "seeds": list(seeds),
            "search": None,
            # Its claims are for the study's own trials to show.
            "claims": (),
            "confirmation": asked.model_dump(mode="json"),
            "budget": budget.model_dump(mode="json"),
        }
    )


def fresh_seeds(used: int | None, num: int) -> list[int]:
    """The smallest above all that were `used`, of which only the largest matters."""
    first = 0 if used is None else used + 1
    return list(range(first, first + num))


def _raw_top(study: StudySpec, board: Leaderboard, levels: Mapping[str, Level]) -> LeaderboardRow:
    """By the mean of its own trials alone; among rows that may be compared with the recommended."""
    each = study.compared_within
    comparable = [
        row for row in board.rows if all(row.factors.get(name) == levels.get(name) for name in each)
    ]
    sign = study.objective.loss_sign
    return min(comparable, key=lambda row: (sign * row.mean, row.sft_share, row.trial_ids[0]))


def _levels_asked(study: StudySpec, levels: Mapping[str, Level]) -> Levels:
    """Those of a trial. A shorter decay is for a search alone: its mixture takes the whole one."""
    own = own_levels(study)
    return own if is_short(study, levels) else own | dict(levels)


def _promise(row: LeaderboardRow | None, found: Recommendation | None) -> Promise:
    posterior = row.posterior if row is not None else None
    mean = posterior.mean if posterior else None
    interval = posterior.interval if posterior else None
    if found is not None:
        mean, interval = found.predicted_mean, found.predicted_interval
    return Promise(
        mean=mean,
        interval=interval,
        raw_mean=row.mean if row else None,
        raw_interval=row.interval if row else None,
        num_trials=row.num_trials if row else 0,
    )


def _difference(
    found: Recommendation, row: LeaderboardRow | None, baseline: str | None, name: str
) -> PromisedDifference | None:
    """To a baseline with the fit's interval; to another that was tried, that of the two means."""
    for one in found.compared_with:
        if one.baseline == baseline:
            return PromisedDifference(other=name, difference=one.difference, interval=one.interval)
    if row is None or row.posterior is None:
        return None
    return PromisedDifference(other=name, difference=found.predicted_mean - row.posterior.mean)


def _free(name: str) -> str:
    """A baseline's name, with a word before it where a confirmation has the name for its own."""
    return f"baseline-{name}"[:64] if name in (RECOMMENDED, RAW_TOP) else name
