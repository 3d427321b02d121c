"""Best shares by benchmark, group and composition, where the truth is known."""

import numpy as np
import pytest

from mixtures.best_share_moves import best_shares
from mixtures.recommend import recommend
from mixtures.study import StudySpec
from tests.mixtures.searched_study import observe_mixtures, searched_study
from tests.mixtures.share_study import make_study, observe

GROUPS = {"algebra": "maths", "gsm": "maths", "piqa": "sense"}


def grouped_sweep() -> StudySpec:
    plain = make_study().model_dump(mode="json", exclude_unset=True)
    benchmarks = [{"name": n, "group": g, "held_out": "web"} for n, g in GROUPS.items()]
    return StudySpec.model_validate({**plain, "benchmarks": benchmarks})


def test_on_a_sweep_every_benchmark_and_group_has_its_own_best_share() -> None:
    study = grouped_sweep()
    rng = np.random.default_rng(0)
    optima = {"algebra": 0.7, "gsm": 0.9, "piqa": 0.2}
    trials = [
        observe(
            study,
            share,
            seed,
            **{n: (share - at) ** 2 + 0.004 * rng.standard_normal() for n, at in optima.items()},
        )
        for seed in (0, 1)
        for share in study.space.sft_share
    ]
    found = best_shares(study, trials)
    by_name = {(one.kind, one.name): one for one in found.parts}
    # Of equal bowls the mean is lowest at the mean of their optima.
    truth = {
        ("objective", "objective"): 0.6,
        ("group", "maths"): 0.8,
        ("group", "sense"): 0.2,
        **{("benchmark", name): at for name, at in optima.items()},
    }
    for key, at in truth.items():
        one = by_name[key]
        assert one.sft_share == pytest.approx(at, abs=0.05), key
        assert one.like_best[0] <= at <= one.like_best[1], key
        assert one.like_best[0] <= one.sft_share <= one.like_best[1], key
        assert not one.is_flat
    assert by_name["group", "maths"].probability_above_objective > 0.99
    assert by_name["benchmark", "piqa"].probability_above_objective < 0.01
    assert by_name["objective", "objective"].probability_above_objective is None
    # The recommendation's own figures of each benchmark are the same, but for another draw.
    for optimum in recommend(study, trials).per_benchmark:
        one = by_name["benchmark", optimum.benchmark]
        assert one.sft_share == pytest.approx(optimum.best_share, abs=0.011)
        assert one.like_best == pytest.approx(optimum.interval, abs=0.021)
    assert found.compositions == ()


def test_the_best_share_follows_the_composition_where_it_does() -> None:
    # The best SFT share is .3 with no chat in the SFT group and .7 with nothing else.
    study = searched_study(("math",))
    rng = np.random.default_rng(2)

    def score(w: np.ndarray) -> dict[str, float]:
        sft = float(w[2] + w[3])
        chat = float(w[2]) / sft if sft > 0 else 0.5
        return {"math": (sft - 0.3 - 0.4 * chat) ** 2 + 0.003 * float(rng.standard_normal())}

    found = best_shares(study, observe_mixtures(study, 60, score))
    moves = {one.source: one for one in found.compositions}
    assert moves.keys() == {"chat", "proofs"}
    chat = moves["chat"]
    for point in chat.points:
        at = 0.3 + 0.4 * point.share_in_group
        assert point.sft_share == pytest.approx(at, abs=0.07)
        assert point.like_best[0] - 0.02 <= at <= point.like_best[1] + 0.02
    assert chat.probability_up > 0.98
    assert chat.change_interval[0] > 0
    # Two sources of a group are one axis, seen from both ends.
    assert moves["proofs"].probability_up < 0.02
    assert moves["proofs"].change == pytest.approx(-chat.change, abs=0.05)
    objective = next(one for one in found.parts if one.kind == "objective")
    assert objective.sft_share == pytest.approx(0.5, abs=0.06)
    assert "best SFT share" in chat.sentence


def test_noise_alone_says_that_it_is_flat() -> None:
    study = make_study(("math",))
    rng = np.random.default_rng(4)
    trials = [
        observe(study, share, seed, math=float(rng.standard_normal()))
        for seed in (0, 1)
        for share in study.space.sft_share
    ]
    found = best_shares(study, trials)
    by_kind = {one.kind: one for one in found.parts}
    assert by_kind["objective"].is_flat
    assert by_kind["objective"].like_best == (0.0, 1.0)
