"""The recommendation as one YAML or JSON file, for a reader or a trainer with no format of its own.

The file says how it came to be and carries the SHA-256 of its own content, so that a year later a
reader can tell whether the shares in a training config are the ones that were recommended. The hash
is over canonical JSON, so YAML and JSON of one recommendation carry the same one.
"""

import json
from typing import Any, Literal

import yaml

from mixtures.export.front import front_of
from mixtures.export.trainer_format import MixtureToExport, TrainerFormat
from mixtures.recommendation import Recommendation
from mixtures.study import StudySpec
from mixtures.value import canonical_json, hash_text

# Goes up when a field changes its meaning or goes away.
FORMAT_VERSION = 1
SHA256_HEX_DIGITS = 64


def export_mixture(
    recommendation: Recommendation,
    study: StudySpec,
    study_id: str,
    provenance: dict[str, Any],
    format: Literal["yaml", "json"],
) -> str:
    """The file's text.

    `provenance` is what the caller knows and this function does not: trial ids, seeds, data hashes,
    versions, `created_at`. Study id and spec hash are added; it may not give them otherwise.
    """
    own = {"study_id": study_id, "study": study.name, "spec_hash": study.content_hash()}
    clashes = own.keys() & provenance.keys()
    if clashes:
        raise ValueError(f"provenance gives {sorted(clashes)}, which the study itself says")
    dumped = recommendation.model_dump(mode="json")
    content: dict[str, Any] = {
        "format": "decaymix-mixture",
        "format_version": FORMAT_VERSION,
        "sentence": recommendation.sentence,
        "mixture": dumped["mixture"]["shares"],
        "sft_share": recommendation.sft_share,
        "interval": dumped["interval"],
        "intervals": dumped["intervals"],
        "best_share_interval": dumped["best_share_interval"],
        "predicted_mean": recommendation.predicted_mean,
        "predicted_interval": dumped["predicted_interval"],
        "enough_evidence": recommendation.enough_evidence,
        "notes": dumped["notes"],
        "evidence": dumped["evidence"],
        **front_of(recommendation),
        "objective": {
            **study.objective.model_dump(mode="json"),
            "direction": recommendation.direction,
            "benchmarks": [benchmark.name for benchmark in study.benchmarks],
        },
        "compared_with": dumped["compared_with"],
        "decay": study.decay.model_dump(mode="json"),
        "provenance": {**own, **provenance},
    }
    content["sha256"] = _sha256(content)
    if format == "json":
        return json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False) + "\n"
    return yaml.safe_dump(content, sort_keys=False, allow_unicode=True, width=100)


def verify_export(text: str) -> bool:
    """Whether the file's content is what its `sha256` says; False for text that is no export."""
    content = _parse(text)
    if not isinstance(content, dict) or "sha256" not in content:
        return False
    claimed = content.pop("sha256")
    try:
        return bool(_sha256(content) == claimed)
    except (TypeError, ValueError):
        # Not JSON: an unquoted date or a NaN was written into it.
        return False


def _write(mixture: MixtureToExport, format: Literal["yaml", "json"]) -> str:
    return export_mixture(
        mixture.recommendation, mixture.study, mixture.study_id, dict(mixture.provenance), format
    )


def _format(name: Literal["yaml", "json"]) -> TrainerFormat:
    return TrainerFormat(
        name=name,
        trainer="any, by hand",
        written_for=f"format_version {FORMAT_VERSION}",
        suffix=name,
        media_type=f"application/{name}",
        counts=("tokens",),
        path_is="",
        write=lambda mixture: _write(mixture, name),
    )


YAML, JSON = _format("yaml"), _format("json")


def _parse(text: str) -> Any:
    """JSON first: YAML 1.1 reads JSON's 1e-05 as a string, for want of a dot."""
    try:
        return json.loads(text)
    except json.JSONDecodeError:
        pass
    try:
        return yaml.safe_load(text)
    except yaml.YAMLError:
        return None


def _sha256(content: dict[str, Any]) -> str:
    return hash_text(canonical_json(content), length=SHA256_HEX_DIGITS)
