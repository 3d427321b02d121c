"""What an outside trainer tells of a trial, and what becomes of it here."""

from collections.abc import Sequence
from typing import Self

from pydantic import Field, model_validator

from mixtures.study import StudySpec
from mixtures.trial import Score, TrialResult, TrialSpec
from mixtures.value import InvalidField, Name, Value


class Ask(Value):
    """A wish for trials. The same `key` twice is one wish: an answer that was lost comes again."""

    num: int = Field(default=1, ge=1, le=1000, description="trials wanted")
    worker: Name = Field(description="who trains them, for people")
    lease_seconds: float = Field(
        default=3600.0,
        ge=1,
        le=30 * 24 * 3600,
        description="after this, unless renewed or told, a trial is given to somebody else",
    )
    key: str | None = Field(default=None, min_length=1, max_length=200)


class Told(Value):
    """Scores of a trial, or why there are none. `attempt` is the one that `ask` gave."""

    attempt: int = Field(ge=1)
    scores: tuple[Score, ...] = ()
    failure: str | None = Field(default=None, min_length=1, max_length=10_000)

    @model_validator(mode="after")
    def _scores_or_a_failure(self) -> Self:
        if bool(self.scores) == (self.failure is not None):
            given = "both" if self.scores else "neither"
            raise InvalidField(
                "scores", None, f"{given} of scores and failure given, expected exactly one"
            )
        return self


def require_scores_fit(study: StudySpec, scores: Sequence[Score]) -> None:
    """Raises InvalidField at a benchmark that the study has not, a score that is told twice, or
    the objective's metric missing on a benchmark that weighs something.
    """
    names = [benchmark.name for benchmark in study.benchmarks]
    seen = set()
    for index, score in enumerate(scores):
        if score.benchmark not in names:
            raise InvalidField(
                f"scores.{index}.benchmark",
                score.benchmark,
                f"the study has no such benchmark; there are {names}",
            )
        if (score.benchmark, score.metric) in seen:
            raise InvalidField(
                f"scores.{index}.metric",
                score.metric,
                f"{score.metric} of {score.benchmark} is told twice",
            )
        seen.add((score.benchmark, score.metric))
    metric = study.objective.metric
    for benchmark in study.ranked_benchmarks:
        if (benchmark.name, metric) not in seen:
            raise InvalidField(
                "scores",
                sorted(f"{name} {told}" for name, told in seen),
                f"the objective needs {metric} of {benchmark.name}",
            )


def result_of(
    spec: TrialSpec, attempt: int, scores: Sequence[Score], seconds: float, worker: str
) -> TrialResult:
    """The result as the tables keep it; what only our own workers know is empty."""
    tokens = {source.name: source.tokens or 0 for source in spec.recipe.sources}
    read = {name: share * spec.decay.tokens for name, share in spec.mixture.shares.items()}
    return TrialResult(
        trial_id=spec.trial_id,
        attempt=attempt,
        scores=tuple(scores),
        curve=(),
        source_tokens={name: round(num) for name, num in read.items()},
        epochs={name: num / tokens[name] for name, num in read.items() if tokens[name]},
        available_tokens=tokens,
        weights_sha256="",
        stable_checkpoint="",
        tokenizer="",
        wall_seconds={"outside": seconds},
        decay_tokens_per_second=spec.decay.tokens / max(seconds, 1e-3),
        worker=worker,
        versions={},
    )
