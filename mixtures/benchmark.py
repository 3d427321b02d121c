"""A benchmark: items with a prompt and a gold answer, or held-out text of a source."""

from typing import Final, Literal, Self

from pydantic import Field, model_validator

from mixtures.source import ReasoningGymItems
from mixtures.value import Name, Value

# The metric that separates small proxies: accuracy sits at chance for them.
BITS_PER_BYTE: Final = "bits_per_byte"


class Benchmark(Value):
    """What a trial is scored on: bits per byte of the answer given the prompt; lower is better.

    Exactly one of `files` (with `prompt` and `answer` templates), `reasoning_gym`, `human_eval`
    and `held_out` (the name of a pretraining source) says where the items come from.
    """

    name: Name
    group: str = "reasoning"

    files: tuple[str, ...] = Field(default=(), description="relative to a data root")
    prompt: str | None = None
    answer: str | None = None
    style: Literal["question", "continuation"] = Field(
        default="question",
        description="question: in the prompt format of SFT items; continuation: as it stands",
    )
    reasoning_gym: ReasoningGymItems | None = None
    human_eval: Literal[True] | None = None
    held_out: Name | None = None

    num_items: int = Field(
        default=128,
        ge=2,
        description="items scored, a random subset chosen once by the study's data_seed",
    )

    @property
    def is_continuation(self) -> bool:
        """Code is continued, not asked for: HumanEval's prompt is the head of a function."""
        return self.style == "continuation" or bool(self.human_eval)

    @model_validator(mode="after")
    def _one_place(self) -> Self:
        given = [
            field
            for field in ("files", "reasoning_gym", "human_eval", "held_out")
            if getattr(self, field)
        ]
        if len(given) != 1:
            raise ValueError(
                f"benchmark {self.name!r} gives {given or 'none'} of files, reasoning_gym, "
                "human_eval, held_out; give exactly one"
            )
        if bool(self.files) != (self.prompt is not None and self.answer is not None):
            raise ValueError(
                f"benchmark {self.name!r}: files need both templates prompt and answer, "
                "and nothing else takes them"
            )
        return self
