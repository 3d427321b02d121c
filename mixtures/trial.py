"""The two values that cross the process boundary: `TrialSpec` out, `TrialResult` back.

Beside them go `TrialFailure`, when there is no result, and `Progress`, on the way.
"""

from collections.abc import Mapping
from enum import StrEnum
from functools import cached_property
from typing import Any, Literal, Self

from pydantic import Field, model_validator

from mixtures.factors import Level
from mixtures.mixture import Mixture, require_sum_to_one, sft_share
from mixtures.phases import Decay, FullRun
from mixtures.recipe import Recipe
from mixtures.source import SourceSize
from mixtures.study import Resources
from mixtures.value import InvalidField, Name, Seed, Share, Value, added


class TrialState(StrEnum):
    """Where a trial stands. RETRYABLE states go back to WAITING; the rest never leave their end."""

    WAITING = "WAITING"
    RUNNING = "RUNNING"
    COMPLETE = "COMPLETE"
    FAILED = "FAILED"
    CANCELLED = "CANCELLED"

    @property
    def is_finished(self) -> bool:
        return self in (TrialState.COMPLETE, TrialState.FAILED, TrialState.CANCELLED)


# Which promotions are legal; everything else is refused.
PROMOTIONS: dict[TrialState, frozenset[TrialState]] = {
    TrialState.WAITING: frozenset({TrialState.RUNNING, TrialState.CANCELLED}),
    # RUNNING goes back to WAITING where an attempt gave no result and another may.
    TrialState.RUNNING: frozenset(
        {TrialState.COMPLETE, TrialState.FAILED, TrialState.CANCELLED, TrialState.WAITING}
    ),
    TrialState.COMPLETE: frozenset(),
    TrialState.FAILED: frozenset({TrialState.WAITING}),
    TrialState.CANCELLED: frozenset({TrialState.WAITING}),
}


class TrialRequest(Value):
    """What a user asks for: a mixture, as short as `{"sft_share": 0.64}`, and seeds.

    Exactly one of `sft_share` and `shares`. Without `seed` the trial runs with each of the
    study's seeds. A factor that `factors` does not name is at the study's own level.
    """

    sft_share: Share | None = None
    shares: dict[Name, Share] | None = None
    seed: Seed | None = None
    factors: dict[Name, Level] = added({}, description="levels of the study's space.factors")

    @model_validator(mode="after")
    def _one_mixture(self) -> Self:
        if (self.sft_share is None) == (self.shares is None):
            given = "both" if self.shares is not None else "neither"
            raise ValueError(f"{given} of sft_share and shares given, expected exactly one")
        if self.shares is not None:
            require_sum_to_one(self.shares, "shares")
        return self

    def mixture(self, recipe: Recipe) -> Mixture:
        """The mixture over all the recipe's sources; raises InvalidField on an unknown source."""
        if self.sft_share is not None:
            return recipe.mixture_at(self.sft_share)
        names = [source.name for source in recipe.sources]
        shares = self.shares or {}
        for name in shares:
            if name not in names:
                raise InvalidField(
                    f"shares.{name}",
                    shares[name],
                    f"shares names the unknown source {name!r}; there are {names}",
                )
        return Mixture(shares={name: shares.get(name, 0.0) for name in names})


class TrialSpec(Value):
    """One mixture, one seed, one decay: all that a worker needs to know, and nothing else.

    `data_hashes` pins the content of every source and benchmark as it was when the study was
    submitted: a worker that finds other content refuses, so equal specs mean equal bytes. `factors`
    are the levels of the study's factors, which the recipe and the decay have already.
    """

    study_id: str
    recipe: Recipe
    data_hashes: dict[str, str]
    mixture: Mixture
    decay: Decay
    full_run: FullRun | None = None
    seed: Seed
    resources: Resources = Resources()
    keep_weights: bool = added(True)
    factors: dict[Name, Level] = added({})
    data_seed: int | None = added(
        None, ge=0, description="draws this trial's subsets of the sources, not the recipe's"
    )

    @cached_property
    def trial_id(self) -> str:
        """Identity by content: submitting twice is one trial."""
        return self.content_hash()

    def model_copy(self, *, update: Mapping[str, Any] | None = None, deep: bool = False) -> Self:
        copied = super().model_copy(update=update, deep=deep)
        copied.__dict__.pop("trial_id", None)  # with other fields it is another trial
        return copied

    @property
    def sft_share(self) -> float:
        return sft_share(self.mixture, self.recipe.sources)


# No metric is as large, and what statistics square and sum stays a number.
MOST_SCORE = 1e12


class Score(Value):
    """One metric of one benchmark for one trial. `standard_error` is over the items.

    An outside trainer need not tell how many items there were.
    """

    benchmark: Name
    metric: str
    value: float = Field(ge=-MOST_SCORE, le=MOST_SCORE)
    num_items: int | None = Field(default=None, ge=1)
    standard_error: float | None = Field(default=None, ge=0, le=MOST_SCORE)


class ItemCounts(Value):
    """What became of a benchmark's items: `scored`, and the rest by why they are left out.

    `cut` items have a prompt longer than the context. They are left out too, unless the benchmark
    keeps them; `scored` is then drawn from them as well.
    """

    scored: int
    contaminated: int
    too_long: int
    cut: int


class CurvePoint(Value):
    """One optimiser step of the decay: tokens read so far, loss in nats per token.

    Of a long decay the steps are run together, and `loss` is the mean since the point before.
    """

    tokens: int
    loss: float
    learning_rate: float


class RatePoint(Value):
    """How fast the decay went from the point before up to `tokens`; differs from run to run."""

    tokens: int
    tokens_per_second: float


# Fresh: the stable checkpoint was the user's own and came without it.
OptimiserState = Literal["restored", "fresh"]


class TrialResult(Value):
    """What one attempt at a trial gives back."""

    trial_id: str
    attempt: int
    scores: tuple[Score, ...]
    items: dict[Name, ItemCounts] = added({}, description="by benchmark")
    curve: tuple[CurvePoint, ...]
    rates: tuple[RatePoint, ...] = added((), description="throughput along the decay")
    source_tokens: dict[str, int] = Field(description="decay tokens read of each source")
    epochs: dict[str, float] = Field(description="times each source was read in the decay")
    bytes_per_token: dict[str, float] = added({}, description="of the text of each source")
    available_tokens: dict[str, int] = added({}, description="of each source of the study")
    source_sizes: dict[str, SourceSize] = added({}, description="of each source of the study")
    weights_sha256: str = Field(description="of the final weights: equal specs give equal hashes")
    stable_checkpoint: str
    optimiser_state: OptimiserState = added("restored", description="at the decay's first step")
    tokenizer: str
    wall_seconds: dict[str, float] = Field(description="by phase")
    decay_tokens_per_second: float
    worker: str
    versions: dict[str, str]


# Cancelled: by the user. Stopped: by a controller that ends in good order. Which of the others are
# tried again says `Retries`.
FailureKind = Literal[
    "error",
    "not_finite",
    "out_of_memory",
    "disk",
    "timeout",
    "lost",
    "cancelled",
    "stopped",
]


class TrialFailure(Value):
    """Why one attempt at a trial gave no result."""

    trial_id: str
    attempt: int
    kind: FailureKind
    message: str
    traceback: str


Phase = Literal["start", "tokenise", "stable", "decay", "evaluate"]


class Progress(Value):
    """Where a running attempt stands. `done` and `total` are tokens, or items in `evaluate`.

    `worker` is its host and process.
    """

    trial_id: str
    attempt: int
    phase: Phase
    done: int = 0
    total: int = 0
    tokens_per_second: float | None = None
    loss: float | None = None
    worker: str | None = None
    memory_bytes: int | None = None
