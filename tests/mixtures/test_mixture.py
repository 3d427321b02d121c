"""Mixtures: shares sum to 1, and one SFT share is one mixture however it was computed."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from mixtures.mixture import Mixture, mixture_of_sft_share, require_sum_to_one, sft_share
from mixtures.recipe import Recipe
from tests.mixtures.share_study import make_study

PARTS = st.lists(st.integers(1, 1000), min_size=1, max_size=6)


def test_shares_must_sum_to_one() -> None:
    with pytest.raises(ValidationError, match=r"shares sum to 0\.9, expected 1"):
        Mixture(shares={"a": 0.5, "b": 0.4})
    with pytest.raises(ValidationError, match=r"shares sum to 1\.5, expected 1"):
        Mixture(shares={"a": 0.5, "b": 1.0})


def test_the_rounding_of_written_decimals_is_forgiven_and_no_more() -> None:
    thirds = dict.fromkeys("abc", 0.3333333)
    assert Mixture(shares=thirds).shares == thirds
    with pytest.raises(ValidationError, match=r"sum to 0\.99999, expected 1"):
        Mixture(shares=dict.fromkeys("abc", 0.33333))


def test_the_error_names_the_field_the_sum_and_the_right_value() -> None:
    with pytest.raises(ValueError, match=r"^sft_shares sum to 0\.75, expected 1 \(within 1e-06\)$"):
        require_sum_to_one({"a": 0.5, "b": 0.25}, "sft_shares")


@pytest.mark.parametrize("shares", [{}, {"a": 1.5, "b": -0.5}, {"a": math.nan}, {"A": 1.0}])
def test_what_is_no_mixture_is_refused(shares: dict[str, float]) -> None:
    with pytest.raises(ValidationError):
        Mixture(shares=shares)


def test_a_mixture_of_an_sft_share_by_hand() -> None:
    mixture = mixture_of_sft_share(0.64, {"web": 0.75, "books": 0.25}, {"chat": 0.2, "proofs": 0.8})
    # .36 * .75, .36 * .25, .64 * .2, .64 * .8
    assert mixture.shares == {"web": 0.27, "books": 0.09, "chat": 0.128, "proofs": 0.512}


def test_a_computed_mixture_is_the_typed_one() -> None:
    third = 1 / 3
    computed = mixture_of_sft_share(0.3, {"web": 1.0}, {"chat": third, "proofs": 1 - third})
    typed = Mixture(shares={"web": 0.7, "chat": 0.1, "proofs": 0.2})
    assert computed.content_hash() == typed.content_hash()


@given(share=st.integers(0, 1000), pretrain=PARTS, sft=PARTS)
def test_the_sft_share_of_a_mixture_is_the_one_it_was_made_of(
    share: int, pretrain: list[int], sft: list[int]
) -> None:
    text = {"kind": "pretrain", "files": ["a.jsonl"], "text": "{{ t }}"}
    chat = {"kind": "sft", "files": ["a.jsonl"], "prompt": "{{ q }}", "response": "{{ a }}"}
    changes = {
        "sources": [
            *({"name": f"p{i}", **text} for i in range(len(pretrain))),
            *({"name": f"s{i}", **chat} for i in range(len(sft))),
        ],
        "benchmarks": [{"name": "held", "held_out": "p0"}],
        "pretrain_shares": {f"p{i}": part / sum(pretrain) for i, part in enumerate(pretrain)},
        "sft_shares": {f"s{i}": part / sum(sft) for i, part in enumerate(sft)},
    }
    recipe = Recipe.model_validate(changes)
    assert sft_share(recipe.mixture_at(share / 1000), recipe.sources) == share / 1000


def test_the_sft_share_counts_sources_of_kind_sft_alone() -> None:
    study = make_study()
    mixture = Mixture(shares={"web": 0.5, "books": 0.1, "chat": 0.3, "proofs": 0.1})
    assert sft_share(mixture, study.sources) == 0.4
    assert sft_share(Mixture(shares={"web": 1.0}), study.sources) == 0.0
