"""How answers move, over REST, from trials whose true curves are known."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fastapi.testclient import TestClient

from service.app import create_app
from service.settings import Settings
from tests.service.pretend_runner import PretendRunner
from tests.service.thread_pool import ThreadPool

SHARES = (0.0, 0.2, 0.4, 0.6, 0.64, 0.8, 1.0)
# Where each benchmark's bowl is lowest.
BEST = {"sums": 0.8, "text": 0.3}


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    """One for all tests of this file: what it answers does not change between them."""
    home: Path = tmp_path_factory.mktemp("home")
    app = create_app(Settings(home=home), ThreadPool(runner=PretendRunner()))
    with TestClient(app, base_url="http://127.0.0.1") as client:
        yield client


def submit(client: TestClient, name: str, best: dict[str, float] = BEST) -> str:
    """The id of a sweep that is trained outside, with two seeds of each share told."""
    study = {
        "name": name,
        "trained_by": "outside",
        "sources": [
            {"name": "web", "kind": "pretrain", "tokens": 800_000},
            {"name": "chat", "kind": "sft", "tokens": 60_000},
        ],
        "benchmarks": [
            {"name": "sums", "group": "reasoning"},
            {"name": "text", "group": "text"},
        ],
        "objective": {"metric": "loss", "better": "lower"},
        "space": {"sft_share": list(SHARES)},
    }
    response = client.post("/v1/studies", json=study)
    assert response.status_code in (200, 201), response.text
    study_id: str = response.json()["id"]
    rng = np.random.default_rng(0)
    rows = ["web,chat,seed,sums,text"]
    for seed in (0, 1):
        for share in SHARES:
            values = [(share - at) ** 2 + 0.003 * rng.standard_normal() for at in best.values()]
            rows.append(f"{1 - share},{share},{seed},{values[0]},{values[1]}")
    response = client.post(
        f"/v1/studies/{study_id}/import",
        content="\n".join(rows),
        headers={"Content-Type": "text/csv"},
    )
    assert response.status_code in (200, 201), response.text
    return study_id


@pytest.fixture(scope="module")
def study_id(client: TestClient) -> str:
    return submit(client, "sweep")


def test_the_transfer_score_weighs_benchmarks_by_what_is_predictable(
    client: TestClient, study_id: str
) -> None:
    found = client.get(f"/v1/studies/{study_id}/transfer").json()
    scaled = {one["benchmark"]: one["weight"] * one["r_squared"] for one in found["benchmarks"]}
    weights = {one["benchmark"]: one["transfer_weight"] for one in found["benchmarks"]}
    total = sum(scaled.values())
    assert weights == pytest.approx({name: weight / total for name, weight in scaled.items()})
    assert found["objective"]["metric"] == "loss"


def test_the_leaderboard_can_be_ordered_by_the_transfer_score(
    client: TestClient, study_id: str
) -> None:
    path = f"/v1/studies/{study_id}/leaderboard"

    def own_means() -> dict[float, float]:
        board = client.get(path).json()
        assert board["objective"] == "own"
        return {row["sft_share"]: row["mean"] for row in board["rows"]}

    own = own_means()
    board = client.get(path, params={"objective": "transfer"}).json()
    transfer = client.get(f"/v1/studies/{study_id}/transfer").json()
    weights = {one["benchmark"]: one["transfer_weight"] for one in transfer["benchmarks"]}
    for row in board["rows"]:
        expected = sum(weights[name] * score for name, score in row["scores"].items())
        assert row["mean"] == pytest.approx(expected)
    assert board["objective"] == "transfer"
    assert "transfer score" in board["notes"][0]
    # Asking for the one does not change the other.
    assert own_means() == own
    assert client.get(path, params={"objective": "fame"}).status_code == 422


def test_each_benchmark_has_its_best_share(client: TestClient, study_id: str) -> None:
    found = client.get(f"/v1/studies/{study_id}/best-shares").json()
    by_name = {one["name"]: one for one in found["parts"] if one["kind"] == "benchmark"}
    assert {name: one["sft_share"] for name, one in by_name.items()} == pytest.approx(
        BEST, abs=0.05
    )
    own = client.get(f"/v1/studies/{study_id}/recommendation").json()
    for one in own["per_benchmark"]:
        assert by_name[one["benchmark"]]["sft_share"] == pytest.approx(one["best_share"], abs=0.011)


def test_the_front_is_over_groups_unless_objectives_are_named(
    client: TestClient, study_id: str
) -> None:
    path = f"/v1/studies/{study_id}/pareto"
    found = client.get(path).json()
    assert [one["name"] for one in found["objectives"]] == ["reasoning", "text"]
    chances = {row["sft_share"]: row["p_on_front"] for row in found["rows"]}
    assert chances.keys() == set(SHARES)
    assert min(chances[0.4], chances[0.6]) > 0.99 > 0.01 > max(chances[0.0], chances[1.0])
    named = client.get(path, params={"objective": ["text", "sums"]}).json()
    assert [one["name"] for one in named["objectives"]] == ["text", "sums"]
    for names, words in (
        (["text", "chess"], "names no benchmark and no group"),
        (["text"], "1 objectives, expected 2"),
    ):
        response = client.get(path, params={"objective": names})
        assert response.status_code == 422
        assert words in response.json()["detail"]
        assert response.json()["errors"][0]["field"] == "objective"
    response = client.get(path, params={"objective": ["text", "sums:acc"]})
    assert response.status_code == 409
    assert response.json()["detail"] == "no completed trial has a score in sums:acc"


def test_the_recommendation_carries_the_front_that_the_route_answers_with(
    client: TestClient, study_id: str
) -> None:
    whole = client.get(f"/v1/studies/{study_id}/pareto").json()
    front = client.get(f"/v1/studies/{study_id}/recommendation").json()["front"]
    assert front["objectives"] == whole["objectives"]
    assert front["as_of"] == whole["as_of"]
    assert front["rows"] == [row for row in whole["rows"] if row["on_front"]]
    # Bowls at .8 and .3: what lies between is on the front, the ends are not.
    assert {0.4, 0.6} <= {row["sft_share"] for row in front["rows"]} <= {0.2, 0.4, 0.6, 0.64, 0.8}
    file = client.get(f"/v1/studies/{study_id}/export", params={"format": "json", "force": True})
    exported = file.json()["pareto_front"]
    assert exported["objectives"] == {"reasoning": "minimise", "text": "minimise"}
    assert [one["p_on_front"] for one in exported["mixtures"]] == [
        row["p_on_front"] for row in front["rows"]
    ]
    signed = client.get(f"/v1/studies/{study_id}/export?format=olmo-core&force=true").text
    assert '# pareto_front: {"objectives"' in signed
    for page in ("recommendation", "report"):
        text = client.get(f"/studies/{study_id}/{page}").text
        assert 'id="front-title"' in text
        assert text.count(" is better</span></th>") == 2


def test_a_study_of_one_objective_has_no_front(client: TestClient, study_id: str) -> None:
    spec = client.get(f"/v1/studies/{study_id}").json()["spec"]
    one = {**spec, "name": "single", "benchmarks": spec["benchmarks"][:1]}
    single = client.post("/v1/studies", json=one).json()["id"]
    rows = [
        f"{1 - s},{s},{seed},{(s - 0.5) ** 2 + 0.001 * seed}" for s in SHARES for seed in (0, 1)
    ]
    client.post(
        f"/v1/studies/{single}/import",
        content="\n".join(["web,chat,seed,sums", *rows]),
        headers={"Content-Type": "text/csv"},
    )
    assert client.get(f"/v1/studies/{single}/recommendation").json()["front"] is None
    assert 'id="front-title"' not in client.get(f"/studies/{single}/recommendation").text
    assert "pareto_front" not in client.get(f"/v1/studies/{single}/export?force=true").text


def test_the_effect_of_the_share_is_told_of_the_objective_or_of_a_benchmark(
    client: TestClient, study_id: str
) -> None:
    path = f"/v1/studies/{study_id}/effects"
    (one,) = client.get(path).json()["factors"]
    assert one["factor"] == "sft_share"
    assert len(one["shares"]) == len(one["effect"]) == len(one["low"]) == len(one["high"])
    of_text = client.get(path, params={"objective": "text"}).json()
    assert of_text["objective"] == "text"
    # From 0 to 1 a bowl at .3 rises by .49 - .09.
    assert of_text["factors"][0]["total"] == pytest.approx(0.4, abs=0.03)
    assert client.get(path, params={"objective": "chess"}).status_code == 422


def test_before_there_are_trials_each_says_what_is_missing(client: TestClient) -> None:
    study = client.get(f"/v1/studies/{submit(client, 'told')}").json()["spec"]
    empty = client.post("/v1/studies", json={**study, "name": "empty"}).json()["id"]
    for path in ("transfer", "best-shares", "pareto", "effects", "leaderboard?objective=transfer"):
        response = client.get(f"/v1/studies/{empty}/{path}")
        assert response.status_code == 409, path
        assert "4 SFT shares or more; there are 0" in response.json()["detail"]


def test_studies_of_outside_models_are_compared_by_the_sizes_given(
    client: TestClient, study_id: str
) -> None:
    ids = [study_id, submit(client, "moved", {"sums": 0.9, "text": 0.4})]
    response = client.get("/v1/across-proxies", params={"study": ids})
    assert response.status_code == 422
    assert "is trained outside" in response.json()["detail"]
    found = client.get(
        "/v1/across-proxies", params={"study": ids, "parameters": [10_000_000, 1_000_000]}
    ).json()
    assert [one["study"] for one in found["studies"]] == ["moved", "sweep"]
    assert found["pairs"][0]["num_mixtures"] == len(SHARES)
    best = [one["best_sft_share"] for one in found["studies"]]
    assert best == pytest.approx([0.65, 0.55], abs=0.05)
    assert found["extrapolation"] is None
    assert "2 sizes with a best SFT share, expected 3 or more" in found["no_extrapolation"]


def test_what_is_wrong_with_the_studies_is_said(client: TestClient, study_id: str) -> None:
    def refusal(**given: Any) -> tuple[int, str]:
        response = client.get("/v1/across-proxies", params=given)
        return response.status_code, response.json()["detail"]

    assert refusal(study=[study_id, "nobody"])[0] == 404
    for given, words in (
        ({"study": [study_id, study_id], "parameters": [5, 6]}, "two different studies"),
        ({"study": [study_id], "parameters": [5]}, "two different studies"),
        ({"study": [study_id, study_id], "parameters": [5]}, "1 numbers for 2 studies"),
        ({"study": [study_id, study_id], "parameters": [5, 0]}, "expected 1 or more"),
        ({"study": []}, "study"),
    ):
        status, detail = refusal(**given)
        assert status == 422
        assert words in detail
