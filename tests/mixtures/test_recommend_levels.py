"""With factors a leaderboard row is a mixture at its levels, and no recommendation mixes levels."""

import numpy as np
import pytest

from mixtures.rank import Observation, leaderboard
from mixtures.recommend import NotEnoughTrials, recommend
from mixtures.study import StudySpec
from mixtures.study_answer import answer_study
from tests.mixtures.share_study import make_study

FORMS = {"decay.form": ["exponential", "linear"]}
SHARES = (0.0, 0.2, 0.4, 0.6, 0.64, 0.8, 1.0)


def observe(study: StudySpec, share: float, seed: int, loss: float, **levels: str) -> Observation:
    factors = {name.replace("_", "."): level for name, level in levels.items()}
    return Observation(
        trial_id=f"{share} {seed} {sorted(factors.items())}",
        shares=study.mixture_at(share).shares,
        sft_share=share,
        seed=seed,
        scores={"math": loss, "code": loss},
        factors=factors,
    )


def two_curves(study: StudySpec) -> list[Observation]:
    """Exponential: lowest at .3; linear: at .8, and .2 lower everywhere."""
    rng = np.random.default_rng(0)
    found = []
    for share in SHARES:
        for seed in (0, 1):
            noise = 0.005 * rng.standard_normal(2)
            first = 1.0 + (share - 0.3) ** 2 + noise[0]
            second = 0.8 + (share - 0.8) ** 2 + noise[1]
            found.append(observe(study, share, seed, first, decay_form="exponential"))
            found.append(observe(study, share, seed, second, decay_form="linear"))
    return found


def test_one_mixture_at_two_levels_is_two_rows() -> None:
    study = make_study(space={"sft_share": SHARES, "factors": FORMS})
    board = leaderboard(study, two_curves(study))
    assert len(board.rows) == 14
    assert board.rows[0].factors == {"decay.form": "linear"}
    assert board.rows[0].sft_share == 0.8
    assert {row.num_trials for row in board.rows} == {2}


def test_rows_are_compared_with_baselines_at_the_studys_own_levels() -> None:
    study = make_study(space={"sft_share": SHARES, "factors": FORMS}, baselines={"paper": 0.64})
    trials = [
        observe(study, 0.64, 0, 1.0, decay_form="exponential"),
        observe(study, 0.64, 0, 0.7, decay_form="linear"),
        observe(study, 0.2, 0, 0.9, decay_form="linear"),
    ]
    rows = {(r.sft_share, r.factors["decay.form"]): r for r in leaderboard(study, trials).rows}
    assert rows[0.64, "exponential"].is_baseline == ("paper",)
    assert rows[0.64, "linear"].is_baseline == ()
    assert rows[0.64, "linear"].paired[0].difference == pytest.approx(-0.3)
    assert rows[0.2, "linear"].paired[0].difference == pytest.approx(-0.1)


def test_of_a_larger_proxy_the_baseline_is_of_the_same_proxy() -> None:
    study = make_study(
        space={"sft_share": SHARES, "factors": {"proxy": ["pico", "nano"]}},
        baselines={"paper": 0.64},
    )
    trials = [
        observe(study, 0.64, 0, 1.0, proxy="pico"),
        observe(study, 0.64, 0, 0.6, proxy="nano"),
        observe(study, 0.2, 0, 0.5, proxy="nano"),
    ]
    rows = {(r.sft_share, r.factors["proxy"]): r for r in leaderboard(study, trials).rows}
    assert rows[0.2, "nano"].paired[0].difference == pytest.approx(-0.1)
    assert rows[0.64, "nano"].is_baseline == ("paper",)


def test_a_recommendation_is_at_the_best_level_and_says_so() -> None:
    study = make_study(space={"sft_share": SHARES, "factors": FORMS})
    answer = recommend(study, two_curves(study))
    # Of both curves together the lowest point would lie near .55.
    assert answer.sft_share == pytest.approx(0.8, abs=0.05)
    assert answer.factors == {"decay.form": "linear"}
    assert answer.evidence.num_trials == 14
    assert answer.sentence.startswith("At decay.form linear: ")
    assert "The 14 trials at other levels are not in this fit." in " ".join(answer.notes)


def test_a_proxy_is_never_chosen_for_being_larger() -> None:
    study = make_study(space={"sft_share": SHARES, "factors": {"proxy": ["pico", "nano"]}})
    trials = []
    for one in two_curves(study):
        proxy = "nano" if one.factors["decay.form"] == "linear" else "pico"
        trials.append(one.model_copy(update={"factors": {"proxy": proxy}}))
    answer = recommend(study, trials)
    assert answer.factors == {"proxy": "pico"}
    assert answer.sft_share == pytest.approx(0.3, abs=0.05)
    # Rows are told from the best of their own proxy, and the leaderboard says so.
    board = answer_study(study, trials).leaderboard
    assert board.best_words == "the best at its own proxy"
    for proxy in ("pico", "nano"):
        own = [row.posterior for row in board.rows if row.factors["proxy"] == proxy]
        assert sum(one.p_best for one in own if one) == pytest.approx(1.0)
    study = make_study(space={"sft_share": SHARES, "factors": FORMS})
    board = answer_study(study, two_curves(study)).leaderboard
    assert board.best_words == "the best"
    assert sum(row.posterior.p_best for row in board.rows if row.posterior) == pytest.approx(1.0)


def test_where_no_combination_has_enough_trials_it_refuses() -> None:
    study = make_study(
        space={
            "sft_share_range": [0.0, 1.0],
            "factors": {"decay.lr_ratio": {"low": 0.5, "high": 2}},
        }
    )
    trials = [
        observe(study, share, 0, 1.0).model_copy(
            update={"factors": {"decay.lr_ratio": 0.5 + share}}
        )
        for share in SHARES
    ]
    trials[0] = trials[0].model_copy(update={"scores": {"math": 0.5, "code": 0.5}})
    with pytest.raises(NotEnoughTrials, match=r"differ in decay\.lr_ratio too") as error:
        recommend(study, trials)
    # The first trial is the best by far: pretraining alone, three quarters of it web.
    assert str(error.value).endswith(
        "Best so far: 0 % SFT (web 0.75, books 0.25) at decay.lr_ratio 0.5"
    )


def test_rows_at_all_levels_are_ranked_by_one_fit() -> None:
    study = make_study(space={"sft_share": SHARES, "factors": FORMS})
    board = answer_study(study, two_curves(study)).leaderboard
    assert (board.surrogate, board.ranked_by) == ("search_gp", "posterior mean")
    posteriors = [row.posterior for row in board.rows if row.posterior is not None]
    assert len(posteriors) == 14
    assert sum(one.p_best for one in posteriors) == pytest.approx(1.0)
    truth = {
        (share, form): 1.0 + (share - 0.3) ** 2
        if form == "exponential"
        else 0.8 + (share - 0.8) ** 2
        for share in SHARES
        for form in FORMS["decay.form"]
    }
    for row in board.rows:
        assert row.posterior is not None
        expected = truth[row.sft_share, str(row.factors["decay.form"])]
        assert row.posterior.mean == pytest.approx(expected, abs=0.02)


def test_rows_of_each_proxy_are_compared_among_themselves() -> None:
    study = make_study(space={"sft_share": SHARES, "factors": {"proxy": ["pico", "nano"]}})
    trials = []
    for one in two_curves(study):
        proxy = "nano" if one.factors["decay.form"] == "linear" else "pico"
        trials.append(one.model_copy(update={"factors": {"proxy": proxy}}))
    board = answer_study(study, trials).leaderboard
    for proxy in ("pico", "nano"):
        own = [row.posterior for row in board.rows if row.factors["proxy"] == proxy]
        assert sum(one.p_best for one in own if one is not None) == pytest.approx(1.0)
