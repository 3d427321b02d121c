"""What the transfer benchmark makes of its losses, on curves whose answer is known."""

import json
import math
from pathlib import Path

import numpy as np
import pytest

from bench.mup_transfer import (
    BATCH,
    CONTEXT,
    Run,
    batches,
    finished,
    loss_at,
    optimum,
    resampled_shifts,
    seed_noise,
)

RATES = np.arange(-10.0, -3.0)


def parabola(lowest_at: float) -> np.ndarray:
    return 3.5 + 0.05 * (RATES - lowest_at) ** 2


def run(seed: int) -> Run:
    return Run(width=64, base_width=64, log2_rate=-8, seed=seed, steps=10, variant="plain")


@pytest.mark.parametrize("lowest_at", [-8.4, -7.0, -5.6])
def test_the_optimum_of_a_parabola_is_its_vertex(lowest_at: float) -> None:
    found = optimum(RATES, parabola(lowest_at))
    assert found.is_inside
    assert found.log2_rate == pytest.approx(lowest_at)
    assert found.loss == pytest.approx(3.5)


@pytest.mark.parametrize("lowest_at", [-11.0, -3.0])
def test_a_best_rate_at_the_edge_of_the_grid_is_no_optimum(lowest_at: float) -> None:
    assert not optimum(RATES, parabola(lowest_at)).is_inside


def test_a_best_rate_beside_a_diverged_one_is_no_optimum() -> None:
    losses = parabola(-7.0)
    losses[4:] = math.inf
    found = optimum(RATES, losses)
    assert (found.log2_rate, found.is_inside) == (-7.0, False)


def test_a_transferred_rate_is_read_off_the_curve() -> None:
    assert loss_at(-6.3, RATES, parabola(-8.0)) == pytest.approx(3.5 + 0.05 * 1.7**2)
    # A curve that is no parabola goes through its own points.
    assert loss_at(-6.0, RATES, np.abs(RATES + 8)) == pytest.approx(2.0)


def test_every_resample_of_the_seeds_is_taken_for_both_widths_at_once() -> None:
    # Seeds 0 and 1 of the narrow width have their optimum at -8 and -7; the wide one's is half an
    # octave lower in both. Curvatures are equal, so the mean of two has the mean optimum.
    narrow = np.stack([parabola(-8.0), parabola(-7.0)], axis=1)
    wide = np.stack([parabola(-8.5), parabola(-7.5)], axis=1)
    shifts = list(resampled_shifts(RATES, np.stack([narrow, wide])))
    assert shifts == pytest.approx([-0.5] * 4)


def test_noise_is_pooled_over_the_best_rate_and_its_neighbours() -> None:
    losses = np.stack([parabola(-7.0)] * 3, axis=1)
    losses[2:5] += np.array([[0.1, 0.0, -0.1], [0.2, 0.0, -0.2], [0.0, 0.0, 0.0]])
    losses[0] += np.array([5.0, 0.0, -5.0])
    # Variances .01, .04 and 0 over three seeds.
    assert seed_noise(losses) == pytest.approx(math.sqrt(0.05 / 3))


def test_all_runs_end_on_the_same_text_and_seeds_begin_with_their_own() -> None:
    tokens = np.arange(CONTEXT * 100 + 1)
    first, second = batches(tokens, run(0)), batches(tokens, run(1))
    assert first.shape == (10, BATCH, CONTEXT + 1)
    assert np.array_equal(first[-2:], second[-2:])
    assert not np.array_equal(first[:-2], second[:-2])
    # No sequence twice.
    assert len({row[0] for row in first.reshape(-1, CONTEXT + 1)}) == 10 * BATCH


def test_finished_runs_are_known_again_and_a_cut_off_line_is_not(tmp_path: Path) -> None:
    lines = [{"key": run(0).key, "loss": 3.25}, {"key": run(1).key, "loss": None}]
    text = "\n".join(json.dumps(line) for line in lines) + '\n{"key": "abc", "lo'
    (tmp_path / "runs.jsonl").write_text(text, encoding="utf-8")
    assert dict(finished(tmp_path / "runs.jsonl")) == {run(0).key: 3.25, run(1).key: math.inf}
    assert dict(finished(tmp_path / "none.jsonl")) == {}
