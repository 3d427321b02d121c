"""Studies: what fits together, the shares inside each group, and the words of each refusal."""

from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import ValidationError

from mixtures.recipe import Recipe
from mixtures.study import PAPER_SFT_SHARE, StudySpec
from tests.mixtures.share_study import make_study

STUDIES = Path(__file__).resolve().parents[2] / "studies"
WEB = {"name": "web", "kind": "pretrain", "files": ["a.jsonl"], "text": "{{ text }}"}
CHAT = {
    "name": "chat",
    "kind": "sft",
    "files": ["b.jsonl"],
    "prompt": "{{ q }}",
    "response": "{{ a }}",
}


@pytest.mark.parametrize("path", sorted(STUDIES.glob("*.yaml")), ids=lambda path: path.stem)
def test_every_ready_study_is_valid_and_named_like_its_file(path: Path) -> None:
    study = StudySpec.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")))
    assert study.name == path.stem
    assert study.question.endswith("?")
    assert all(source.licence != "not stated" for source in study.sources)


def test_groups_are_uniform_unless_they_are_given() -> None:
    study = make_study()
    assert study.shares_in_group("pretrain") == {"web": 0.75, "books": 0.25}
    assert study.shares_in_group("sft") == {"chat": 0.5, "proofs": 0.5}


def test_a_source_that_its_group_does_not_name_gets_nothing() -> None:
    study = make_study(sft_shares={"chat": 1.0})
    assert study.shares_in_group("sft") == {"chat": 1.0, "proofs": 0.0}
    assert study.mixture_at(0.5).shares == {"web": 0.375, "books": 0.125, "chat": 0.5, "proofs": 0}


def test_a_mixture_without_sft_sources_exists_at_share_0_alone() -> None:
    recipe = Recipe.model_validate(
        {"sources": [WEB], "benchmarks": [{"name": "held", "held_out": "web"}]}
    )
    assert recipe.shares_in_group("sft") == {}
    assert recipe.mixture_at(0.0).shares == {"web": 1.0}
    with pytest.raises(ValueError, match=r"sft_share is 0\.5, but no source is of kind 'sft'"):
        recipe.mixture_at(0.5)


def test_the_recipe_holds_what_trials_share_and_nothing_of_the_question() -> None:
    study = make_study(stable_seed=5)
    assert study.recipe == Recipe.model_validate(
        {name: getattr(study, name) for name in Recipe.model_fields}
    )
    assert study.recipe.stable_seed == 5
    renamed = make_study(stable_seed=5, name="other", question="Why?", seeds=[7], space=study.space)
    assert renamed.recipe.content_hash() == study.recipe.content_hash()


def test_the_papers_share_is_a_baseline_by_default() -> None:
    assert PAPER_SFT_SHARE == 0.64
    assert make_study().baselines == {"pretrain_only": 0.0, "paper": 0.64}


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"sources": []}, "sources"),
        ({"sources": [WEB, WEB, CHAT]}, "the name 'web' is given 2 times, expected once"),
        ({"sources": [CHAT], "pretrain_shares": None}, "none of kind 'pretrain'"),
        ({"sources": [WEB], "pretrain_shares": None}, "none of kind 'sft'"),
        ({"benchmarks": []}, "benchmarks"),
        ({"benchmarks": ["math", "math"]}, "the name 'math' is given 2 times"),
        ({"pretrain_shares": {"web": 0.5, "books": 0.4}}, r"pretrain_shares sum to 0\.9"),
        ({"pretrain_shares": {"chat": 1.0}}, r"pretrain_shares names 'chat'.*\['books', 'web'\]"),
        ({"sft_shares": {"web": 1.0}}, r"sft_shares names 'web'.*\['chat', 'proofs'\]"),
        ({"sft_shares": {}}, "sft_shares sum to 0, expected 1"),
        ({"optimiser": {"batch_tokens": 1000}}, "batch_tokens 1000 must be a multiple of .* 256"),
        ({"space": {"sft_share": []}}, "sft_share"),
        ({"space": {"sft_share": [0.5, 0.1, 0.5]}}, r"sft_share 0\.5 is given 2 times"),
        ({"space": {"sft_share": [-0.1]}}, "greater than or equal to 0"),
        ({"seeds": []}, "seeds"),
        ({"seeds": [1, 1]}, r"seeds are \[1, 1\], expected distinct"),
        ({"seeds": [-1]}, r"seeds\.0"),
        ({"seeds": [2**31]}, r"seeds\.0"),
        ({"stable_seed": 2**63}, "stable_seed"),
        ({"baselines": {"ours": 1.5}}, r"baselines\.ours"),
        ({"budget": {"max_trials": 0}}, "budget.max_trials"),
        ({"budget": {"max_trials": 23}}, "make 24 trials, budget.max_trials allows 23"),
        ({"resources": {"cpus_per_trial": 0.5}}, "resources.cpus_per_trial"),
        ({"full_run": {"decay_tokens": 149_999}}, "149999 is less than .* 150000"),
        (
            {"full_run": {"decay_tokens": 10**9, "unique_tokens": {"songs": 5}}},
            r"unique_tokens\['songs'\] is 5, expected .* \['web', 'books', 'chat', 'proofs'\]",
        ),
        (
            {"full_run": {"decay_tokens": 10**9, "unique_tokens": {"web": 0}}},
            r"unique_tokens\['web'\] is 0, expected at least 1",
        ),
        ({"colour": "red"}, "colour"),
    ],
)
def test_what_does_not_fit_together_is_refused(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        make_study(**changes)


def test_a_benchmark_holds_out_a_pretraining_source_of_the_study() -> None:
    study = make_study().model_dump(mode="json")
    for name in ("chat", "songs"):
        study["benchmarks"][0]["held_out"] = name
        with pytest.raises(ValidationError, match=f"'math' holds out '{name}'"):
            StudySpec.model_validate(study)


def test_the_budget_counts_a_share_once_that_is_space_and_baseline() -> None:
    # The sweep has 0 and 0.64 already: twelve shares, two seeds.
    assert make_study(budget={"max_trials": 24}).budget.max_trials == 24
    study = {"space": {"sft_share": [0.5]}, "baselines": {}, "seeds": [3]}
    assert make_study(**study, budget={"max_trials": 1}).seeds == (3,)
