"""The objective: how a trial's scores become the one number that is ranked.

Fixed before the first trial, because choosing weights after seeing scores is choosing the winner.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Literal

from pydantic import Field

from mixtures.benchmark import Benchmark
from mixtures.metric import BITS_PER_BYTE, Direction, direction_of, known_metric
from mixtures.value import InvalidField, Name, Value, added


class Objective(Value):
    """A weighted mean of one metric over benchmarks; `direction` says which way is better."""

    metric: str = BITS_PER_BYTE
    weights: dict[Name, float] = Field(
        default={}, description="weight per benchmark; those not named weigh `default_weight`"
    )
    default_weight: float = Field(default=1.0, ge=0.0)
    better: Literal["lower", "higher"] | None = added(
        None, description="of a metric that only the outside trainer of a study knows"
    )

    @property
    def direction(self) -> Direction:
        if self.better is None:
            return direction_of(self.metric)
        return "minimise" if self.better == "lower" else "maximise"

    @property
    def loss_sign(self) -> float:
        """Times this, a value is a loss: what ranking and fits work on. Its own inverse."""
        return 1.0 if self.direction == "minimise" else -1.0

    def weight_of(self, benchmark: str) -> float:
        return self.weights.get(benchmark, self.default_weight)

    def value(self, scores: Mapping[str, float]) -> float:
        """The weighted mean of `scores` (benchmark name to value), recomputed from its parts."""
        total = math.fsum(self.weight_of(name) for name in scores)
        return math.fsum(self.weight_of(name) * value for name, value in scores.items()) / total


def require_weights_fit(objective: Objective, benchmarks: Sequence[Benchmark]) -> None:
    """Raises InvalidField where a weight names no benchmark, is negative, or all weigh nothing."""
    names = [benchmark.name for benchmark in benchmarks]
    for name, weight in objective.weights.items():
        if name not in names:
            raise InvalidField(
                f"objective.weights.{name}",
                weight,
                f"objective.weights names {name!r}; the benchmarks are {names}",
            )
        if weight < 0:
            raise InvalidField(
                f"objective.weights.{name}",
                weight,
                f"objective.weights[{name!r}] is {weight}, expected 0 or more",
            )
    if not any(objective.weight_of(name) > 0 for name in names):
        raise InvalidField(
            "objective.weights",
            objective.weights,
            "objective gives every benchmark weight 0; give at least one more than 0",
        )


def require_metric_exists(objective: Objective, metrics: Mapping[str, Sequence[str]]) -> None:
    """Raises InvalidField where a benchmark that weighs something does not have the metric.

    `metrics` are those of each benchmark, by name.
    """
    known = known_metric(objective.metric)
    if known is None and objective.better is None:
        direction_of(objective.metric)
    if known is not None and objective.direction != known.direction:
        raise InvalidField(
            "objective.better",
            objective.better,
            f"objective.better is {objective.better!r}, but {objective.metric} is to "
            f"{known.direction}; leave it out",
        )
    for name, own in metrics.items():
        if objective.weight_of(name) > 0 and objective.metric not in own:
            raise InvalidField(
                "objective.metric",
                objective.metric,
                f"objective.metric is {objective.metric!r}, which benchmark {name!r} does not "
                f"have; it has {list(own)}. Take one of those, or give it weight 0 in "
                "objective.weights",
            )
