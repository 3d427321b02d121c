"""The space: what a study may try, and how an empty one is refused."""

import numpy as np
import pytest
from pydantic import ValidationError

from mixtures.polytope import region
from mixtures.space_filling import draw, regions_of
from tests.mixtures.share_study import make_study

RANGE = {"sft_share_range": [0.2, 0.9]}
OPEN = {**RANGE, "free_groups": ["sft", "pretrain"]}


def names_of(error: pytest.ExceptionInfo[ValidationError]) -> str:
    return str(error.value.errors()[0]["msg"])


def field_of(error: pytest.ExceptionInfo[ValidationError]) -> str:
    return str(error.value.errors()[0]["ctx"]["error"].field)


def drawn(num: int = 300, **space: object) -> dict[str, np.ndarray]:
    """Shares by source of mixtures drawn from the space of `make_study`'s four sources."""
    study = make_study(space=space)
    points = draw(regions_of(study), num, np.random.default_rng(0))
    assert points.sum(axis=1) == pytest.approx(np.ones(num))
    assert points.min() >= -1e-9
    return {source.name: points[:, i] for i, source in enumerate(study.sources)}


def test_a_sweep_has_the_identity_that_it_had_before_there_was_more() -> None:
    study = make_study()
    # Of the code before: sha256 of the canonical spec.
    assert study.content_hash() == "8ce210a6aaf2396c"
    assert set(study.space.model_dump()) == {"sft_share"}


def test_a_range_keeps_the_shares_inside_both_groups() -> None:
    shares = drawn(**RANGE)
    sft = shares["chat"] + shares["proofs"]
    assert 0.2 - 1e-9 <= sft.min() < 0.25 and 0.85 < sft.max() <= 0.9 + 1e-9
    assert shares["chat"] == pytest.approx(shares["proofs"], abs=1e-9)
    assert shares["web"] == pytest.approx(3 * shares["books"], abs=1e-9)


def test_a_free_group_is_a_simplex_inside_the_simplex() -> None:
    shares = drawn(**RANGE, free_groups=["sft"])
    assert shares["web"] == pytest.approx(3 * shares["books"], abs=1e-9)
    inside = shares["chat"] / (shares["chat"] + shares["proofs"])
    assert inside.min() < 0.1 and inside.max() > 0.9


def test_listed_shares_with_a_free_group_are_kept_exactly() -> None:
    shares = drawn(sft_share=[0.25, 0.75], free_groups=["sft"])
    sft = shares["chat"] + shares["proofs"]
    assert set(np.round(sft, 9)) == {0.25, 0.75}


def test_bounds_fixed_shares_and_rules_hold_together() -> None:
    shares = drawn(
        **OPEN,
        bounds={"web": [0.1, 0.3]},
        bounds_in_group={"chat": [0.6, 0.8]},
        fixed={"books": 0.1},
        constraints=[{"coefficients": {"web": 2, "proofs": 1}, "at_most": 0.6}],
    )
    assert shares["books"] == pytest.approx(np.full(300, 0.1))
    assert shares["web"].min() >= 0.1 - 1e-9 and shares["web"].max() <= 0.3 + 1e-9
    inside = shares["chat"] / (shares["chat"] + shares["proofs"])
    assert inside.min() >= 0.6 - 1e-9 and inside.max() <= 0.8 + 1e-9
    assert (2 * shares["web"] + shares["proofs"]).max() <= 0.6 + 1e-9


def test_repetition_caps_a_share() -> None:
    study = make_study(
        space={**OPEN, "cap_epochs": True},
        full_run={"decay_tokens": 1_000_000, "unique_tokens": {"proofs": 50_000, "web": 900_000}},
        max_epochs=4,
    )
    points = draw(regions_of(study), 200, np.random.default_rng(0))
    # 4 x 50,000 of 1,000,000; web's 3.6 is no cap.
    assert points[:, 3].max() <= 0.2 + 1e-9
    assert points[:, 3].max() > 0.15


def test_a_contradiction_is_refused_by_the_names_of_its_rules() -> None:
    with pytest.raises(ValidationError) as error:
        make_study(
            space={
                **OPEN,
                "bounds": {"proofs": [0.5, 1.0], "web": [0.0, 0.5]},
                "constraints": [{"coefficients": {"chat": 1, "proofs": 1}, "at_most": 0.3}],
            }
        )
    assert names_of(error).endswith(
        "no mixture keeps these together: space.bounds.proofs at least 0.5; "
        "space.constraints.0 (chat + proofs <= 0.3). Loosen one, or leave it out"
    )
    assert field_of(error) == "space.constraints.0"


def test_a_share_of_a_sweep_that_a_bound_forbids_is_named() -> None:
    with pytest.raises(ValidationError) as error:
        make_study(space={"sft_share": [0.2, 0.8], "bounds": {"chat": [0.0, 0.3]}})
    assert "space.sft_share 0.8" in names_of(error)
    assert "space.bounds.chat at most 0.3" in names_of(error)


def test_a_cap_says_what_it_comes_from() -> None:
    with pytest.raises(ValidationError) as error:
        make_study(
            space={"sft_share": [1.0], "free_groups": ["sft"], "cap_epochs": True},
            full_run={
                "decay_tokens": 1_000_000,
                "unique_tokens": {"proofs": 50_000, "chat": 100_000},
            },
        )
    assert "proofs at most 0.2 (max_epochs 4 of 50,000 tokens in the full run)" in names_of(error)


@pytest.mark.parametrize(
    ("space", "field", "words"),
    [
        ({}, "sft_share", "give exactly one of sft_share"),
        ({"sft_share": [0.5], **RANGE}, "sft_share", "give exactly one of sft_share"),
        ({"sft_share_range": [0.9, 0.2]}, "sft_share_range", "0.9 to 0.2"),
        ({**OPEN, "bounds": {"chat": [0.9, 0.2]}}, "bounds.chat", "the lower one goes first"),
        ({**OPEN, "fixed": {"chats": 0.2}}, "space.fixed.chats", "unknown source 'chats'"),
        (
            {**OPEN, "constraints": [{"coefficients": {"maths": 1}, "at_most": 0.3}]},
            "space.constraints.0.coefficients.maths",
            "unknown source 'maths'",
        ),
        (
            {**OPEN, "constraints": [{"coefficients": {"chat": 1}}]},
            "at_most",
            "give at_least, at_most or both",
        ),
    ],
)
def test_what_is_wrong_with_a_space_is_said_by_its_field(
    space: dict[str, object], field: str, words: str
) -> None:
    with pytest.raises(ValidationError) as error:
        make_study(space=space)
    assert field_of(error) == field
    assert words in names_of(error)


def test_pretraining_sources_alone_can_be_searched() -> None:
    sources = [
        {"name": name, "kind": "pretrain", "files": ["a.jsonl"], "text": "{{ text }}"}
        for name in ("web", "books", "code")
    ]
    study = make_study(
        sources=sources,
        pretrain_shares=None,
        space={"sft_share": [0.0], "free_groups": ["pretrain"]},
    )
    assert region(study.space_rules(0.0)).dimension == 2
    assert set(study.baseline_mixtures) == {"pretrain_only", "uniform"}
