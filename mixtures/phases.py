"""The phases of a WSD run, in tokens: one stable phase for the study, one decay for each trial."""

from typing import Any, Literal, Self

from pydantic import Field, model_validator

from mixtures.value import InvalidField, Name, Value, added

DecayForm = Literal["exponential", "linear", "1-sqrt", "cosine", "whole-cosine", "whole-linear"]
WholeRunForm = Literal["linear", "cosine"]
DecayOptimiser = Literal["adamw", "muon"]


class StablePhase(Value):
    """Warm-up, then constant learning rate, on the pretraining sources; or a `checkpoint`.

    The checkpoint is a model of the user's own at the end of its stable phase, so both token
    counts are 0 beside it: nothing is trained before the decays.
    """

    tokens: int = Field(default=800_000, ge=0, description="warm-up included")
    warmup_tokens: int = Field(default=80_000, ge=0)
    checkpoint: str | None = added(
        None, min_length=1, description="a Hugging Face folder, relative to a data root"
    )

    @model_validator(mode="before")
    @classmethod
    def _a_checkpoint_is_past_its_stable_phase(cls, data: Any) -> Any:
        if isinstance(data, dict) and data.get("checkpoint") is not None:
            return {"tokens": 0, "warmup_tokens": 0, **data}
        return data

    @model_validator(mode="after")
    def _either_tokens_or_a_checkpoint(self) -> Self:
        if self.checkpoint is not None:
            for name in ("tokens", "warmup_tokens"):
                if getattr(self, name):
                    raise InvalidField(
                        name,
                        getattr(self, name),
                        f"checkpoint {self.checkpoint!r} has its stable phase behind it; "
                        f"leave {name} out, or the checkpoint",
                    )
        elif self.tokens < 1:
            raise InvalidField("tokens", self.tokens, "expected at least 1")
        return self

    @model_validator(mode="after")
    def _warmup_fits(self) -> Self:
        if self.warmup_tokens > self.tokens:
            raise InvalidField(
                "warmup_tokens",
                self.warmup_tokens,
                f"warmup_tokens {self.warmup_tokens} exceeds the stable phase's {self.tokens}",
            )
        return self


class Decay(Value):
    """The last phase: the learning rate goes down while the mixture is read.

    `half_life_tokens` belongs to the exponential form alone. Every form has the floor
    `min_lr_ratio` of the peak: the exponential stops there, the others reach it at the end.
    The `whole-` forms are for comparison: the rate falls from the warm-up on, so their first part
    is trained anew, on what the stable phase reads; the mixture begins where it would in a decay.
    """

    tokens: int = Field(default=150_000, ge=1)
    form: DecayForm = "exponential"
    half_life_tokens: int | None = Field(
        default=None, ge=1, description="exponential only; a fifth of the decay when not given"
    )
    min_lr_ratio: float = Field(default=0.0, ge=0.0, le=1.0)
    lr_ratio: float = added(
        1.0, gt=0.0, le=10.0, description="the decay starts at this times the peak; so its floor"
    )
    # Xmodel-2.5 (arXiv 2511.19496) goes from AdamW to Muon here and reports 4.58 % on 13 tasks.
    optimiser: DecayOptimiser = added(
        "adamw", description="muon: of the hidden matrices; embedding and norms stay with AdamW"
    )

    @model_validator(mode="after")
    def _only_the_fields_of_its_form(self) -> Self:
        if self.form != "exponential" and self.half_life_tokens is not None:
            raise InvalidField(
                "half_life_tokens",
                self.half_life_tokens,
                f"half_life_tokens {self.half_life_tokens} is given for the form {self.form!r}; "
                "only 'exponential' has a half-life",
            )
        return self

    @model_validator(mode="after")
    def _a_whole_run_has_one_peak(self) -> Self:
        if self.is_whole_run and self.lr_ratio != 1.0:
            raise InvalidField(
                "lr_ratio",
                self.lr_ratio,
                f"lr_ratio {self.lr_ratio:g} is given for the form {self.form!r}, whose rate is "
                "one curve from the warm-up on; change optimiser.peak_lr instead",
            )
        return self

    @property
    def is_whole_run(self) -> bool:
        """Whether the schedule knows the length of the run from its first token."""
        return self.form.startswith("whole-")

    def whole_run(self, stable: StablePhase) -> "WholeRun | None":
        """The schedule over both phases' tokens; None for a decay from a constant rate."""
        if not self.is_whole_run:
            return None
        return WholeRun.model_validate(
            {
                "tokens": stable.tokens + self.tokens,
                "warmup_tokens": stable.warmup_tokens,
                "form": self.form.removeprefix("whole-"),
                "min_lr_ratio": self.min_lr_ratio,
            }
        )

    @property
    def half_life(self) -> float:
        """Tokens in which the exponential form halves the rate; five half-lives end near 3 %."""
        return float(self.half_life_tokens or self.tokens / 5)


class WholeRun(Value):
    """One schedule from the first token to the last, for comparison with warm-up, stable, decay.

    It cannot branch from a stable checkpoint: its rate knows the length of the run from the start.
    """

    tokens: int = Field(ge=1, description="warm-up included")
    warmup_tokens: int = Field(default=80_000, ge=0)
    form: WholeRunForm = "cosine"
    # MiniCPM's comparison (arXiv 2404.06395) ends at a tenth of the peak.
    min_lr_ratio: float = Field(default=0.1, ge=0.0, le=1.0)

    @model_validator(mode="after")
    def _warmup_leaves_something(self) -> Self:
        if self.warmup_tokens >= self.tokens:
            raise InvalidField(
                "warmup_tokens",
                self.warmup_tokens,
                f"warmup_tokens {self.warmup_tokens} must be less than the run's {self.tokens}",
            )
        return self


class Optimiser(Value):
    """AdamW as in the authors' training script: betas .9 and .95, decay .1 but on norms, clip 1."""

    peak_lr: float = Field(default=0.01, gt=0, description="muP rate of the embedding")
    batch_tokens: int = Field(default=2048, ge=1)
    beta1: float = Field(default=0.9, ge=0, lt=1)
    beta2: float = Field(default=0.95, ge=0, lt=1)
    # Their script does not say: torch's. Gradients shrink with width, so a wide model with a large
    # epsilon is not the same optimiser (Everett et al., arXiv 2407.05872).
    epsilon: float = added(1e-8, gt=0)
    weight_decay: float = Field(default=0.1, ge=0)
    clip_norm: float = Field(default=1.0, gt=0)


class FullRun(Value):
    """The training that the recommendation is for, as far as repetition goes.

    A small SFT set that is read four times in the full run must be read four times in the proxy,
    or the proxy overrates it (Repetition Mismatch, arXiv 2606.07597). So each source is cut to
    `unique_tokens * decay.tokens / decay_tokens`, its own tokens where `unique_tokens` is silent.
    """

    decay_tokens: int = Field(ge=1)
    unique_tokens: dict[Name, int] = Field(default={}, description="by source")
