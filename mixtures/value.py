"""The base of every value that crosses a boundary: YAML, REST, database, Ray.

Such a value is frozen, refuses unknown fields and NaN, and has one canonical JSON form whose
SHA-256 is its identity: two equal specs, written by two people in two field orders, are one thing.
"""

import hashlib
import json
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

# Names become file names, JSON keys, CSV columns and parts of addresses: keep them plain.
Name = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_.-]{0,63}$")]
Share = Annotated[float, Field(ge=0.0, le=1.0)]
# A trial's seed: the table keeps it in 32 bits with sign.
Seed = Annotated[int, Field(ge=0, le=2**31 - 1)]


class InvalidField(ValueError):
    """A rule over several fields is broken: `field` (dotted, from the model that checks it) holds
    `value`, and the message says what would be right.

    Pydantic alone would blame the whole model, and a form could show the error beside no field.
    """

    def __init__(self, field: str, value: Any, message: str) -> None:
        super().__init__(message)
        self.field, self.value = field, value

    def __reduce__(self) -> tuple[type["InvalidField"], tuple[str, Any, str]]:
        """Between processes an exception is made anew of its arguments."""
        return type(self), (self.field, self.value, str(self))


class Value(BaseModel):
    """A frozen value; `canonical()` and `content_hash()` name it by its content."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    def canonical(self) -> str:
        """JSON with sorted keys and no spaces; equal values give equal text."""
        return canonical_json(self.model_dump(mode="json"))

    def content_hash(self, length: int = 16) -> str:
        """The first `length` hex digits of the SHA-256 of `canonical()`."""
        return hash_text(self.canonical(), length)


def canonical_json(data: Any) -> str:
    """`data` as JSON with sorted keys; raises ValueError on NaN or infinity."""
    return json.dumps(
        _without_signed_zeros(data),
        sort_keys=True,
        separators=(",", ":"),
        ensure_ascii=False,
        allow_nan=False,
    )


def hash_text(text: str, length: int = 16) -> str:
    """The first `length` hex digits of the SHA-256 of `text` in UTF-8."""
    return hashlib.sha256(text.encode("utf-8")).hexdigest()[:length]


def added(default: Any, **rules: Any) -> Any:
    """A field that came later: at its default it is left out of the canonical form.

    So what was submitted before there was such a field keeps its identity: a stored trial is
    found again by the hash of its spec, and a checkpoint by that of what made it.
    """
    return Field(default=default, exclude_if=lambda value: bool(value == default), **rules)


def _without_signed_zeros(data: Any) -> Any:
    """-0.0 equals 0.0 and is written otherwise: two equal values would get two names."""
    if isinstance(data, dict):
        return {key: _without_signed_zeros(value) for key, value in data.items()}
    if isinstance(data, list | tuple):
        return [_without_signed_zeros(value) for value in data]
    return 0.0 if isinstance(data, float) and data == 0.0 else data
