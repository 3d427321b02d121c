"""Effects whose truth is known: straight and bent ones, on sweeps and over many sources."""

import numpy as np
import pytest

from mixtures.factor_effects import accumulate, at_mixtures, factor_effects, moved, steps_of
from mixtures.named_objectives import asked_objective, own_objective
from mixtures.recommendation import NotEnoughTrials
from mixtures.study import StudySpec
from tests.mixtures.searched_study import draw_mixtures, observe_mixtures, searched_study
from tests.mixtures.share_study import make_study, observe


def test_a_source_moves_along_its_log_ratio_axis() -> None:
    shares = np.array([[0.5, 0.3, 0.2], [1.0, 0.0, 0.0]])
    members = np.array([True, False, False])
    found = moved(shares, members, np.array([0.25, 0.25]), np.array([0.2, 0.2, 0.6]))
    # .75 is split 3 to 2 as before; where nothing else was, as usual: 1 to 3.
    assert found[0] == pytest.approx([0.25, 0.45, 0.30])
    assert found[1] == pytest.approx([0.25, 0.1875, 0.5625])


def test_accumulated_jumps_and_their_average_by_hand() -> None:
    shares = np.array([[x, 1.0 - x] for x in (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)])
    steps = steps_of(shares, np.array([True, False]))
    assert steps is not None
    # Six mixtures make two pieces, cut at the median.
    assert steps.edges.tolist() == [0.0, 0.5, 1.0]
    assert steps.piece.tolist() == [0, 0, 0, 1, 1, 1]
    found = accumulate(steps, np.array([[1.0, 2.0, 3.0, -3.0, -3.0, -3.0]]))
    # Jumps of 2 and -3: 0, 2, -1 at the edges; at the mixtures 0, .8, 1.6, 1.4, .2, -1: mean .5.
    assert found[0] == pytest.approx([-0.5, 1.5, -1.5])
    assert at_mixtures(steps, found).mean() == pytest.approx(0.0)


def test_correlated_sources_do_not_borrow_each_others_effect() -> None:
    # The loss is 2 * log of nothing but the ratio of the first: an effect of the others is 0.
    rng = np.random.default_rng(3)
    first = rng.uniform(0.1, 0.6, size=60)
    second = 0.7 * (1.0 - first) * rng.uniform(0.8, 1.0, size=60)
    shares = np.column_stack([first, second, 1.0 - first - second])
    for members, expected in (([True, False, False], 1.0), ([False, True, False], None)):
        steps = steps_of(shares, np.array(members))
        assert steps is not None
        differences = (steps.high[:, 0] - steps.low[:, 0])[None]
        found = accumulate(steps, differences)[0]
        slope = (found[-1] - found[0]) / (steps.edges[-1] - steps.edges[0])
        if expected is not None:
            assert slope == pytest.approx(expected)
        else:
            # More of the second takes from the first by its ratio: first / (1 - second) each.
            assert slope < 0


def test_a_sweep_has_one_factor_and_its_effect_is_the_curve() -> None:
    study = make_study()
    rng = np.random.default_rng(0)
    trials = []
    for seed in (0, 1):
        for share in study.space.sft_share:
            value = (share - 0.6) ** 2 + 0.001 * rng.standard_normal()
            trials.append(observe(study, share, seed, math=value, code=value))
    asked = own_objective(study)
    found = factor_effects(study, asked, trials, {"math": 1.0, "code": 1.0})
    assert [one.factor for one in found.factors] == ["sft_share"]
    assert set(found.fixed) == {"web", "books", "chat", "proofs"}
    one = found.factors[0]
    truth = (np.array(one.shares) - 0.6) ** 2
    assert np.array(one.effect) - one.effect[0] == pytest.approx(truth - truth[0], abs=0.01)
    assert one.total == pytest.approx(0.16 - 0.36, abs=0.01)
    assert one.total_interval[0] < one.total < one.total_interval[1] < 0
    assert one.probability_better > 0.99


def test_over_many_sources_the_source_that_helps_is_found_and_what_is_held_is_named() -> None:
    plain = searched_study(("math",)).model_dump(mode="json", exclude_unset=True)
    study = StudySpec.model_validate(
        {**plain, "objective": {"metric": "acc"}, "benchmarks": [CHOICES]}
    )
    rng = np.random.default_rng(1)
    trials = observe_mixtures(
        study, 40, lambda w: {"math": float(w[2] + 0.01 * rng.standard_normal())}
    )
    asked = asked_objective(study, "math")
    found = factor_effects(study, asked, trials, {"math": -1.0})
    assert {one.factor for one in found.factors} == {"sft_share", "chat", "proofs"}
    assert set(found.fixed) == {"web", "books"}
    by_name = {one.factor: one for one in found.factors}
    chat = by_name["chat"]
    assert found.factors[0] is chat or found.factors[1] is chat
    # The accuracy is chat's share itself, so more of it is better, by as much.
    assert np.array(chat.effect) - chat.effect[0] == pytest.approx(
        np.array(chat.shares) - chat.shares[0], abs=0.05
    )
    assert chat.probability_better > 0.99
    assert by_name["proofs"].probability_better < 0.01
    assert chat.size == pytest.approx(draw_mixtures(40)[:, 2].std(), abs=0.03)


CHOICES = {
    "name": "math",
    "files": ["a.jsonl"],
    "prompt": "{{ q }}",
    "choices": "{{ c }}",
    "gold": "{{ g }}",
}


def test_trials_of_one_mixture_have_no_effects() -> None:
    study = searched_study(("math",))
    with pytest.raises(NotEnoughTrials, match="8 mixtures or more; there are 5"):
        factor_effects(
            study,
            own_objective(study),
            observe_mixtures(study, 5, lambda w: {"math": 1.0}),
            {"math": 1.0},
        )
