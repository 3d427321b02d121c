"""What every exporter is: a name, what its trainer counts, and a function that writes its file.

A mixture is shares of tokens. A trainer that draws packed sequences of one length draws tokens in
the same shares; one that draws documents does not, because a source of long documents gives more
tokens at each draw. So the weight of a source is its share where sequences or tokens are counted,
and share / tokens per document, normalised, where documents are (`parts_of`).
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from pydantic import Field

from mixtures.recommendation import Recommendation
from mixtures.study import StudySpec
from mixtures.value import InvalidField, Value

Unit = Literal["tokens", "sequences", "documents"]

# Before the name of a source whose path the user has not given: no such file can be there.
PLACEHOLDER = "REPLACE-WITH-PATH-OF-"


class ExportOptions(Value):
    """What the user says of the trainer's data: paths by source, and mean tokens per document.

    `counts` chooses among what the format allows; None is its first.
    """

    paths: dict[str, tuple[str, ...]] = Field(default={})
    tokens_per_document: dict[str, float] = Field(default={})
    counts: Unit | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Part:
    """One source with a share above 0. `weight` is in the trainer's unit; all sum to 1."""

    name: str
    share: float
    weight: float
    paths: tuple[str, ...]

    @property
    def path(self) -> str:
        """The only one, for a trainer that takes no list; raises InvalidField on several."""
        if len(self.paths) > 1:
            raise InvalidField(
                f"path.{self.name}",
                list(self.paths),
                f"{self.name} has {len(self.paths)} paths, and this trainer takes one a source; "
                "join them into one data set",
            )
        return self.paths[0]


@dataclass(frozen=True, kw_only=True, slots=True)
class MixtureToExport:
    """All that an exporter may use. `parts` are in the order of the study's sources."""

    recommendation: Recommendation
    study: StudySpec
    study_id: str
    provenance: Mapping[str, Any]
    unit: Unit
    parts: tuple[Part, ...]
    tokens_per_document: Mapping[str, float]


@dataclass(frozen=True, kw_only=True, slots=True)
class TrainerFormat:
    """One trainer's file. `counts`: units that its weights can be of, the usual one first.

    `path_is` says what a source's path has to be; empty where the file holds no paths.
    `written_for` is the version whose source code the file follows.
    """

    name: str
    trainer: str
    written_for: str
    suffix: str
    media_type: str
    counts: tuple[Unit, ...]
    path_is: str
    write: Callable[[MixtureToExport], str]


def parts_of(
    shares: Mapping[str, float],
    unit: Unit,
    tokens_per_document: Mapping[str, float],
    paths: Mapping[str, tuple[str, ...]],
) -> tuple[Part, ...]:
    """The sources with a share, each with its weight.

    Raises InvalidField where documents are counted and a source's tokens per document are unknown.
    """
    read = {name: share for name, share in shares.items() if share > 0}
    if unit == "documents":
        for name in read:
            _require_length(name, tokens_per_document.get(name))
        draws = {name: share / tokens_per_document[name] for name, share in read.items()}
    else:
        draws = read
    total = math.fsum(draws.values())
    return tuple(
        Part(
            name=name,
            share=share,
            weight=draws[name] / total,
            paths=paths.get(name) or (PLACEHOLDER + name,),
        )
        for name, share in read.items()
    )


def _require_length(name: str, tokens: float | None) -> None:
    if tokens is None:
        raise InvalidField(
            f"tokens_per_document.{name}",
            None,
            f"the study does not know how many tokens a document of {name} has, and this trainer "
            f"counts documents; give --tokens-per-document {name}=N",
        )
    if not (math.isfinite(tokens) and tokens > 0):
        raise InvalidField(
            f"tokens_per_document.{name}", tokens, "expected a number of tokens above 0"
        )
