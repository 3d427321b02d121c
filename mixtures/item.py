"""How a trial answered each item of its benchmarks, and what the items are.

A score says how good a trial is; the items say what it can do. They are kept in files beside the
trial's weights, not in the database: nothing ranks by them, and they are many.
"""

import math

from pydantic import Field

from mixtures.value import Name, Value


class ItemScore(Value):
    """One item as one trial answered it.

    `item` is its place among the benchmark's scored items, the same in every trial of a study.
    `is_right` is None where there is no right or wrong, only a likelihood.
    """

    benchmark: Name
    item: int
    nats: float = Field(description="-log p(right answer | prompt)")
    answer_bytes: int
    chosen: int | None = Field(default=None, description="place of the most likely choice")
    written: str | None = Field(default=None, description="text that the model generated")
    is_right: bool | None = None

    @property
    def bits_per_byte(self) -> float:
        return self.nats / math.log(2) / max(self.answer_bytes, 1)


class ItemText(Value):
    """What an item asks, as the model saw it; `choices` is empty where there is one answer."""

    benchmark: Name
    item: int
    prompt: str
    answer: str
    choices: tuple[str, ...] = ()


class ItemCount(Value):
    """One benchmark: `num_right` is None where its items are not right or wrong."""

    benchmark: Name
    num_items: int
    num_right: int | None


class AnsweredItem(Value):
    """An item with its text; the text is None where its file is not there any more."""

    score: ItemScore
    bits_per_byte: float
    text: ItemText | None


class TrialItems(Value):
    """Items of one trial, a page at a time. `why_none` says why nothing was kept.

    `num_matching` items are as asked for; `items` are those of the page, and `next_after` is what
    to send as `after` for the next one, None at the end.
    """

    trial_id: str
    benchmarks: tuple[ItemCount, ...]
    benchmark: str | None
    answered: str
    num_matching: int
    items: tuple[AnsweredItem, ...]
    next_after: int | None
    why_none: str | None
