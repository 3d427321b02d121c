"""Aggregates are found by their arithmetic, and rows that break it are named."""

import numpy as np
import pytest

from mixtures.own_tables import Scores, read_scores
from mixtures.stored_aggregates import stored_aggregates

NAMES = ("arc", "boolq", "gsm8k", "piqa")


def scores_of(columns: dict[str, np.ndarray], digits: int = 6) -> Scores:
    names = list(columns)
    lines = [",".join(["id", *names])]
    lines += [
        ",".join([str(i), *(f"{columns[name][i]:.{digits}f}" for name in names)])
        for i in range(len(columns[names[0]]))
    ]
    return read_scores("\n".join(lines), "s.csv")


def metrics(num_rows: int = 30, seed: int = 0) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(seed)
    return {name: rng.random(num_rows) for name in NAMES}


def test_a_mean_of_all_is_found_and_its_wrong_rows_with_it() -> None:
    columns = metrics()
    average = np.mean(list(columns.values()), axis=0)
    stored = average.copy()
    stored[[3, 17]] += 0.2
    (found,) = stored_aggregates(scores_of({**columns, "Average": stored}))
    assert found.column == "Average"
    assert found.weights == dict.fromkeys(NAMES, 0.25)
    assert found.wrong_rows == (3, 17)
    assert found.recomputed == pytest.approx(average, abs=1e-6)


def test_its_name_need_not_say_so() -> None:
    columns = metrics()
    (found,) = stored_aggregates(
        scores_of({"objective": np.mean(list(columns.values()), axis=0), **columns})
    )
    assert (found.column, found.wrong_rows) == ("objective", ())


def test_an_average_of_some_columns_is_found_with_its_weights() -> None:
    columns = metrics()
    stored = (columns["arc"] + columns["gsm8k"]) / 2
    stored[5] = 0.99
    (found,) = stored_aggregates(scores_of({**columns, "avg": stored}))
    assert found.weights == {"arc": 0.5, "gsm8k": 0.5}
    assert found.wrong_rows == (5,)


def test_unequal_weights_are_found() -> None:
    columns = metrics()
    stored = 0.7 * columns["arc"] + 0.3 * columns["piqa"]
    (found,) = stored_aggregates(scores_of({**columns, "overall": stored}))
    assert found.weights == pytest.approx({"arc": 0.7, "piqa": 0.3}, abs=1e-4)


def test_groups_and_the_mean_over_groups_and_others_are_all_found() -> None:
    columns = metrics()
    group = {"mmlu/law": columns["arc"], "mmlu/math": columns["boolq"]}
    mmlu = (columns["arc"] + columns["boolq"]) / 2
    found = stored_aggregates(
        scores_of({"mmlu": mmlu, **group, "gsm8k": columns["gsm8k"], "piqa": columns["piqa"]})
    )
    assert [one.column for one in found] == ["mmlu"]
    assert found[0].weights == {"mmlu/law": 0.5, "mmlu/math": 0.5}


def test_rounding_is_no_error_but_more_than_rounding_is() -> None:
    columns = {name: values.round(2) for name, values in metrics().items()}
    stored = np.mean(list(columns.values()), axis=0).round(2)
    stored[4] += 0.03
    (found,) = stored_aggregates(scores_of({**columns, "avg": stored}, digits=2))
    assert found.wrong_rows == (4,)


def test_a_missing_part_is_not_called_a_wrong_row() -> None:
    columns = metrics()
    stored = np.mean(list(columns.values()), axis=0)
    columns["arc"][2] = np.nan
    (found,) = stored_aggregates(scores_of({**columns, "avg": stored}))
    assert found.wrong_rows == ()
    assert np.isnan(found.recomputed[2])


def test_independent_metrics_have_no_aggregate_whatever_they_are_called() -> None:
    columns = metrics()
    assert stored_aggregates(scores_of(columns)) == []
    unrelated = np.random.default_rng(7).random(30)
    assert stored_aggregates(scores_of({**columns, "average": unrelated})) == []


def test_columns_that_never_move_are_no_aggregate() -> None:
    constant = {name: np.full(20, 0.5) for name in NAMES}
    assert stored_aggregates(scores_of({**constant, "avg": np.full(20, 0.5)})) == []
