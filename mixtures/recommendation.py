"""What the statistics answer: a share, how sure it is, and the evidence that it rests on."""

from pydantic import Field

from mixtures.choice_rule import ChoiceRule
from mixtures.factors import Level
from mixtures.front import ParetoFront
from mixtures.metric import Direction
from mixtures.mixture import Mixture
from mixtures.repetition import Epochs
from mixtures.value import Share, Value, added
from mixtures.verdict import Verdict

Interval = tuple[float, float]


class NotEnoughTrials(ValueError):
    """Too few trials for any fit; the message says how many are missing."""


class ShareProbability(Value):
    sft_share: Share
    probability: float


class BaselineComparison(Value):
    """`difference` is the recommended mixture's objective minus the baseline's, from the fit."""

    baseline: str
    sft_share: Share
    difference: float
    interval: Interval
    probability_better: float


class Curve(Value):
    """The objective against the share, with 95 % posterior intervals, for plots."""

    sft_share: tuple[Share, ...]
    mean: tuple[float, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]


class BenchmarkOptimum(Value):
    """A separate fit of one benchmark. `interval`: SFT shares that cannot be told from its best.

    `mixture` is its best where that is more than an SFT share.
    """

    benchmark: str
    best_share: Share
    interval: Interval
    mean: float
    mixture: dict[str, float] | None = None


class WorstBenchmark(Value):
    """Where the recommended mixture loses most: its score minus the baseline's, from the fit.

    The most in units of the benchmark's own spread over mixtures, so that scales do not decide.
    """

    benchmark: str
    baseline: str
    difference: float
    interval: Interval


class Evidence(Value):
    """`noise_sd` and `seed_sd` are of one trial; the out-of-fold figures leave mixtures out.

    `out_of_fold_coverage` is the part of left-out trials inside their 95 % interval.
    `signal_to_noise` is per benchmark, None while its noise is not known. `shortfalls` say what is
    missing for an answer; empty with enough evidence. `as_of` names the scores by content: the same
    ones give the same recommendation.
    """

    num_trials: int
    num_mixtures: int
    num_seeds: int
    noise_sd: float
    seed_sd: float | None
    surrogate: str = "share_gp"
    out_of_fold_spearman: float | None
    out_of_fold_rmse: float
    out_of_fold_coverage: float
    signal_to_noise: dict[str, float | None] = Field(default={})
    shortfalls: tuple[str, ...] = ()
    as_of: str


class Recommendation(Value):
    """The mixture to decay on, by `choice_rule` out of those that cannot be told from the best.

    `interval` is the hull of the SFT shares of the mixtures that cannot be told from the one of
    least mean, `intervals` its contiguous pieces; `best_share_interval` is the 95 % credible
    interval of the best mixture's SFT share, `source_intervals` that of its share of each source,
    both widened to hold the choice. `tie_group` are mixtures that were tried, each by its first
    trial. `p_best_of_choice` is over the tried mixtures and the choice; `expected_regret` is
    against the best of the whole tried region. `p_best` and `curve` are for spaces that are a line.

    Where `enough_evidence` is false the mixtures differ by no more than the noise;
    `more_trials_needed` is how many more it expects to need, None where that cannot be said.
    """

    study: str
    metric: str
    direction: Direction
    sft_share: Share
    mixture: Mixture
    interval: Interval
    intervals: tuple[Interval, ...]
    best_share_interval: Interval
    source_intervals: dict[str, Interval]
    tie_group: tuple[str, ...]
    choice_rule: ChoiceRule
    choice_words: str
    predicted_mean: float
    predicted_interval: Interval
    p_best_of_choice: float
    expected_regret: float
    p_best: tuple[ShareProbability, ...]
    compared_with: tuple[BaselineComparison, ...]
    worst_benchmark: WorstBenchmark | None
    curve: Curve | None
    per_benchmark: tuple[BenchmarkOptimum, ...]
    evidence: Evidence
    enough_evidence: bool
    more_trials_needed: int | None
    sentence: str
    notes: tuple[str, ...]
    subset: str | None = Field(
        default=None, description="the trials that were fitted, where these are not all"
    )
    epochs: dict[str, Epochs] = Field(
        default={}, description="how often the mixture reads each source"
    )
    front: ParetoFront | None = Field(
        default=None,
        description="of several objectives, the mixtures that no other beats in all of them",
    )
    factors: dict[str, Level] = added(
        {}, description="levels of the study's factors that it is for, and fitted at"
    )
    verdicts: tuple[Verdict, ...] = added((), description="on the study's claims, in their order")
