"""A source: one data set that a mixture can draw decay tokens from.

Exactly one of `files`, `saved`, `hub`, `python_library` and `reasoning_gym` says where its items
come from. The last two need no download: they are what the demo study is made of. Of a study that
is trained outside, `tokens` says how much there is, and the data are never seen.
"""

from typing import Literal, Self

from pydantic import Field, model_validator

from mixtures.value import InvalidField, Name, Value, added

Kind = Literal["pretrain", "sft"]
TextUnit = Literal["line", "paragraph", "document"]


class ReasoningGymItems(Value):
    """Items drawn from reasoning-gym generators.

    Item i of a generator is drawn from `seed + i`, so two sets whose seeds lie closer than
    `num_items` share items word for word: keep seeds of different sets at least a million apart.
    """

    tasks: tuple[Name, ...] = Field(min_length=1)
    num_items: int = Field(ge=1, le=1_000_000, description="items per generator")
    seed: int = Field(ge=0)


class HubDataset(Value):
    """A data set of the Hugging Face hub; fetched once, by the machine that needs it."""

    path: str = Field(pattern=r"^[\w.-]+(/[\w.-]+)?$", description="its name there")
    config: str | None = None
    revision: str | None = Field(
        default=None, description="a commit or tag; without one, the newest when it is fetched"
    )


class SourceSize(Value):
    """Training documents of a source, and their tokens with the end tokens between them."""

    num_documents: int = Field(ge=1)
    num_tokens: int = Field(ge=1, description="of the study's tokenizer")

    @property
    def tokens_per_document(self) -> float:
        return self.num_tokens / self.num_documents


class Source(Value):
    """One data set: where its items are, and how their fields become text.

    Templates are Jinja over the fields of one record, e.g. `{{ question }}`, or with lists in it
    `{{ instances[0].output }}`. A source of kind `pretrain` has a `text` template; one of kind
    `sft` has `prompt` and `response`.
    """

    name: Name
    kind: Kind
    domain: str = "general"
    licence: str = "not stated"

    files: tuple[str, ...] = Field(
        default=(),
        description="relative to a data root, globs included: .jsonl, .json, .csv, .tsv, .txt, "
        "each plain, .gz or .zst; .parquet",
    )
    saved: str | None = added(
        None, description="a folder written by datasets' save_to_disk, relative to a data root"
    )
    hub: HubDataset | None = added(None)
    split: str | None = added(None, description="of `saved` or `hub`, where it has several")
    filter: str | None = added(
        None, description="a Jinja expression over a record's fields; what is not true is left out"
    )
    text_unit: TextUnit = added("line", description="what one record of a text file is")
    python_library: Literal["source", "docstrings", "topics"] | None = None
    reasoning_gym: ReasoningGymItems | None = None
    tokens: int | None = added(
        None,
        ge=1,
        description="how many there are of data that the outside trainer of the study holds",
    )

    text: str | None = None
    prompt: str | None = None
    response: str | None = None

    max_bytes: int | None = Field(
        default=None, ge=1, description="use a seeded random subset of about this many bytes"
    )

    @model_validator(mode="after")
    def _one_place_and_the_templates_it_needs(self) -> Self:
        places = {
            "files": bool(self.files),
            "saved": self.saved is not None,
            "hub": self.hub is not None,
            "python_library": self.python_library is not None,
            "reasoning_gym": self.reasoning_gym is not None,
            "tokens": self.tokens is not None,
        }
        given = [name for name, is_given in places.items() if is_given]
        if len(given) != 1:
            raise ValueError(
                f"source {self.name!r} gives {given or 'none'} of files, saved, hub, "
                "python_library, reasoning_gym, or tokens where the study is trained outside; give "
                "exactly one"
            )
        if self.python_library and self.kind != "pretrain":
            raise ValueError(f"source {self.name!r}: python_library is text, so kind is 'pretrain'")
        if self.reasoning_gym and self.kind != "sft":
            raise ValueError(f"source {self.name!r}: reasoning_gym has answers, so kind is 'sft'")
        templates = {k for k in ("text", "prompt", "response") if getattr(self, k) is not None}
        wanted = {"text"} if self.kind == "pretrain" else {"prompt", "response"}
        if self.has_records and templates != wanted:
            raise ValueError(
                f"source {self.name!r} of kind {self.kind!r} has the templates "
                f"{sorted(templates)}, expected {sorted(wanted)}"
            )
        if not self.has_records and templates:
            raise ValueError(
                f"source {self.name!r} has templates {sorted(templates)}, but only a source "
                "with files, saved or hub takes templates"
            )
        return self

    @model_validator(mode="after")
    def _only_the_fields_of_its_place(self) -> Self:
        rules = (
            ("split", self.saved is not None or self.hub is not None, "saved or hub"),
            ("filter", self.has_records, "files, saved or hub"),
            ("text_unit", bool(self.files), "files"),
        )
        for field, is_fitting, places in rules:
            value = getattr(self, field)
            if value != type(self).model_fields[field].default and not is_fitting:
                raise InvalidField(field, value, f"{field} is {value!r}, but belongs to {places}")
        return self

    @property
    def has_records(self) -> bool:
        """True where items are made of records by templates."""
        return bool(self.files) or self.saved is not None or self.hub is not None
