"""Provenance inside a trainer's own file, as comments or as a key, with the file's SHA-256.

The hash is of the whole file without the one line that holds it, so that
`grep -vE '^(# |    ")sha256"?: ' FILE | sha256sum` gives it again. In comments every entry is one
line of JSON: no text of a user can end the comment.
"""

import hashlib
import json
import re
import sys
from typing import Any

import yaml

from mixtures.export.front import front_of
from mixtures.export.trainer_format import MixtureToExport

# Goes up when an entry changes its meaning or goes away.
FORMAT_VERSION = 1

_UNSIGNED = "0" * 64
_LINE = re.compile(r'^(# sha256: |    "sha256": ")([0-9a-f]{64})("?)\n', re.MULTILINE)


def provenance_of(mixture: MixtureToExport, format: str) -> dict[str, Any]:
    """What the mixture rests on, for a reader a year later; plain JSON values."""
    recommendation, study = mixture.recommendation, mixture.study
    shares = recommendation.mixture.shares
    found: dict[str, Any] = {
        "format": f"decaymix-{format}",
        "format_version": FORMAT_VERSION,
        "sentence": recommendation.sentence,
        "enough_evidence": recommendation.enough_evidence,
        "mixture": shares,
        "counts": mixture.unit,
    }
    if mixture.unit == "documents":
        found["tokens_per_document"] = {
            part.name: mixture.tokens_per_document[part.name] for part in mixture.parts
        }
    left_out = [name for name, share in shares.items() if not share]
    if left_out:
        found["left_out_with_share_0"] = left_out
    return {
        **found,
        "metric": recommendation.metric,
        "direction": recommendation.direction,
        "evidence": recommendation.evidence.model_dump(mode="json"),
        **front_of(recommendation),
        "study": study.name,
        "study_id": mixture.study_id,
        "spec_hash": study.content_hash(),
        **mixture.provenance,
    }


def commented(mixture: MixtureToExport, format: str, how_to: str, body: str) -> str:
    """`body` below its provenance as `#` comments, signed. `how_to` is a line or two of prose."""
    lines = [f"# {line}" for line in how_to.splitlines()]
    lines += [
        f"# {key}: {one_line(value)}" for key, value in provenance_of(mixture, format).items()
    ]
    return _signed("\n".join([*lines, f"# sha256: {_UNSIGNED}", "", body]))


def commented_yaml(
    mixture: MixtureToExport, format: str, how_to: str, content: dict[str, Any]
) -> str:
    """`content` as YAML below its provenance: keys in the order given, a text in one line."""
    body = yaml.safe_dump(content, sort_keys=False, allow_unicode=True, width=sys.maxsize)
    return commented(mixture, format, how_to, body)


def json_with_provenance(mixture: MixtureToExport, format: str, content: dict[str, Any]) -> str:
    """`content` as JSON with `_provenance` as its last key, for a reader that passes it over."""
    provenance = {**provenance_of(mixture, format), "sha256": _UNSIGNED}
    dumped = json.dumps(
        {**content, "_provenance": provenance}, indent=2, ensure_ascii=False, allow_nan=False
    )
    return _signed("\n".join(map(_printable, dumped.split("\n"))) + "\n")


def verify_signed(text: str) -> bool:
    """Whether a trainer's file is as it was written; False for text that is none."""
    found = _LINE.findall(text)
    return len(found) == 1 and _sha256(text) == found[0][1]


def one_line(value: Any) -> str:
    """JSON in one line, also to YAML, which takes U+2028 and others for the end of a comment."""
    return _printable(json.dumps(value, ensure_ascii=False, allow_nan=False))


def _printable(text: str) -> str:
    """A line of JSON with what cannot be printed in JSON's own escapes."""
    return "".join(char if char.isprintable() else json.dumps(char)[1:-1] for char in text)


def _signed(text: str) -> str:
    return _LINE.sub(lambda line: f"{line[1]}{_sha256(text)}{line[3]}\n", text)


def _sha256(text: str) -> str:
    return hashlib.sha256(_LINE.sub("", text).encode()).hexdigest()
