"""How answers move, over REST, from trials whose true curves are known."""

import threading
from typing import Any

import pytest
from fastapi.testclient import TestClient

from tests.service.conftest import SMALL_STUDY, StartService, finished_study
from tests.service.pretend_runner import PretendRunner


def test_the_transfer_score_weighs_benchmarks_by_what_is_predictable(client: TestClient) -> None:
    study_id = finished_study(client)
    found = client.get(f"/v1/studies/{study_id}/transfer").json()
    weights = {one["benchmark"]: one["transfer_weight"] for one in found["benchmarks"]}
    assert weights.keys() == {"test_sums", "held_out"}
    assert sum(weights.values()) == pytest.approx(1.0)
    assert found["objective"]["metric"] == "bits_per_byte"


def test_each_benchmark_has_its_best_share(client: TestClient) -> None:
    study_id = finished_study(client)
    found = client.get(f"/v1/studies/{study_id}/best-shares").json()
    own = client.get(f"/v1/studies/{study_id}/recommendation").json()
    by_name = {one["name"]: one for one in found["parts"] if one["kind"] == "benchmark"}
    assert by_name.keys() == {one["benchmark"] for one in own["per_benchmark"]}
    for one in own["per_benchmark"]:
        assert by_name[one["benchmark"]]["sft_share"] == pytest.approx(one["best_share"], abs=0.011)


def test_the_leaderboard_can_be_ordered_by_the_transfer_score(client: TestClient) -> None:
    study_id = finished_study(client)
    path = f"/v1/studies/{study_id}/leaderboard"
    own = client.get(path).json()
    board = client.get(path, params={"objective": "transfer"}).json()
    transfer = client.get(f"/v1/studies/{study_id}/transfer").json()
    weights = {one["benchmark"]: one["transfer_weight"] for one in transfer["benchmarks"]}
    for row in board["rows"]:
        expected = sum(weights[name] * score for name, score in row["scores"].items())
        assert row["mean"] == pytest.approx(expected)
    assert board["objective"] == "transfer"
    assert "transfer score" in board["notes"][0]
    # Asking for the one does not change the other.
    assert client.get(path).json() == own
    assert own["objective"] == "own"
    assert client.get(path, params={"objective": "fame"}).status_code == 422


def test_the_front_is_over_groups_unless_objectives_are_named(client: TestClient) -> None:
    study_id = finished_study(client)
    path = f"/v1/studies/{study_id}/pareto"
    found = client.get(path).json()
    assert [one["name"] for one in found["objectives"]] == ["reasoning", "text"]
    assert len(found["rows"]) == 7
    assert all(0 <= row["p_on_front"] <= 1 for row in found["rows"])
    assert any(row["on_front"] for row in found["rows"])
    named = client.get(path, params={"objective": ["held_out", "test_sums"]}).json()
    assert [one["name"] for one in named["objectives"]] == ["held_out", "test_sums"]
    response = client.get(path, params={"objective": ["held_out", "chess"]})
    assert response.status_code == 422
    assert "names no benchmark and no group" in response.json()["detail"]
    assert response.json()["errors"][0]["field"] == "objective"


def test_the_effect_of_the_share_is_told_of_the_objective_or_of_a_benchmark(
    client: TestClient,
) -> None:
    study_id = finished_study(client)
    path = f"/v1/studies/{study_id}/effects"
    found = client.get(path).json()
    (one,) = found["factors"]
    assert one["factor"] == "sft_share"
    assert len(one["shares"]) == len(one["effect"]) == len(one["low"]) == len(one["high"])
    of_text = client.get(path, params={"objective": "held_out"}).json()
    assert of_text["objective"] == "held_out"
    assert client.get(path, params={"objective": "chess"}).status_code == 422


def test_two_proxies_are_compared_and_two_give_no_extrapolation(client: TestClient) -> None:
    ids = [
        finished_study(client, {**SMALL_STUDY, "name": preset, "proxy": proxy})
        for preset, proxy in (
            ("pico", "pico"),
            ("nano", {"preset": "nano", "vocab_size": 2048, "context_tokens": 256}),
        )
    ]
    found = client.get("/v1/across-proxies", params={"study": ids}).json()
    assert [one["study"] for one in found["studies"]] == ["pico", "nano"]
    assert [one["parameters"] for one in found["studies"]] == [394_080, 6_033_664]
    assert found["pairs"][0]["num_mixtures"] == 7
    assert found["extrapolation"] is None
    assert "expected 3 or more" in found["no_extrapolation"]


def test_what_is_wrong_with_the_studies_is_said(client: TestClient) -> None:
    study_id = finished_study(client)

    def refusal(**given: Any) -> tuple[int, str]:
        response = client.get("/v1/across-proxies", params=given)
        return response.status_code, response.json()["detail"]

    assert refusal(study=[study_id])[0] == 422
    assert refusal(study=[study_id, "nobody"])[0] == 404
    status, words = refusal(study=[study_id, study_id])
    assert (status, "two different studies" in words) == (422, True)
    status, words = refusal(study=[study_id, study_id], parameters=[5])
    assert (status, "1 numbers for 2 studies" in words) == (422, True)


def test_before_there_are_trials_each_says_what_is_missing(start_service: StartService) -> None:
    with start_service(PretendRunner(gate=threading.Event())) as client:
        study_id = client.post("/v1/studies", json=SMALL_STUDY).json()["id"]
        for path in ("transfer", "best-shares", "pareto", "effects"):
            response = client.get(f"/v1/studies/{study_id}/{path}")
            assert response.status_code == 409, path
            assert "4 SFT shares or more; there are 0" in response.json()["detail"]


def test_an_outside_study_needs_the_size_of_its_model(client: TestClient) -> None:
    ids = []
    for name in ("small", "large"):
        study = {
            "name": name,
            "trained_by": "outside",
            "sources": [
                {"name": "web", "kind": "pretrain", "tokens": 800_000},
                {"name": "chat", "kind": "sft", "tokens": 60_000},
            ],
            "benchmarks": [{"name": "math"}],
            "objective": {"metric": "loss", "better": "lower"},
            "space": {"sft_share": [0.0, 0.25, 0.5, 0.75, 1.0]},
            "baselines": {},
            "seeds": [0],
        }
        study_id = client.post("/v1/studies", json=study).json()["id"]
        rows = [f"{1 - s},{s},{(s - 0.5) ** 2}" for s in (0.0, 0.25, 0.5, 0.75, 1.0)]
        response = client.post(
            f"/v1/studies/{study_id}/import",
            content="\n".join(["web,chat,math", *rows]),
            headers={"Content-Type": "text/csv"},
        )
        assert response.status_code in (200, 201), response.text
        ids.append(study_id)
    response = client.get("/v1/across-proxies", params={"study": ids})
    assert response.status_code == 422
    assert "is trained outside" in response.json()["detail"]
    found = client.get(
        "/v1/across-proxies", params={"study": ids, "parameters": [10_000_000, 1_000_000]}
    ).json()
    assert [one["study"] for one in found["studies"]] == ["large", "small"]
    assert found["pairs"][0]["spearman"] == pytest.approx(1.0)
