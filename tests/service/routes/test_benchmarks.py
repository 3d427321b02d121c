"""Task files over REST: brought, listed, looked at; and what may not come that way."""

import importlib.util
import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from fastapi.testclient import TestClient

TASK: dict[str, Any] = {
    "task": "pick",
    "dataset_path": "json",
    "dataset_kwargs": {"data_files": {"test": "picks.jsonl"}},
    "test_split": "test",
    "output_type": "multiple_choice",
    "doc_to_text": "{{q}}",
    "doc_to_choice": "options",
    "doc_to_target": "right",
}
needs_harness = pytest.mark.skipif(
    importlib.util.find_spec("lm_eval") is None,
    reason="lm-evaluation-harness is not installed (extra lm-eval)",
)


@pytest.fixture(autouse=True)
def picks(data_root: Path) -> None:
    records = [{"q": "Sky?", "options": ["red", "blue"], "right": 1}] * 3
    (data_root / "picks.jsonl").write_text("".join(json.dumps(one) + "\n" for one in records))


def post(client: TestClient, spec: dict[str, Any], name: str = "mine.yaml") -> Any:
    return client.post("/v1/benchmarks", params={"name": name}, content=yaml.safe_dump(spec))


def names(client: TestClient) -> dict[str, str]:
    return {one["name"]: one["place"] for one in client.get("/v1/benchmarks").json()}


@needs_harness
def test_a_task_file_is_kept_listed_and_shown(client: TestClient) -> None:
    made = post(client, TASK)
    assert made.status_code == 201, made.text
    assert made.json()["num_items"] == 3
    assert made.json()["items"][0]["answers"][1] == {
        "context": "Sky?",
        "continuation": " blue",
        "is_right": True,
    }
    assert names(client)["mine.yaml"] == "uploaded"
    assert client.get("/v1/benchmarks/mine.yaml/preview").json() == made.json()
    assert post(client, TASK).status_code == 200
    named = client.post("/v1/benchmarks", params={"task": "mine.yaml"})
    assert (named.status_code, named.json()) == (200, made.json())
    other = post(client, {**TASK, "doc_to_text": "Q: {{q}}"})
    assert other.status_code == 422
    assert "choose a new name" in other.json()["detail"]


@needs_harness
def test_a_file_that_cannot_be_scored_is_not_kept(client: TestClient) -> None:
    found = post(client, {**TASK, "doc_to_text": "{{nothing}}"})
    assert found.status_code == 422
    assert "nothing" in found.json()["detail"]
    assert "mine.yaml" not in names(client)


def test_shipped_tasks_are_listed(client: TestClient) -> None:
    assert names(client)["arc_challenge"] == "shipped"


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"dataset_kwargs": {"data_files": {"test": "/etc/passwd"}}}, "dataset_kwargs.data_files"),
        ({"dataset_kwargs": {"data_files": ["../up.jsonl"]}}, "dataset_kwargs.data_files"),
        ({"dataset_kwargs": {"data_files": "http://x/y"}}, "dataset_kwargs.data_files"),
        ({"dataset_path": "/home"}, "dataset_kwargs.data_files"),
        ({"include": "../other.yaml"}, "include"),
        ({"class": "os.system"}, "class"),
    ],
)
def test_what_reaches_outside_is_refused(
    client: TestClient, change: dict[str, Any], field: str
) -> None:
    found = post(client, {**TASK, **change})
    assert found.status_code == 422
    assert found.json()["errors"][0]["field"] == field


def test_functions_are_not_taken_over_rest(client: TestClient) -> None:
    body = yaml.safe_dump(TASK) + "process_docs: !function os.system\n"
    found = client.post("/v1/benchmarks", params={"name": "mine.yaml"}, content=body)
    assert found.status_code == 422
    assert "Python functions" in found.json()["detail"]


@pytest.mark.parametrize(
    ("params", "body"),
    [
        ({}, ""),
        ({"name": "a.yaml", "task": "b"}, ""),
        ({"name": "../a.yaml"}, "task: a"),
        ({"name": "a.txt"}, "task: a"),
        ({"name": "a.yaml"}, "- a"),
        ({"name": "a.yaml"}, "a: ["),
        ({"task": "none"}, ""),
        ({"task": "../x.yaml"}, ""),
    ],
)
def test_what_is_no_task_file_is_refused(
    client: TestClient, params: dict[str, str], body: str
) -> None:
    assert client.post("/v1/benchmarks", params=params, content=body).status_code == 422
