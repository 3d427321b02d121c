from collections.abc import Callable

import numpy as np
import pytest

from mixtures.best_share import BestShare, best_share
from mixtures.rank import Observation
from mixtures.recommend import NotEnoughTrials, recommend
from mixtures.recommendation import Recommendation
from mixtures.surrogates.share_gp import fit_share_gp
from mixtures.value import canonical_json, hash_text
from tests.mixtures.share_study import SWEEP, make_study, observe, observe_curve

Curve = Callable[[float], float]

CURVES: dict[str, Curve] = {
    "steep at 0": lambda s: 4 + 1.2 * np.exp(-s / 0.05) + 0.25 * (s - 0.6) ** 2,
    "very steep at 0": lambda s: 4 + 1.2 * np.exp(-s / 0.02) + 0.6 * np.abs(s - 0.36) ** 1.5,
    "falling to 1": lambda s: 4 + np.exp(-s / 0.15),
    "a shallow bowl": lambda s: 4 + 0.3 * (s - 0.4) ** 2,
    "rising at 1": lambda s: 4 + 0.5 * np.exp(-s / 0.05) + 0.3 * np.exp((s - 1) / 0.03),
}
NOISES: dict[str, Curve] = {
    "quiet": lambda s: 0.005,
    "loud": lambda s: 0.03,
    "loud at 0": lambda s: 0.05 - 0.045 * s,
    "loud at 1": lambda s: 0.005 + 0.045 * s,
}


def bowl(share: float) -> float:
    return 4 + 1.2 * float(np.exp(-share / 0.05)) + 0.5 * (share - 0.6) ** 2


def quiet_trials() -> list[Observation]:
    return observe_curve(make_study(), bowl, 0.005, np.random.default_rng(0))


def fit_best(trials: list[Observation]) -> BestShare:
    fit = fit_share_gp(
        [trial.sft_share for trial in trials],
        [trial.seed for trial in trials],
        [trial.scores["math"] for trial in trials],
    )
    return best_share(fit, SWEEP, grid_step=0.04)


def test_a_clear_bowl_is_found_and_said_in_one_sentence() -> None:
    study = make_study()
    answer = recommend(study, quiet_trials())
    assert answer.sft_share == pytest.approx(0.6, abs=0.08)
    low, high = answer.interval
    assert 0.3 < low <= answer.sft_share <= high < 0.9
    assert answer.intervals == ((low, high),)
    assert answer.enough_evidence
    assert answer.mixture == study.mixture_at(answer.sft_share)
    assert answer.sentence == (
        f"Decay on {100 * answer.sft_share:.3g} % SFT; {100 * low:.3g} to {100 * high:.3g} % "
        "cannot be told from it (24 trials, 12 mixtures, 2 seeds)."
    )
    assert answer.predicted_mean == pytest.approx(bowl(0.6), abs=0.05)
    assert answer.evidence.out_of_fold_spearman is not None
    assert answer.evidence.out_of_fold_spearman > 0.9


def test_the_same_trials_in_another_order_give_the_same_recommendation() -> None:
    study, trials = make_study(), quiet_trials()
    answer = recommend(study, trials)
    assert recommend(study, trials[::-1]) == answer
    assert Recommendation.model_validate_json(answer.model_dump_json()) == answer


def test_probabilities_are_over_the_tried_shares_and_sum_to_one() -> None:
    answer = recommend(make_study(), quiet_trials())
    assert tuple(item.sft_share for item in answer.p_best) == SWEEP
    assert sum(item.probability for item in answer.p_best) == pytest.approx(1.0)
    likely = max(answer.p_best, key=lambda item: item.probability)
    assert likely.sft_share in (0.5, 0.6, 0.64)


def test_baselines_are_compared_with_from_the_fit() -> None:
    answer = recommend(make_study(), quiet_trials())
    compared = {item.baseline: item for item in answer.compared_with}
    pretrain = compared["pretrain_only"]
    assert pretrain.difference == pytest.approx(bowl(0.6) - bowl(0.0), abs=0.05)
    assert pretrain.interval[0] < pretrain.difference < pretrain.interval[1] < 0
    assert pretrain.probability_better == 1.0
    assert 0.1 < compared["paper"].probability_better < 0.95


def test_the_curve_is_a_thinned_grid_with_its_interval_around_it() -> None:
    curve = recommend(make_study(), quiet_trials()).curve
    assert len(curve.sft_share) == len(curve.mean) == len(curve.low) == len(curve.high) == 101
    assert curve.sft_share[:2] == (0.0, 0.01)
    for low, mean, high in zip(curve.low, curve.mean, curve.high, strict=True):
        assert low < mean < high


def test_evidence_is_named_by_the_scores_that_were_used() -> None:
    study, trials = make_study(), quiet_trials()
    expected = sorted((t.trial_id, sorted(t.scores.items())) for t in trials)
    evidence = recommend(study, trials).evidence
    assert evidence.as_of == hash_text(canonical_json(expected))
    assert (evidence.num_trials, evidence.num_mixtures, evidence.num_seeds) == (24, 12, 2)


def test_nothing_outside_the_shares_tried_is_recommended_or_drawn() -> None:
    study = make_study()
    trials = observe_curve(
        study, lambda s: 5 - s, 0.005, np.random.default_rng(1), shares=(0.1, 0.2, 0.3, 0.4, 0.5)
    )
    answer = recommend(study, trials)
    assert answer.sft_share == 0.5
    assert (answer.curve.sft_share[0], answer.curve.sft_share[-1]) == (0.1, 0.5)
    assert answer.compared_with == ()
    assert any("Baseline paper lies outside" in note for note in answer.notes)
    assert any("at the edge, the highest that was tried (50 %)" in note for note in answer.notes)
    assert any("Only 5 shares were tried" in note for note in answer.notes)


def test_too_few_shares_are_refused_with_the_number_missing() -> None:
    study = make_study()
    trials = [observe(study, share, 0, math=3.0, code=3.0) for share in (0.0, 0.5)]
    with pytest.raises(NotEnoughTrials, match=r"there are 2, so 2 more shares are needed"):
        recommend(study, trials)
    with pytest.raises(NotEnoughTrials, match=r"there are 0, so 4 more"):
        recommend(study, [])
    trials.append(observe(study, 1.0, 0, math=3.0, code=3.0))
    with pytest.raises(NotEnoughTrials, match=r"there are 3, so 1 more share is needed"):
        recommend(study, trials)


def test_trials_off_the_line_and_trials_without_a_score_are_left_out_and_named() -> None:
    study, trials = make_study(), quiet_trials()
    off = observe(study, 0.5, 7, math=0.1, code=0.1)
    off = off.model_copy(
        update={"trial_id": "off", "shares": {"web": 0.5, "chat": 0.5, "proofs": 0.0, "books": 0.0}}
    )
    partial = observe(study, 0.3, 9, math=0.1)
    answer = recommend(study, [*trials, off, partial])
    assert answer.evidence == recommend(study, trials).evidence
    assert any(note.startswith("Left out of the fit") and "off" in note for note in answer.notes)
    assert any("Trial t0.3-9 is left out" in note for note in answer.notes)


def test_benchmarks_that_disagree_are_named_with_their_shares() -> None:
    study = make_study()
    rng = np.random.default_rng(2)
    trials = [
        observe(
            study,
            share,
            seed,
            math=4 - share + 0.005 * rng.standard_normal(),
            code=3 + share + 0.005 * rng.standard_normal(),
        )
        for seed in (0, 1)
        for share in SWEEP
    ]
    answer = recommend(study, trials)
    best = {item.benchmark: item.best_share for item in answer.per_benchmark}
    assert best == {"math": 1.0, "code": 0.0}
    (note,) = [note for note in answer.notes if note.startswith("Benchmarks disagree")]
    assert "code is best at 0 %" in note and "math at 100 %" in note


def test_one_seed_is_said_to_leave_the_noise_to_the_fit() -> None:
    study = make_study()
    trials = observe_curve(study, bowl, 0.005, np.random.default_rng(3), seeds=(0,))
    answer = recommend(study, trials)
    assert any(note.startswith("One seed only") for note in answer.notes)
    assert answer.sentence.endswith("(12 trials, 12 mixtures, 1 seed).")


def test_pieces_that_do_not_touch_are_listed_and_the_interval_is_their_hull() -> None:
    # Draws by hand: two valleys, a ridge that every draw puts above both.
    best = BestShare(
        shares=np.array([0.0, 0.25, 0.5, 0.75, 1.0]),
        on_grid=np.array([True, True, True, True, True]),
        mean=np.array([2.0, 0.0, 3.0, 0.1, 0.2]),
        sd=np.ones(5),
        draws=np.array([[2, 0.0, 3, 0.5, 0.1], [2, 0.0, 3, -0.5, 0.3], [2, 0.0, 3, 0.2, -0.1]]),
        index=1,
    )
    assert best.like_the_best() == [(0.25, 0.25), (0.75, 1.0)]
    assert best.probability_lowest([1, 3, 4]) == pytest.approx([1 / 3, 1 / 3, 1 / 3])
    assert best.lowest_point_interval() == (0.25, 1.0)
    assert best.difference(0).tolist() == [-2.0, -2.0, -2.0]


def test_a_curve_is_not_flat_where_one_share_is_worse_in_nearly_every_draw() -> None:
    # One draw of a hundred says that share 1 is better: below .05 / 2, and not below .05 / 10.
    draws = np.column_stack([np.zeros(100), np.where(np.arange(100) == 0, -1.0, 1.0)])
    shares, marks = np.array([0.0, 1.0]), np.array([True, True])
    best = BestShare(shares=shares, on_grid=marks, mean=shares, sd=np.ones(2), draws=draws, index=0)
    assert not best.is_flat([0, 1])
    assert best.is_flat([0, 1] * 5)


def test_the_interval_of_shares_holds_the_true_best_in_simulated_studies() -> None:
    # 200 studies of 12 shares on 2 seeds: each curve with each noise, ten times.
    rng = np.random.default_rng(4)
    study, grid = make_study(), np.round(np.arange(0, 1.001, 0.04), 2)
    held: list[bool] = []
    widths: dict[str, list[float]] = {name: [] for name in NOISES}
    for curve in CURVES.values():
        true = float(grid[np.argmin([curve(s) for s in grid])])
        for name, noise in NOISES.items():
            for _ in range(10):
                best = fit_best(observe_curve(study, curve, noise, rng))
                pieces = best.like_the_best()
                held.append(any(low <= true <= high for low, high in pieces))
                widths[name].append(sum(high - low for low, high in pieces))
    assert len(held) == 200
    assert np.mean(held) >= 0.93
    assert np.mean(widths["quiet"]) < 0.5
    assert np.max(widths["quiet"]) < 1.0
    assert np.mean(widths["quiet"]) < np.mean(widths["loud"])


@pytest.mark.parametrize("noise", ["loud", "loud at 0", "loud at 1"])
def test_studies_of_pure_noise_are_called_not_enough_evidence(noise: str) -> None:
    rng = np.random.default_rng(5)
    flat = []
    for _ in range(20):
        best = fit_best(observe_curve(make_study(), lambda s: 4.0, NOISES[noise], rng))
        flat.append(best.is_flat([best.column(share) for share in SWEEP]))
    assert np.mean(flat) >= 0.9


def test_a_flat_study_says_so_in_its_sentence_and_notes() -> None:
    study = make_study()
    trials = observe_curve(study, lambda s: 4.0, 0.03, np.random.default_rng(7))
    answer = recommend(study, trials)
    assert not answer.enough_evidence
    assert answer.sentence.startswith("Not enough evidence to prefer a share")
    assert any("flat within the noise" in note for note in answer.notes)
