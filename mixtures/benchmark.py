"""A benchmark: items with a prompt and a gold answer or choices, or held-out text of a source."""

from typing import Literal, Self

from pydantic import Field, model_validator

from mixtures.metric import BITS_PER_BYTE, CHOICE_METRICS
from mixtures.source import ReasoningGymItems
from mixtures.value import Name, Value, added


class Benchmark(Value):
    """What a trial is scored on: the metrics of `mixtures/metric.py` that its items allow.

    Exactly one of `files`, `reasoning_gym`, `human_eval`, `held_out` (the name of a pretraining
    source) and `task` says where the items come from. Files need the template `prompt`, and either
    `answer` or both `choices` and `gold`. `outside` ones are scored by whoever trains the study.
    """

    name: Name
    group: str = "reasoning"

    files: tuple[str, ...] = Field(default=(), description="relative to a data root")
    prompt: str | None = None
    answer: str | None = None
    choices: str | None = added(
        None, description="one Jinja expression in braces that gives a list of texts"
    )
    gold: str | None = added(
        None, description="one Jinja expression in braces that gives the right choice's index"
    )
    style: Literal["question", "continuation"] = Field(
        default="question",
        description="question: in the prompt format of SFT items; continuation: as it stands",
    )
    reasoning_gym: ReasoningGymItems | None = None
    human_eval: Literal[True] | None = None
    held_out: Name | None = None
    task: str | None = added(
        None,
        description="a lm-evaluation-harness task or group: a YAML file relative to a data root, "
        "or the name of one that comes with Decaymix; `files` replace the data it is tested on",
    )
    outside: bool = added(
        False, description="scored by the outside trainer of the study, which tells any metric"
    )
    num_fewshot: int | None = added(
        None, ge=0, description="examples before each item, instead of the task file's number"
    )
    generate: bool = added(
        True,
        description="whether a task that asks for text gets it; without, bits per byte alone",
    )

    num_items: int = Field(
        default=128,
        ge=2,
        description="items scored, a random subset chosen once by the study's data_seed",
    )
    stratum: str | None = added(
        None,
        description="template of a file's or a task's records: the subset holds each value of it "
        "by its share, e.g. a subject",
    )
    cut_prompts: Literal["leave_out", "keep"] = added(
        "leave_out",
        description="what happens to items whose prompt does not fit the context: left out, or "
        "kept with the prompt cut from its left; both are counted",
    )

    @property
    def is_continuation(self) -> bool:
        """Code is continued, not asked for: HumanEval's prompt is the head of a function."""
        return self.style == "continuation" or bool(self.human_eval)

    @property
    def metrics(self) -> tuple[str, ...]:
        """The metrics that a trial has on it; of a task, those known before its file is read.

        Of one that is scored outside, none is known.
        """
        if self.outside:
            return ()
        return CHOICE_METRICS if self.choices is not None else (BITS_PER_BYTE,)

    @model_validator(mode="after")
    def _one_place(self) -> Self:
        given = [
            field
            # A task names data files of its own; `files` beside it stand in their place.
            for field in (
                *(() if self.task else ("files",)),
                "reasoning_gym",
                "human_eval",
                "held_out",
                "task",
                "outside",
            )
            if getattr(self, field)
        ]
        if len(given) != 1:
            raise ValueError(
                f"benchmark {self.name!r} gives {given or 'none'} of files, reasoning_gym, "
                "human_eval, held_out, task; give exactly one"
            )
        templates = tuple(
            field
            for field in ("prompt", "answer", "choices", "gold")
            if getattr(self, field) is not None
        )
        of_files: tuple[tuple[str, ...], ...] = (
            ("prompt", "answer"),
            ("prompt", "choices", "gold"),
        )
        wanted = of_files if self.files and self.task is None else ((),)
        if templates not in wanted:
            raise ValueError(
                f"benchmark {self.name!r} has the templates {list(templates)}; files need prompt "
                "with either answer or both choices and gold, and nothing else takes them"
            )
        if self.stratum is not None and not (self.files or self.task):
            raise ValueError(
                f"benchmark {self.name!r}: stratum is a template over records, which only files "
                "and tasks have"
            )
        if self.task is None and (self.num_fewshot is not None or not self.generate):
            raise ValueError(
                f"benchmark {self.name!r}: num_fewshot and generate are for a task, and it has none"
            )
        return self
