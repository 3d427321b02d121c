"""Claims name what their study has, and make it no other study."""

import re
from pathlib import Path
from typing import Any, get_args

import pytest
import yaml
from pydantic import ValidationError

from mixtures.claims import Claim
from mixtures.design import first_trials
from mixtures.study import StudySpec
from tests.mixtures.share_study import make_study

ROOT = Path(__file__).resolve().parents[2]
IN = {"kind": "best_share_in", "low": 0.6, "high": 0.69, "words": "It lies there"}
COMPARED = {"kind": "compared", "says": "better", "words": "It is better"}
FORMS = {"sft_share": [0.64], "factors": {"decay.form": ["linear", "exponential"]}}


def test_a_claim_is_no_part_of_a_study_s_identity_or_of_its_trials() -> None:
    plain, claimed = make_study(), make_study(claims=[IN])
    assert claimed.claims and claimed != plain
    assert claimed.content_hash() == plain.content_hash()
    assert claimed.identity() == plain.identity()
    ids = [[trial.trial_id for trial in first_trials(one, "s", {})] for one in (plain, claimed)]
    assert ids[0] == ids[1]
    # What is stored has them, and gives them back.
    assert StudySpec.model_validate_json(claimed.canonical()) == claimed
    assert "claims" not in plain.canonical()


# As of before there were claims: finished trials of these studies stay their own.
@pytest.mark.parametrize(
    ("name", "identity"),
    [
        ("sft-composition", "3d4e047809ea836c"),
        ("sft-share", "3a470854c7d4560f"),
        ("schedulers", "10eb6fe391ce5dea"),
        ("xmodel2-decay", "26eb0ba2cce4dd17"),
    ],
)
def test_a_ready_study_with_claims_is_the_one_that_it_was(name: str, identity: str) -> None:
    text = (ROOT / "studies" / f"{name}.yaml").read_text(encoding="utf-8")
    study = StudySpec.model_validate(yaml.safe_load(text))
    assert study.claims
    assert study.content_hash() == identity


def test_every_paper_study_makes_a_claim() -> None:
    for file in sorted((ROOT / "studies").glob("*.yaml")):
        text = file.read_text(encoding="utf-8")
        has_claims = bool(StudySpec.model_validate(yaml.safe_load(text)).claims)
        assert has_claims == (file.stem not in ("demo", "demo-quick", "real-suite")), file.stem


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"claims": [{**IN, "low": 0.7}]}, "low"),
        ({"claims": [IN, {**IN, "of": "gsm8k"}]}, "claims.1.of"),
        ({"claims": [{**COMPARED, "first": {}, "second": {"sft_share": 0.1}}]}, "recommended"),
        (
            {"claims": [{**COMPARED, "first": {"baseline": "mine"}, "second": {"sft_share": 1}}]},
            "claims.0.first.baseline",
        ),
        (
            {
                "claims": [
                    {
                        **COMPARED,
                        "first": {"factors": {"decay.form": "cosine"}},
                        "second": {"sft_share": 0.64},
                    }
                ],
                "space": FORMS,
            },
            "claims.0.first.factors.decay.form",
        ),
        (
            {"claims": [{**COMPARED, "first": {"recommended": True}, "second": {"sft_share": 1}}]},
            "claims.0.second",
        ),
        ({"claims": [{"kind": "ranks_agree", "at_least": 0.7, "words": "x"}]}, "claims.0"),
        (
            {"claims": [{"kind": "best_shares_differ", "factor": "proxy", "words": "x"}]},
            "claims.0.factor",
        ),
        ({"claims": [{"kind": "source_pays", "pays": "wiki", "words": "x"}]}, "claims.0.pays"),
    ],
)
def test_a_claim_that_does_not_fit_is_refused_by_name(changes: dict[str, Any], field: str) -> None:
    with pytest.raises(ValidationError) as caught:
        make_study(**changes)
    assert any(
        getattr(error["ctx"]["error"], "field", None) == field
        for error in caught.value.errors()
        if "ctx" in error
    )


def test_every_kind_of_claim_is_documented_and_no_other() -> None:
    text = (ROOT / "docs" / "api.md").read_text(encoding="utf-8")
    section = text.partition("\n## Claims\n")[2].partition("\n## ")[0]
    documented = set(re.findall(r"^\| `(\w+)` \|", section, re.MULTILINE))
    union, *_ = get_args(Claim)
    kinds = {
        kind for one in get_args(union) for kind in get_args(one.model_fields["kind"].annotation)
    }
    assert documented == kinds
