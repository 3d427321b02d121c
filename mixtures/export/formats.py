"""All formats, and the one way from a recommendation to a file. A new trainer is one file more."""

import re
from collections.abc import Iterable
from typing import Any, Literal

from mixtures.export.datasets import DATASETS
from mixtures.export.levanter import LEVANTER
from mixtures.export.litdata import LITDATA
from mixtures.export.megatron import MEGATRON
from mixtures.export.mosaicml import MOSAICML
from mixtures.export.nanotron import NANOTRON
from mixtures.export.nemo import NEMO
from mixtures.export.olmo_core import OLMO_CORE
from mixtures.export.plain import JSON, YAML
from mixtures.export.torchtitan import TORCHTITAN
from mixtures.export.trainer_format import (
    ExportOptions,
    MixtureToExport,
    TrainerFormat,
    Unit,
    parts_of,
)
from mixtures.recommend_words import more_words
from mixtures.recommendation import Recommendation
from mixtures.source import SourceSize
from mixtures.study import StudySpec
from mixtures.value import InvalidField, Value

FormatName = Literal[
    "yaml",
    "json",
    "datasets",
    "olmo-core",
    "megatron",
    "nemo",
    "torchtitan",
    "nanotron",
    "litdata",
    "mosaicml",
    "levanter",
]
FORMATS: dict[str, TrainerFormat] = {
    one.name: one
    for one in (
        YAML,
        JSON,
        DATASETS,
        OLMO_CORE,
        MEGATRON,
        NEMO,
        TORCHTITAN,
        NANOTRON,
        LITDATA,
        MOSAICML,
        LEVANTER,
    )
}


class NotEnoughEvidence(ValueError):
    """The recommendation says itself that it rests on too little; the message says what to do."""


class ExportFile(Value):
    """The text of an exported mixture and a name for its file."""

    file_name: str
    text: str
    media_type: str


def export(
    format: str,
    recommendation: Recommendation,
    study: StudySpec,
    study_id: str,
    provenance: dict[str, Any],
    sizes: dict[str, SourceSize],
    options: ExportOptions | None = None,
    *,
    force: bool = False,
) -> ExportFile:
    """The recommended mixture as the file of a format in FORMATS.

    `provenance`: as in `plain.export_mixture`. `sizes` are of the study's own sources; a length
    that the user gives goes before them. Raises NotEnoughEvidence without `force`, InvalidField
    where an option does not fit.
    """
    if not (recommendation.enough_evidence or force):
        raise NotEnoughEvidence(
            f"{recommendation.sentence} {more_words(recommendation.more_trials_needed)} Ask for "
            "more trials or seeds, or export this mixture all the same: ?force=true, on the "
            "command line --force"
        )
    chosen, options = FORMATS[format], options or ExportOptions()
    shares = {
        source.name: recommendation.mixture.shares.get(source.name, 0.0) for source in study.sources
    }
    assert recommendation.mixture.shares.keys() <= shares.keys()
    _require_names("path", options.paths, shares)
    _require_names("tokens_per_document", options.tokens_per_document, shares)
    lengths = {name: size.tokens_per_document for name, size in sizes.items()}
    lengths |= options.tokens_per_document
    unit = options.counts or chosen.counts[0]
    if unit not in chosen.counts:
        raise InvalidField(
            "counts", unit, f"{chosen.trainer} counts {' or '.join(chosen.counts)}, not {unit}"
        )
    _require_used(chosen, unit, options)
    mixture = MixtureToExport(
        recommendation=recommendation,
        study=study,
        study_id=study_id,
        provenance=provenance,
        unit=unit,
        parts=parts_of(shares, unit, lengths, options.paths),
        tokens_per_document=lengths,
    )
    return ExportFile(
        file_name=_file_name(chosen, study.name),
        text=chosen.write(mixture),
        media_type=chosen.media_type,
    )


def _require_names(field: str, names: Iterable[str], shares: dict[str, float]) -> None:
    for name in names:
        if name not in shares:
            raise InvalidField(
                f"{field}.{name}",
                name,
                f"the study has no source {name!r}; there are {sorted(shares)}",
            )


def _require_used(format: TrainerFormat, unit: Unit, options: ExportOptions) -> None:
    """What would be passed over without a word is refused."""
    if options.paths and not format.path_is:
        raise InvalidField("path", sorted(options.paths), f"a file for {format.name} has no paths")
    if options.tokens_per_document and unit != "documents":
        raise InvalidField(
            "tokens_per_document",
            sorted(options.tokens_per_document),
            f"{format.trainer} counts {unit}, for which the length of documents does not matter; "
            "leave it out",
        )


def _file_name(format: TrainerFormat, study: str) -> str:
    """A Python file's can be imported, which no hyphen allows."""
    if format.suffix == "py":
        return f"mixture_{re.sub(r'[^a-z0-9]', '_', study)}_{format.name}.py"
    if not format.path_is:
        return f"{study}-mixture.{format.suffix}"
    return f"{study}-{format.name}.{format.suffix}"
