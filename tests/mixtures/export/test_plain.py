import hashlib
import json
from functools import cache
from typing import Any

import numpy as np
import pytest
import yaml

from mixtures.export.plain import export_mixture, verify_export
from mixtures.recommend import recommend
from mixtures.recommendation import Recommendation
from tests.mixtures.share_study import make_study, observe_curve

PROVENANCE: dict[str, Any] = {
    "trial_ids": ["t0-0", "t0.5-0"],
    "seeds": [0, 1],
    "data_hashes": {"web": "ab12"},
    "versions": {"decaymix": "0.1.0"},
    "created_at": "2026-01-02T03:04:05Z",
    "smallest_share": 1e-05,
}


@cache
def answer() -> Recommendation:
    trials = observe_curve(
        make_study(), lambda s: 4 + (s - 0.5) ** 2, 0.01, np.random.default_rng(0)
    )
    return recommend(make_study(), trials)


def export(format: str) -> str:
    return export_mixture(answer(), make_study(), "study-1", PROVENANCE, format)  # type: ignore[arg-type]


@pytest.mark.parametrize("format", ["yaml", "json"])
def test_an_export_verifies_and_a_changed_share_does_not(format: str) -> None:
    text = export(format)
    assert verify_export(text)
    share = str(answer().sft_share)
    assert share in text
    assert not verify_export(text.replace(share, "0.123"))
    assert not verify_export(text.replace("study-1", "study-2"))


def test_both_formats_say_the_same_and_read_back_as_plain_data() -> None:
    from_yaml, from_json = yaml.safe_load(export("yaml")), json.loads(export("json"))
    assert from_yaml == from_json
    assert list(from_yaml) == list(from_json)
    assert from_yaml["mixture"] == answer().mixture.shares
    assert sum(from_yaml["mixture"].values()) == pytest.approx(1.0)
    assert from_yaml["sft_share"] == answer().sft_share
    assert from_yaml["interval"] == list(answer().interval)
    assert from_yaml["evidence"]["as_of"] == answer().evidence.as_of
    assert from_yaml["objective"]["direction"] == "minimise"
    assert from_yaml["objective"]["benchmarks"] == ["math", "code"]
    assert {item["baseline"] for item in from_yaml["compared_with"]} == {"pretrain_only", "paper"}


def test_keys_come_in_reading_order_and_the_hash_last() -> None:
    keys = list(json.loads(export("json")))
    assert keys[:5] == ["format", "format_version", "sentence", "mixture", "sft_share"]
    assert keys[-2:] == ["provenance", "sha256"]


def test_the_hash_is_the_sha256_of_the_canonical_json_of_everything_else() -> None:
    content = json.loads(export("json"))
    claimed = content.pop("sha256")
    text = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    assert claimed == hashlib.sha256(text.encode()).hexdigest()


def test_provenance_holds_what_the_caller_gave_and_what_the_study_is() -> None:
    provenance = json.loads(export("json"))["provenance"]
    assert provenance == {
        "study_id": "study-1",
        "study": "sweep",
        "spec_hash": make_study().content_hash(),
        **PROVENANCE,
    }


def test_provenance_may_not_contradict_the_study() -> None:
    with pytest.raises(ValueError, match="spec_hash"):
        export_mixture(answer(), make_study(), "s", {"spec_hash": "other"}, "json")


def test_the_same_recommendation_gives_the_same_text() -> None:
    assert export("yaml") == export("yaml")
    assert "!!" not in export("yaml")


@pytest.mark.parametrize(
    "text",
    ["", "[1, 2]", "a: [", "mixture: {a: 1.0}", "a: 2026-01-02\nsha256: x", "a: .nan\nsha256: x"],
)
def test_text_that_is_no_export_does_not_verify(text: str) -> None:
    assert not verify_export(text)
