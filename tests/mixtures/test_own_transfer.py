"""The transfer score of a team's own trials, by hand and as `fit` writes it."""

import csv
import io
import json

import numpy as np
import pytest

from mixtures.own_answer import OwnAnswer, answer_own
from mixtures.own_report import files_of
from mixtures.own_tables import read_mixtures, read_scores
from mixtures.own_transfer import own_transfer, transfer_ranks
from mixtures.own_trials import join
from tests.mixtures.own_study import SOURCES, draw_shares, losses, table


@pytest.fixture(scope="module")
def answer() -> OwnAnswer:
    """One accuracy that follows the mixture, and one that is noise of the same size."""
    shares = draw_shares(40, 3)
    rng = np.random.default_rng(4)
    good = -losses(shares)[:, 0] + 0.005 * rng.standard_normal(40)
    noise = good.std() * rng.standard_normal(40)
    mixtures = read_mixtures(table(SOURCES, "t", shares), "m.csv")
    scores = read_scores(table(("arc", "dice"), "t", np.column_stack([good, noise])), "s.csv")
    return answer_own(
        join(mixtures, scores, None), is_loss=False, candidates=None, num_samples=200, seed=0
    )


def test_the_weights_are_weight_times_r_squared(answer: OwnAnswer) -> None:
    found = own_transfer(answer)
    assert found is not None
    by_hand = {}
    for name, stack in zip(answer.fit.names, answer.fit.stacks, strict=True):
        y = stack.trials.targets
        by_hand[name] = 1 - np.mean((y - stack.out_of_fold) ** 2) / np.var(y)
    assert found.r_squared == pytest.approx(by_hand)
    scaled = {name: 0.5 * max(r2, 0.0) for name, r2 in by_hand.items()}
    total = sum(scaled.values())
    assert found.weights == pytest.approx({n: w / total for n, w in scaled.items() if w > 0})
    assert found.weights["arc"] > 0.9


def test_means_are_the_weighted_means_of_the_metrics_in_their_own_direction(
    answer: OwnAnswer,
) -> None:
    found = own_transfer(answer)
    assert found is not None
    shares = draw_shares(5, 8)
    stacks = dict(zip(answer.fit.names, answer.fit.stacks, strict=True))
    expected = sum(
        -weight * stacks[name].predict(shares)[0] for name, weight in found.weights.items()
    )
    assert found.means(shares) == pytest.approx(expected)
    assert transfer_ranks(np.array([0.2, 0.5, 0.1]), -1.0).tolist() == [2, 1, 3]


def test_fit_writes_it_beside_the_objective(answer: OwnAnswer) -> None:
    files = files_of(answer)
    told = json.loads(files["recommendation.json"])["transfer"]
    rows = list(csv.DictReader(io.StringIO(files["trials.csv"])))
    first = next(row for row in rows if row["transfer_rank"] == "1")
    assert told["best"] == first["id"]
    assert told["predicted_mean"] == float(first["transfer_mean"])
    means = [float(row["transfer_mean"]) for row in rows]
    assert float(first["transfer_mean"]) == max(means)
    assert told["weights"]["arc"] > 0.9
