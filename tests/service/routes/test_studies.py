"""Submitting studies: what is taken, what is refused, and in which words."""

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from fastapi.testclient import TestClient

from service.examples import STUDY_EXAMPLE
from tests.service.bad_input import BAD_STUDIES, BadStudy, written
from tests.service.conftest import SMALL_STUDY, StartService, finished_study


def changed(**changes: Any) -> dict[str, Any]:
    return {**copy.deepcopy(SMALL_STUDY), **changes}


def test_a_submitted_study_has_its_sweep_baselines_and_seeds(client: TestClient) -> None:
    response = client.post("/v1/studies", json=SMALL_STUDY)
    assert response.status_code == 201
    study_id = response.json()["id"]
    assert response.headers["location"] == f"/v1/studies/{study_id}"
    trials = client.get(f"/v1/studies/{study_id}/trials").json()
    # Six shares of the space, and 0.64, the paper's, with seeds 0 and 1 each.
    wanted = {(share, seed) for share in (0, 0.2, 0.4, 0.6, 0.64, 0.8, 1) for seed in (0, 1)}
    assert {(trial["sft_share"], trial["seed"]) for trial in trials} == wanted
    assert len(trials) == 14


def test_submitting_twice_is_one_study(client: TestClient) -> None:
    first = client.post("/v1/studies", json=SMALL_STUDY)
    as_yaml = yaml.safe_dump(SMALL_STUDY, sort_keys=True)
    second = client.post(
        "/v1/studies", content=as_yaml, headers={"Content-Type": "application/yaml"}
    )
    assert (first.status_code, second.status_code) == (201, 200)
    assert first.json()["id"] == second.json()["id"]
    assert len(client.get("/v1/studies").json()) == 1
    assert len(client.get(f"/v1/studies/{first.json()['id']}/trials").json()) == 14


def test_the_same_spec_on_other_data_is_another_study(client: TestClient, data_root: Path) -> None:
    first = client.post("/v1/studies", json=SMALL_STUDY).json()["id"]
    with (data_root / "sums.jsonl").open("a") as file:
        file.write('\n{"question": "What is 1 + 1?", "answer": "2"}')
    assert client.post("/v1/studies", json=SMALL_STUDY).json()["id"] != first


def test_the_example_of_the_documentation_is_a_valid_study(client: TestClient) -> None:
    assert client.post("/v1/studies", json=STUDY_EXAMPLE).status_code == 201


def test_an_unknown_study_is_404_with_a_problem(client: TestClient) -> None:
    for path in ("", "/trials", "/leaderboard", "/recommendation", "/export", "/events"):
        response = client.get(f"/v1/studies/nothing{path}")
        assert response.status_code == 404
        assert response.headers["content-type"] == "application/problem+json"
        assert "no study nothing" in response.json()["detail"]


@pytest.mark.parametrize("bad", BAD_STUDIES, ids=str)
def test_bad_input_is_refused_by_field_and_value_and_nothing_is_written(
    client: TestClient, data_root: Path, bad: BadStudy
) -> None:
    home = client.app.state.controller.settings.home  # type: ignore[attr-defined]
    before = written(home)
    text = json.dumps(bad.study(data_root))
    response = client.post(
        "/v1/studies", content=text, headers={"Content-Type": "application/json"}
    )
    assert response.status_code == bad.status
    assert response.headers["content-type"] == "application/problem+json"
    problem = response.json()
    assert problem["status"] == bad.status
    error = problem["errors"][0]
    assert error["field"] == bad.field
    assert error["value"] == (f"{len(text)} bytes" if bad.value is None else bad.value)
    assert bad.right in error["message"]
    # The same in one line, as the command line prints it.
    value = error["value"] if str(bad.value).startswith("{'") else repr(error["value"])
    assert problem["detail"].startswith(f"{bad.field} = {value}: ")
    assert bad.right in problem["detail"]
    assert len(problem["detail"].splitlines()) == 1
    assert client.get("/v1/studies").json() == []
    assert written(home) == before


# What is sent, the field that the answer names, and words that it must hold.
WRONG_SPECS: list[tuple[dict[str, Any], str, list[str]]] = [
    (changed(space={"sft_share": [0.1, 1.2]}), "space.sft_share.1", ["1.2", "less than or equal"]),
    (changed(budget={"max_trials": 5}), "budget.max_trials", ["14 trials", "5"]),
    (changed(colour="red"), "colour", ["red", "no such field"]),
    (changed(proxy="pica"), "proxy.preset", ["pica", "pico"]),
    (changed(seeds=[1, 1]), "seeds", ["distinct"]),
    (
        changed(objective={"weights": {"test_songs": 1}}),
        "objective.weights.test_songs",
        ["test_sums"],
    ),
    (
        changed(decay={"form": "linear", "half_life_tokens": 5}),
        "decay.half_life_tokens",
        ["5", "half-life"],
    ),
]


@pytest.mark.parametrize(("study", "field", "words"), WRONG_SPECS)
def test_a_bad_spec_is_refused_naming_field_and_value(
    client: TestClient, study: dict[str, Any], field: str, words: list[str]
) -> None:
    response = client.post("/v1/studies", json=study)
    assert response.status_code == 422
    problem = response.json()
    assert problem["status"] == 422
    first = problem["errors"][0]
    assert (first["field"], first["pointer"]) == (field, "/" + field.replace(".", "/"))
    assert len(problem["detail"]) < 400
    for word in [field, *words]:
        assert word in problem["detail"], problem["detail"]
    assert client.get("/v1/studies").json() == []


def _write(text: str | bytes) -> Callable[[Path], None]:
    def write(root: Path) -> None:
        raw = text if isinstance(text, bytes) else text.encode()
        (root / "sums.jsonl").write_bytes(raw)

    return write


GOOD_LINE = '{"question": "a", "answer": "b"}'
BAD_DATA: list[tuple[Callable[[Path], None], list[str]]] = [
    (_write(GOOD_LINE + "\n[1]"), ["line 2", "list", "JSON object"]),
    (_write('{"question": "a", "reply": "b"}'), ["answer", "line 1", "['question', 'reply']"]),
]


@pytest.mark.parametrize(("spoil", "words"), BAD_DATA)
def test_bad_data_is_refused_before_anything_is_stored(
    client: TestClient, data_root: Path, spoil: Callable[[Path], None], words: list[str]
) -> None:
    spoil(data_root)
    response = client.post("/v1/studies", json=SMALL_STUDY)
    assert response.status_code == 422
    for word in words:
        assert word in response.json()["detail"], response.json()["detail"]
    assert client.get("/v1/studies").json() == []


def test_a_benchmark_that_stands_in_a_source_is_refused(
    client: TestClient, data_root: Path
) -> None:
    (data_root / "test_sums.jsonl").write_text((data_root / "sums.jsonl").read_text())
    response = client.post("/v1/studies", json=SMALL_STUDY)
    assert response.status_code == 422
    problem = response.json()
    assert "none of its 50 documents is left: 50 hold items of a benchmark" in problem["detail"]
    assert problem["errors"][0]["field"] == "sources.sums"


def test_a_file_outside_the_data_roots_is_refused(client: TestClient) -> None:
    study = copy.deepcopy(SMALL_STUDY)
    study["sources"][0]["files"] = ["../home/decaymix.duckdb"]
    response = client.post("/v1/studies", json=study)
    assert response.status_code == 422
    assert "without '..'" in response.json()["detail"]


@pytest.mark.parametrize("body", ['{"name": NaN}', '{"seeds": [Infinity]}'])
def test_nan_in_json_is_refused(client: TestClient, body: str) -> None:
    response = client.post(
        "/v1/studies", content=body, headers={"Content-Type": "application/json"}
    )
    assert response.status_code == 422
    assert "JSON has no such number" in response.json()["detail"]


def test_broken_json_and_yaml_are_refused_with_the_line(client: TestClient) -> None:
    response = client.post("/v1/studies", content='{"name":\n oops}')
    assert response.status_code == 422
    assert "line 2" in response.json()["detail"]
    response = client.post(
        "/v1/studies", content="name: [a\nb: 1", headers={"Content-Type": "application/yaml"}
    )
    assert response.status_code == 422
    assert "line 2" in response.json()["detail"]


def test_a_body_over_the_limit_is_refused(start_service: StartService) -> None:
    with start_service(max_body_bytes=1000) as client:
        response = client.post("/v1/studies", content=json.dumps({"name": "a" * 1000}))
        assert response.status_code == 413
        assert "1000 bytes" in response.json()["detail"]

        def chunks() -> Any:
            for _ in range(20):
                yield b" " * 100

        assert client.post("/v1/studies", content=chunks()).status_code == 413
        assert client.get("/v1/studies").json() == []


def test_a_study_tells_where_it_stands(client: TestClient) -> None:
    study_id = finished_study(client)
    detail = client.get(f"/v1/studies/{study_id}").json()
    assert detail["spec"]["name"] == "small"
    status = detail["status"]
    assert status["trials"] == {
        "WAITING": 0,
        "RUNNING": 0,
        "COMPLETE": 14,
        "FAILED": 0,
        "CANCELLED": 0,
    }
    assert (status["num_trials"], status["num_finished"]) == (14, 14)
    assert status["seconds_left"] == 0
    report = detail["data_report"]
    # 60 documents, of which a twentieth is held out.
    assert report["sources"]["text"] | {"num_bytes": 0} == {
        "num_documents": 57,
        "num_held_out": 3,
        "num_bytes": 0,
    }
    assert report["benchmarks"]["test_sums"] == {
        "num_items": 50,
        "num_contaminated": 0,
        "metrics": ["bits_per_byte"],
    }
