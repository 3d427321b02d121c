"""A completed trial as the statistics see it: its mixture, its seed and its scores."""

from collections.abc import Iterable, Mapping, Sequence

from mixtures.factor_levels import is_short, own_levels_at
from mixtures.factors import Level
from mixtures.flagged import FlaggedScore, contradictions
from mixtures.study import StudySpec
from mixtures.value import Value, added, canonical_json, hash_text

# A mixture's identity: its sources with a share above 0. Nine digits forgive how it was computed.
# With the levels of the study's factors, where it has any: a row is a mixture at its levels.
Key = tuple[tuple[str, Level], ...]


class Observation(Value):
    """One completed trial. `scores` holds the value of the objective's metric per benchmark.

    `standard_errors` are over the items of a benchmark, of those that have one.
    """

    trial_id: str
    shares: dict[str, float]
    sft_share: float
    seed: int
    scores: dict[str, float]
    standard_errors: dict[str, float] = added({})
    factors: dict[str, Level] = added({})

    @property
    def key(self) -> Key:
        return mixture_key(self.shares, self.factors)


def mixture_key(shares: Mapping[str, float], factors: Mapping[str, Level] | None = None) -> Key:
    return (*shares_key(shares), *sorted((factors or {}).items()))


def shares_key(shares: Mapping[str, float]) -> tuple[tuple[str, float], ...]:
    """Of the shares alone."""
    rounded = ((name, round(share, 9)) for name, share in sorted(shares.items()))
    return tuple((name, share) for name, share in rounded if share > 0)


def baseline_keys(study: StudySpec, factors: Mapping[str, Level]) -> dict[str, Key]:
    """By name, what a mixture at these levels is compared with: baselines at the study's own
    levels, of `proxy` and `decay.tokens` at the same.
    """
    levels = own_levels_at(study, factors)
    return {
        name: mixture_key(mixture.shares, levels)
        for name, mixture in study.baseline_mixtures.items()
    }


def contradicting(study: StudySpec, observations: Iterable[Observation]) -> list[FlaggedScore]:
    """Trials that an outside team told whose scores contradict each other."""
    if study.trained_by != "outside":
        # Our own workers' aggregates are made of their parts.
        return []
    return contradictions({one.trial_id: one.scores for one in observations})


def consistent(
    study: StudySpec, observations: Sequence[Observation]
) -> tuple[list[Observation], list[str]]:
    """Without the trials whose scores contradict each other; a sentence for each of these."""
    wrong = {one.trial_id: one for one in contradicting(study, observations)}
    right = [one for one in observations if one.trial_id not in wrong]
    return right, [one.sentence for one in wrong.values()]


def complete_observations(
    study: StudySpec, observations: Iterable[Observation], with_short: bool = False
) -> tuple[list[Observation], list[str]]:
    """Those with a score on every benchmark that has the objective's metric; a sentence for others.

    A mean over the benchmarks that happen to be there would compare unlike things. Scores on
    benchmarks that the study does not have are dropped. Of an outside team's trials those are left
    out whose stored aggregate is not what its parts say. Trials of shorter decays are for the
    search alone, unless `with_short`.
    """
    names = [benchmark.name for benchmark in study.ranked_benchmarks]
    found = sorted(observations, key=lambda o: (o.seed, o.trial_id))
    right, wrong = consistent(study, found)
    wanted = [one for one in right if with_short or not is_short(study, one.factors)]
    complete, missing = with_all_scores(wanted, names)
    notes = [*wrong, *missing]
    if num_short := len(right) - len(wanted):
        notes.append(f"{num_short} trials of shorter decays inform the search and are not here.")
    return complete, notes


def with_all_scores(
    observations: Iterable[Observation], names: Sequence[str]
) -> tuple[list[Observation], list[str]]:
    """Those with a score in all of `names`, and these scores alone, by seed and trial; a sentence
    for each of the others.
    """
    whole, notes = [], []
    for one in sorted(observations, key=lambda o: (o.seed, o.trial_id)):
        missing = [name for name in names if name not in one.scores]
        if missing:
            notes.append(
                f"Trial {one.trial_id} is left out: it has no score on {', '.join(missing)}."
            )
            continue
        scores = {name: one.scores[name] for name in names}
        whole.append(one.model_copy(update={"scores": scores}))
    return whole, notes


def as_of(complete: Sequence[Observation]) -> str:
    """The scores by content: the same ones give the same answer."""
    scores = sorted((one.trial_id, sorted(one.scores.items())) for one in complete)
    return hash_text(canonical_json(scores))
