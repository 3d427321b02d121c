"""A study's trials as the fit takes them."""

import numpy as np
import pytest

from mixtures.observation import Observation
from mixtures.study_trials import study_trials
from tests.mixtures.outside_study import make_outside_study

WEB, CHAT = {"web": 0.7, "books": 0.3}, {"web": 0.5, "chat": 0.5}


def observed(trial: str, shares: dict[str, float], seed: int, **scores: float) -> Observation:
    return Observation(trial_id=trial, shares=shares, sft_share=0.0, seed=seed, scores=scores)


def test_a_mixture_is_one_point_with_its_runs_without_what_the_seed_does() -> None:
    study = make_outside_study(
        objective={"metric": "loss", "better": "lower", "weights": {"math": 3}}
    )
    trials = study_trials(
        study,
        [
            observed("a", WEB, 0, math=3.0, code=1.0),
            observed("b", CHAT, 0, math=6.0, code=2.0),
            observed("c", WEB, 1, math=1.0, code=1.0),
            observed("d", CHAT, 1, math=4.0, code=2.0),
        ],
    )
    assert trials.sources == ("web", "books", "chat", "proofs")
    assert trials.shares.tolist() == [[0.5, 0, 0.5, 0], [0.7, 0.3, 0, 0]]
    assert trials.point_of == {"a": 1, "b": 0}
    assert trials.weights == {"math": 0.75, "code": 0.25}
    # The seeds lie 1 above and below in both.
    assert np.array(trials.values["math"]) == pytest.approx(np.array([[5.0, 5.0], [2.0, 2.0]]))
    assert trials.values["code"] == ((2.0, 2.0), (1.0, 1.0))
    # Raw, as it was measured: (3 math + code) / 4.
    assert trials.objective == {"a": (2.5, 1.0), "b": (5.0, 3.5)}
    assert trials.seed_df == {"math": pytest.approx(1.0), "code": 0.0}


def test_noise_is_known_with_the_degrees_of_freedom_that_the_seeds_leave() -> None:
    rng = np.random.default_rng(0)
    noise, known = [], []
    for _ in range(300):
        effects = rng.standard_normal(2)
        trials = study_trials(
            make_outside_study(),
            [
                observed(f"{m}{s}", shares, s, math=effects[s] + rng.normal(0, 0.1), code=0.0)
                for m, shares in enumerate((WEB, CHAT, {"web": 1.0}, {"books": 1.0}))
                for s in (0, 1)
            ],
        )
        found = trials.trials("math", 1.0, np.zeros(4, dtype=np.int64))
        noise.append(found.noise_variance)
        known.append(found.noise_df)
    # Of four repeats one goes to the seeds, unless these happen to differ by no more than noise.
    assert np.mean(np.array(known) < 3.5) > 0.9
    # Drawn to zero by their own noise the seeds leave a little of theirs.
    assert np.mean(noise) == pytest.approx(0.01, rel=0.15)


def test_a_benchmark_that_only_sums_up_others_is_taken_apart() -> None:
    study = make_outside_study(benchmarks=[{"name": n} for n in ("math", "code", "average")])
    rng = np.random.default_rng(0)
    trials = []
    for place in range(8):
        math, code = (round(x, 3) for x in rng.random(2).tolist())
        shares = {"web": place / 10, "books": 1 - place / 10}
        scores = {"math": math, "code": code, "average": (math + code) / 2}
        trials.append(observed(f"t{place}", shares, 0, **scores))
    assert study_trials(study, trials).weights == pytest.approx({"math": 0.5, "code": 0.5})
