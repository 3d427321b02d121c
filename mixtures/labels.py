"""What people say of studies and trials: notes, tags, turns, and what is paused or put away.

None of it is part of an identity: a study with a note is the study that it was.
"""

import json
from typing import Annotated, Self

from pydantic import AfterValidator, Field, StringConstraints, model_validator

from mixtures.value import InvalidField, Value, canonical_json

MOST_TAGS, LONGEST_TAG, LONGEST_NOTE = 20, 40, 10_000
MOST_PRIORITY = 100

# No commas, which part tags where people type them, and no line breaks or other control characters.
Tag = Annotated[
    str,
    StringConstraints(
        strip_whitespace=True, min_length=1, max_length=LONGEST_TAG, pattern=r"^[^,\x00-\x1f\x7f]+$"
    ),
]


def _each_once(tags: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(tags))


Tags = Annotated[tuple[Tag, ...], Field(max_length=MOST_TAGS), AfterValidator(_each_once)]
Note = Annotated[str, StringConstraints(max_length=LONGEST_NOTE)]


class _Change(Value):
    """What is not given stays as it is; null empties."""

    note: Note | None = None
    tags: Tags | None = Field(default=None, description="all of them: those left out are taken off")

    @model_validator(mode="after")
    def _changes_something(self) -> Self:
        if not self.model_fields_set:
            names = list(type(self).model_fields)
            raise InvalidField("(body)", {}, f"changes nothing; give one or more of {names}")
        return self


class TrialChange(_Change):
    """A trial's note and tags."""


class StudyChange(_Change):
    """A study's note and tags; whether it is put away, whether it waits, and when its turn comes.

    Of a paused study no waiting trial is begun and nothing is proposed; what runs goes on.
    """

    is_archived: bool = False
    is_paused: bool = False
    priority: int = Field(
        default=0, ge=-MOST_PRIORITY, le=MOST_PRIORITY, description="studies of a higher one first"
    )
    max_running: int | None = Field(
        default=None,
        ge=1,
        le=2**31 - 1,
        description="trials of the study that run at once; null: as many as there are places",
    )


def tags_of(text: str | None) -> tuple[str, ...]:
    """The tags of a stored row."""
    return () if text is None else tuple(json.loads(text))


def tags_text(tags: tuple[str, ...] | None) -> str | None:
    """As a row stores them; None for none."""
    return canonical_json(list(tags)) if tags else None
