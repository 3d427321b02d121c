"""The first trials of a study with factors: balanced, every part filled, all of a sweep."""

from collections import Counter
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from mixtures.design import first_trials
from mixtures.factor_design import level_table
from mixtures.factors import Axis, Range
from tests.mixtures.share_study import HASHES, make_study

FORM = Axis("decay.form", ("exponential", "linear", "cosine"))
RATE = Axis("decay.lr_ratio", Range(low=0.1, high=10.0))


def test_every_level_is_tried_as_often_as_another_at_any_time() -> None:
    mixtures = np.random.default_rng(0).dirichlet(np.ones(4), 13)
    table = level_table([FORM, RATE], mixtures, seed=3)
    for num in range(3, 14):
        counts = Counter(row["decay.form"] for row in table[:num])
        assert len(counts) == 3 and max(counts.values()) - min(counts.values()) <= 1


def test_a_range_is_filled_evenly() -> None:
    mixtures = np.random.default_rng(0).dirichlet(np.ones(4), 16)
    table = level_table([FORM, RATE], mixtures, seed=3)
    at = np.array([RATE.encode(row["decay.lr_ratio"]) for row in table])
    # In each quarter of the scale about a quarter of them.
    assert np.histogram(at, 4, (0, 1))[0].tolist() == [4, 4, 4, 4]


def test_mixtures_at_one_level_fill_the_line_too() -> None:
    line = np.linspace(0, 1, 12)
    table = level_table([FORM], np.column_stack([line, 1 - line]), seed=0)
    for level in ("exponential", "linear", "cosine"):
        own = [at for at, row in zip(line, table, strict=True) if row["decay.form"] == level]
        assert min(own) < 0.35 and max(own) > 0.65 and np.diff(own).min() > 0.1


def test_the_same_seed_gives_the_same_levels() -> None:
    mixtures = np.random.default_rng(0).dirichlet(np.ones(4), 8)
    assert level_table([FORM], mixtures, 1) == level_table([FORM], mixtures, 1)
    assert level_table([FORM], mixtures, 1) != level_table([FORM], mixtures, 2)


def test_a_sweep_tries_every_share_at_every_level() -> None:
    study = make_study(
        space={
            "sft_share": [0.2, 0.8],
            "factors": {
                "decay.form": ["exponential", "linear"],
                "proxy.tied_embedding": [True, False],
            },
        },
        baselines={},
        seeds=[4, 5],
    )
    trials = first_trials(study, "s", HASHES)
    found = {(t.sft_share, t.seed, t.decay.form, t.recipe.proxy.tied_embedding) for t in trials}
    assert len(trials) == len(found) == study.num_first_trials == 16
    assert [trial.seed for trial in trials] == [4] * 8 + [5] * 8


def test_a_range_is_searched_and_not_swept() -> None:
    study = make_study(
        space={"sft_share": [0.2, 0.8], "factors": {"decay.lr_ratio": {"low": 0.5, "high": 2}}},
        design={"num_mixtures": 6},
        baselines={"paper": 0.64},
        seeds=[0, 1],
    )
    trials = first_trials(study, "s", HASHES)
    assert len({trial.trial_id for trial in trials}) == len(trials) <= study.num_first_trials
    own = [t for t in trials if t.mixture == study.mixture_at(0.64)]
    assert {trial.decay.lr_ratio for trial in own} == {1.0}
    others = [t.decay.lr_ratio for t in trials if t.sft_share in (0.2, 0.8)]
    assert len(set(others)) >= 6 and all(0.5 <= ratio <= 2 for ratio in others)


def test_some_first_mixtures_run_as_short_decays_too() -> None:
    study = make_study(
        space={"sft_share_range": [0.2, 0.8]},
        search={"short_decay": 0.25},
        design={"num_mixtures": 10, "num_repeated": 0},
        decay={"tokens": 100_000},
        seeds=[0, 1],
    )
    trials = first_trials(study, "s", HASHES)
    short = [trial for trial in trials if trial.decay.tokens < 100_000]
    # Batches are 2,048 tokens: a quarter of the decay is 12.2 of them.
    assert {trial.decay.tokens for trial in short} == {24_576}
    assert {trial.factors["decay.tokens"] for trial in short} == {24_576}
    assert len(short) == 6
    full = {trial.mixture.canonical() for trial in trials if trial.decay.tokens == 100_000}
    assert {trial.mixture.canonical() for trial in short} <= full
    assert len(trials) <= study.num_first_trials


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"space": {"sft_share": [0.2, 0.8]}}, "lists all mixtures"),
        ({"decay": {"tokens": 2_048}}, "whole batches"),
        (
            {
                "space": {
                    "sft_share_range": [0.2, 0.8],
                    "factors": {"decay.tokens": [75_000, 150_000]},
                }
            },
            "decay.tokens already",
        ),
    ],
)
def test_a_short_decay_that_makes_no_sense_is_refused(
    changes: dict[str, Any], message: str
) -> None:
    given = {"space": {"sft_share_range": [0.2, 0.8]}, "search": {"short_decay": 0.25}, **changes}
    with pytest.raises(ValidationError, match=message):
        make_study(**given)
