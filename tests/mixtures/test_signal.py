"""Signal to noise by hand on small tables, and on made-up studies with known spread."""

import numpy as np
import pytest

from mixtures.rank import Observation
from mixtures.signal import signal
from mixtures.study import StudySpec
from tests.mixtures.share_study import make_study, observe

SHARES = (0.0, 0.25, 0.5, 0.75, 1.0)


def table(study: StudySpec, values: dict[float, list[float]]) -> list[Observation]:
    """Values by share, one a seed, on the benchmark `math`."""
    return [
        observe(study, share, seed, math=value)
        for share, row in values.items()
        for seed, value in enumerate(row)
    ]


def test_signal_and_noise_by_hand() -> None:
    study = make_study(("math",))
    # Means 1, 3; seed effects -1, 1 (of a difference 2); residuals .5, -.5, -.5, .5: RSS 1 on one
    # free value, so the noise has variance 1. Spread of means 2, less 1 / 2 for two seeds: 1.5.
    found = signal(study, {"bits_per_byte": table(study, {0.0: [0.5, 1.5], 1.0: [1.5, 4.5]})})
    row = found.rows[0]
    assert row.noise_sd == pytest.approx(1.0)
    assert row.signal_sd == pytest.approx(np.sqrt(1.5))
    assert row.ratio == pytest.approx(np.sqrt(1.5))
    assert (row.num_mixtures, row.num_trials, row.is_weak) == (2, 4, False)


def test_a_common_seed_effect_is_no_noise() -> None:
    study = make_study(("math",))
    rng = np.random.default_rng(0)
    values = {s: (s + 0.01 * rng.standard_normal(3)).tolist() for s in SHARES}
    shifted = {s: [v + 5.0 * k for k, v in enumerate(row)] for s, row in values.items()}
    plain = signal(study, {"bits_per_byte": table(study, values)}).rows[0]
    moved = signal(study, {"bits_per_byte": table(study, shifted)}).rows[0]
    assert moved.noise_sd == pytest.approx(plain.noise_sd)
    assert moved.ratio == pytest.approx(plain.ratio)
    assert plain.ratio is not None and plain.ratio > 10


def test_known_spread_and_noise_are_found() -> None:
    study = make_study(("math",))
    rng = np.random.default_rng(1)
    ratios = []
    for _ in range(200):
        effects = rng.standard_normal(8) * 2.0
        values = {
            i / 7: (effect + rng.standard_normal(3)).tolist() for i, effect in enumerate(effects)
        }
        row = signal(study, {"bits_per_byte": table(study, values)}).rows[0]
        assert row.noise_sd is not None
        ratios.append((row.signal_sd**2, row.noise_sd**2))
    assert np.mean(ratios, axis=0) == pytest.approx([4.0, 1.0], rel=0.1)


def test_pure_noise_is_flagged() -> None:
    study = make_study(("math",))
    rng = np.random.default_rng(2)
    values = {share: rng.standard_normal(3).tolist() for share in SHARES}
    found = signal(study, {"bits_per_byte": table(study, values)})
    assert found.rows[0].is_weak
    assert "1 of 1 are weak" in found.notes[0]


def test_metrics_agree_in_the_sense_of_better() -> None:
    """Bits fall where accuracy rises: that is agreement, whatever the signs of the numbers."""
    choices = {"name": "picks", "files": ["a.jsonl"], "prompt": "{{ q }}"}
    choices |= {"choices": "{{ c }}", "gold": "{{ g }}"}
    base = make_study().model_dump(mode="json")
    study = StudySpec.model_validate({**base, "benchmarks": [choices]})

    def scores(sign: float) -> list[Observation]:
        return [observe(study, s, k, picks=sign * s + 0.01 * k) for s in SHARES for k in (0, 1)]

    found = signal(study, {"acc": scores(1), "bits_per_byte": scores(-1), "brier": scores(1)})
    rows = {row.metric: row for row in found.rows}
    assert list(rows) == ["bits_per_byte", "acc", "brier"]
    assert rows["acc"].agreement == pytest.approx(1.0)
    assert rows["brier"].agreement == pytest.approx(-1.0)
    assert rows["bits_per_byte"].agreement is None
    pairs = {(one.first, one.second): one.spearman for one in found.agreements}
    assert pairs["acc", "brier"] == pytest.approx(-1.0)


def test_one_seed_leaves_the_noise_unknown() -> None:
    study = make_study(("math",))
    found = signal(study, {"bits_per_byte": table(study, {s: [s] for s in SHARES})})
    row = found.rows[0]
    assert (row.noise_sd, row.ratio, row.is_weak) == (None, None, False)
    assert "two seeds" in found.notes[0]


def test_no_trial_is_no_error() -> None:
    assert signal(make_study(), {}).notes == ("No completed trial yet.",)


def test_a_mixture_that_missed_a_seed_is_put_on_the_others_level() -> None:
    study = make_study(("math",))
    full = {s: [s, s + 1.0] for s in SHARES}
    observations = table(study, full)
    missing = [one for one in observations if (one.sft_share, one.seed) != (0.5, 1)]
    rows = [signal(study, {"bits_per_byte": some}).rows[0] for some in (observations, missing)]
    # Without noise the level of a mixture is its own, whichever seeds it ran on.
    assert rows[1].signal_sd == pytest.approx(rows[0].signal_sd, abs=1e-9)
