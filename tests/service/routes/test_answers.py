"""Leaderboard, recommendation and signal, from trials whose true curve is known."""

import csv
import io
import threading

from fastapi.testclient import TestClient

from tests.service.conftest import SMALL_STUDY, StartService, finished_study
from tests.service.pretend_runner import PretendRunner


def test_leaderboard_puts_the_best_share_first(client: TestClient) -> None:
    study_id = finished_study(client)
    board = client.get(f"/v1/studies/{study_id}/leaderboard").json()
    assert board["num_trials"] == 14
    assert [row["sft_share"] for row in board["rows"]][:2] in ([0.6, 0.64], [0.64, 0.6])
    assert board["rows"][-1]["sft_share"] == 0.0
    first = board["rows"][0]
    low, high = first["interval"]
    assert low < first["mean"] < high
    assert {pair["baseline"] for pair in first["paired"]} == {"pretrain_only", "paper"}


def test_the_csv_holds_the_numbers_of_the_json(client: TestClient) -> None:
    study_id = finished_study(client)
    path = f"/v1/studies/{study_id}/leaderboard"
    board = client.get(path).json()
    response = client.get(path, params={"format": "csv"})
    assert response.headers["content-type"].startswith("text/csv")
    rows = list(csv.DictReader(io.StringIO(response.text)))
    assert [float(row["mean"]) for row in rows] == [row["mean"] for row in board["rows"]]
    assert [float(row["score:test_sums"]) for row in rows] == [
        row["scores"]["test_sums"] for row in board["rows"]
    ]
    posteriors = [row["posterior"] for row in board["rows"]]
    assert [float(row["posterior_mean"]) for row in rows] == [one["mean"] for one in posteriors]
    assert [float(row["p_top_3"]) for row in rows] == [one["p_top_k"] for one in posteriors]
    assert [row["tie_group"] for row in rows] == [str(one["in_tie_group"]) for one in posteriors]
    assert [float(row["epochs:text"] or 0) for row in rows] == [
        row["epochs"].get("text", {"proxy": 0})["proxy"] for row in board["rows"]
    ]
    assert [float(row["share:sums"]) for row in rows] == [
        row["shares"]["sums"] for row in board["rows"]
    ]


def test_the_recommendation_finds_the_lowest_point(client: TestClient) -> None:
    study_id = finished_study(client)
    found = client.get(f"/v1/studies/{study_id}/recommendation").json()
    assert abs(found["sft_share"] - 0.6) < 0.06
    low, high = found["interval"]
    assert low <= 0.6 <= high
    assert high - low < 0.4
    assert found["enough_evidence"] is True


def test_too_few_trials_give_no_recommendation(start_service: StartService) -> None:
    with start_service(PretendRunner(gate=threading.Event())) as client:
        study_id = client.post("/v1/studies", json=SMALL_STUDY).json()["id"]
        for path in ("recommendation", "export"):
            response = client.get(f"/v1/studies/{study_id}/{path}")
            assert response.status_code == 409
            assert response.headers["content-type"] == "application/problem+json"
        assert client.get(f"/v1/studies/{study_id}/leaderboard").json()["rows"] == []


def test_signal_has_a_row_for_each_benchmark_and_metric(client: TestClient) -> None:
    study_id = finished_study(client)
    found = client.get(f"/v1/studies/{study_id}/signal").json()
    assert found["metric"] == "bits_per_byte"
    study = client.get(f"/v1/studies/{study_id}").json()["spec"]
    names = [benchmark["name"] for benchmark in study["benchmarks"]]
    assert [row["benchmark"] for row in found["rows"]] == names
    assert all(row["num_trials"] == 14 and row["num_mixtures"] == 7 for row in found["rows"])
    assert all(row["ratio"] > 1 and not row["is_weak"] for row in found["rows"][:1])
