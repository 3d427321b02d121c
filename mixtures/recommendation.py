"""What the statistics answer: a share, how sure it is, and the evidence that it rests on."""

from typing import Literal

from pydantic import Field

from mixtures.metric import Direction
from mixtures.mixture import Mixture
from mixtures.repetition import Epochs
from mixtures.value import Share, Value

Interval = tuple[float, float]


class ShareProbability(Value):
    sft_share: Share
    probability: float


class BaselineComparison(Value):
    """`difference` is the recommended share's objective minus the baseline's, from the fit."""

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
    """A separate fit of one benchmark. `interval`: shares that cannot be told from its best one."""

    benchmark: str
    best_share: Share
    interval: Interval
    mean: float


class Evidence(Value):
    """`noise_sd` and `seed_sd` are of one trial; the out-of-fold figures leave a mixture out.

    `as_of` names the scores by content: the same scores give the same recommendation.
    """

    num_trials: int
    num_mixtures: int
    num_seeds: int
    noise_sd: float
    seed_sd: float
    surrogate: Literal["share_gp"] = "share_gp"
    out_of_fold_spearman: float | None
    out_of_fold_rmse: float
    out_of_fold_coverage: float
    as_of: str


class Recommendation(Value):
    """The share to decay on.

    `interval` is the hull of the shares that cannot be told from the recommended one, `intervals`
    its contiguous pieces; `best_share_interval` is the 95 % credible interval of where the curve
    itself is lowest. Where `enough_evidence` is false the curve is flat within the noise, and the
    share is the lowest point of that noise.
    """

    study: str
    metric: str
    direction: Direction
    sft_share: Share
    mixture: Mixture
    interval: Interval
    intervals: tuple[Interval, ...]
    best_share_interval: Interval
    predicted_mean: float
    predicted_interval: Interval
    p_best: tuple[ShareProbability, ...]
    compared_with: tuple[BaselineComparison, ...]
    curve: Curve
    per_benchmark: tuple[BenchmarkOptimum, ...]
    evidence: Evidence
    enough_evidence: bool
    sentence: str
    notes: tuple[str, ...]
    epochs: dict[str, Epochs] = Field(
        default={}, description="how often the mixture reads each source"
    )
