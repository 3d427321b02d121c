"""What a comparison of trials says: values that cross to the page and the API."""

from dataclasses import dataclass, field

from pydantic import Field

from mixtures.factors import Level
from mixtures.metric import Direction
from mixtures.trial import Score, TrialState
from mixtures.value import Value

Interval = tuple[float, float]


class ComparedScore(Value):
    """One benchmark of one trial, in the comparison's metric; the interval is over its items."""

    value: float
    interval: Interval | None


class ComparedTrial(Value):
    """One trial. `objective` is None where it is not complete or lacks a score."""

    trial_id: str
    study_id: str
    label: str
    state: TrialState
    seed: int
    objective: float | None
    scores: dict[str, ComparedScore]


class ComparedDifference(Value):
    """A mixture minus the first one. Without a common seed it is not paired: `num_pairs` is 0.

    `interval` is None while the study's noise is not known.
    """

    value: float
    interval: Interval | None
    num_pairs: int


class ComparedMixture(Value):
    """One mixture of a study, at its `factors`, by its `label` (A, B, ...), over the chosen trials.

    `mean` and `interval` are of the objective; `scores` are means by benchmark. `differences` are
    by benchmark, and of the objective under `objective`; empty for the first mixture.
    """

    label: str
    study_id: str
    study: str
    shares: dict[str, float]
    sft_share: float
    factors: dict[str, Level] = Field(default={})
    seeds: tuple[int, ...]
    trial_ids: tuple[str, ...]
    mean: float | None
    interval: Interval | None
    scores: dict[str, float]
    differences: dict[str, ComparedDifference]


class TrialComparison(Value):
    """`mixtures` in the order of the chosen trials; the first is what the others are compared with.

    `sources` and `benchmarks` are those of any of the studies.
    """

    metric: str
    direction: Direction
    sources: tuple[str, ...]
    benchmarks: tuple[str, ...]
    mixtures: tuple[ComparedMixture, ...]
    trials: tuple[ComparedTrial, ...]
    notes: tuple[str, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class ChosenTrial:
    """A trial to compare, as the tables have it."""

    trial_id: str
    study_id: str
    state: TrialState
    shares: dict[str, float]
    sft_share: float
    seed: int
    scores: tuple[Score, ...]
    factors: dict[str, Level] = field(default_factory=dict)
