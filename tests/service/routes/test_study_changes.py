"""Notes, pause, extension and copy of a study over REST, and the dry run."""

import threading
from pathlib import Path
from typing import Any, cast

import pytest
import yaml
from fastapi import FastAPI
from fastapi.testclient import TestClient

from mixtures.study import StudySpec
from service.routes.studies import stored_study
from service.study_yaml import study_yaml
from tests.mixtures.outside_study import OUTSIDE_STUDY
from tests.service.conftest import SMALL_STUDY, StartService, finished_study
from tests.service.pretend_runner import PretendRunner
from tests.waiting import wait_until

STUDIES = sorted((Path(__file__).resolve().parents[3] / "studies").glob("*.yaml"))


def trials_of(client: TestClient, study_id: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = client.get(f"/v1/studies/{study_id}/trials").json()
    return found


def status_of(client: TestClient, study_id: str) -> dict[str, Any]:
    found: dict[str, Any] = client.get(f"/v1/studies/{study_id}").json()["status"]
    return found


def test_note_tags_and_archive(client: TestClient) -> None:
    study_id = finished_study(client)
    path = f"/v1/studies/{study_id}"
    answer = client.patch(path, json={"note": "first look", "tags": ["pilot"]})
    assert answer.status_code == 200
    assert (answer.json()["note"], answer.json()["tags"]) == ("first look", ["pilot"])
    assert client.patch(path, json={"is_archived": True}).json()["note"] == "first look"
    assert client.get("/v1/studies").json() == []
    (listed,) = client.get("/v1/studies?archived=all&q=first&tag=pilot").json()
    assert (listed["id"], listed["is_archived"]) == (study_id, True)
    assert client.get("/v1/studies?archived=yes&tag=other").json() == []


WRONG_CHANGES: list[tuple[dict[str, Any], str, str]] = [
    ({}, "(body)", "changes nothing"),
    ({"colour": "red"}, "colour", "no such field"),
    ({"tags": ["a, b"]}, "tags.0", "a, b"),
    ({"tags": [""]}, "tags.0", "at least 1"),
    ({"tags": [str(n) for n in range(21)]}, "tags", "at most 20"),
    ({"note": "x" * 10_001}, "note", "at most 10000"),
    ({"is_paused": "perhaps"}, "is_paused", "perhaps"),
    ({"priority": 101}, "priority", "101"),
    ({"max_running": 0}, "max_running", "0"),
]


def test_a_change_that_is_none_is_refused(client: TestClient) -> None:
    study_id = client.post("/v1/studies", json=SMALL_STUDY).json()["id"]
    for change, field, words in WRONG_CHANGES:
        answer = client.patch(f"/v1/studies/{study_id}", json=change)
        assert answer.status_code == 422
        assert answer.json()["errors"][0]["field"] == field
        assert words in answer.json()["detail"]
    assert client.patch("/v1/studies/nothing", json={"note": "x"}).status_code == 404


def test_a_paused_study_begins_nothing_and_goes_on_where_it_stood(
    start_service: StartService,
) -> None:
    gate = threading.Event()
    with start_service(PretendRunner(gate=gate)) as client:
        study_id = client.post("/v1/studies", json=SMALL_STUDY).json()["id"]
        wait_until(lambda: status_of(client, study_id)["trials"]["RUNNING"] == 2)
        assert client.patch(f"/v1/studies/{study_id}", json={"is_paused": True}).json()["is_paused"]
        gate.set()
        # What ran ends; of the rest nothing is begun, while another study is.
        wait_until(lambda: status_of(client, study_id)["trials"]["COMPLETE"] == 2)
        other = finished_study(client, {**SMALL_STUDY, "name": "other"})
        assert status_of(client, other)["trials"]["COMPLETE"] == 14
        assert status_of(client, study_id)["trials"] == {
            "WAITING": 12,
            "RUNNING": 0,
            "COMPLETE": 2,
            "FAILED": 0,
            "CANCELLED": 0,
        }
        client.patch(f"/v1/studies/{study_id}", json={"is_paused": False})
        wait_until(lambda: status_of(client, study_id)["trials"]["COMPLETE"] == 14)


def test_a_paused_search_proposes_nothing(client: TestClient) -> None:
    outside = {
        **OUTSIDE_STUDY,
        "space": {"sft_share_range": [0.0, 1.0]},
        "design": {"num_mixtures": 2, "num_repeated": 0},
        "baselines": {},
        "search": {},
    }
    study_id = client.post("/v1/studies", json=outside).json()["id"]
    client.patch(f"/v1/studies/{study_id}", json={"is_paused": True})
    asked = client.post(f"/v1/studies/{study_id}/ask", json={"worker": "ann", "num": 3}).json()
    assert asked == {"trials": [], "why_fewer": "the study is paused"}
    num_trials = len(trials_of(client, study_id))
    client.patch(f"/v1/studies/{study_id}", json={"is_paused": False})
    asked = client.post(f"/v1/studies/{study_id}/ask", json={"worker": "ann", "num": 1}).json()
    assert len(asked["trials"]) == 1
    assert len(trials_of(client, study_id)) >= num_trials


def test_an_extended_study_runs_what_came_and_keeps_what_it_has(client: TestClient) -> None:
    study_id = finished_study(client)
    before = {trial["id"]: trial for trial in trials_of(client, study_id)}
    path = f"/v1/studies/{study_id}/extend"
    answer = client.post(path, json={"sft_share": [0.3], "seeds": [2], "max_trials": 2000})
    assert answer.status_code == 200
    # Eight shares, of which one is new, with three seeds, of which one is new.
    assert answer.json()["num_new"] == 8 * 3 - 14
    assert client.post(path, json={"seeds": [2]}).json()["num_new"] == 0
    wait_until(lambda: status_of(client, study_id)["trials"]["COMPLETE"] == 24)
    after = {trial["id"]: trial for trial in trials_of(client, study_id)}
    assert before == {trial_id: after[trial_id] for trial_id in before}
    spec = client.get(f"/v1/studies/{study_id}").json()["spec"]
    assert (spec["seeds"], spec["budget"]["max_trials"]) == ([0, 1, 2], 2000)
    # What was submitted first is this study still.
    again = client.post("/v1/studies", json=SMALL_STUDY)
    assert (again.status_code, again.json()["id"]) == (200, study_id)
    assert again.json()["num_trials"] == 24


def test_what_the_page_shows_of_an_extended_study_is_of_its_new_spec(client: TestClient) -> None:
    study_id = finished_study(client)
    controller = cast(FastAPI, client.app).state.controller
    assert (
        controller.facts.of(stored_study(controller, study_id)).facts.spec.budget.max_trials < 2000
    )
    # No new trial comes of this, so the scores stay as they are.
    client.post(f"/v1/studies/{study_id}/extend", json={"max_trials": 2000}).raise_for_status()
    extended = stored_study(controller, study_id)
    assert controller.facts.of(extended).facts.spec == extended.spec


def test_an_extension_is_refused_by_field_with_nothing_changed(client: TestClient) -> None:
    study_id = finished_study(client, {**SMALL_STUDY, "budget": {"max_trials": 14}})
    path = f"/v1/studies/{study_id}/extend"
    for body, field, words in (
        ({"objective": {}}, "objective", "stays as it is"),
        ({"decay": {"tokens": 5}}, "decay", "Clone the study"),
        ({"seeds": [2]}, "budget.max_trials", "21 trials"),
        ({"max_trials": 3}, "max_trials", "budget.max_trials is 14 now"),
    ):
        answer = client.post(path, json=body)
        assert answer.status_code == 422
        assert answer.json()["errors"][0]["field"] == field
        assert words in answer.json()["detail"]
    assert len(trials_of(client, study_id)) == 14
    assert client.get(f"/v1/studies/{study_id}").json()["spec"]["seeds"] == [0, 1]


@pytest.mark.parametrize("path", STUDIES, ids=lambda path: path.stem)
def test_a_study_as_yaml_is_the_same_study(path: Path) -> None:
    spec = StudySpec.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")))
    text = study_yaml(spec)
    assert StudySpec.model_validate(yaml.safe_load(text)) == spec
    # No longer than a person would write it.
    assert len(text) < 1.5 * len(path.read_text(encoding="utf-8"))


def test_a_copy_with_a_change_is_another_study(client: TestClient) -> None:
    study_id = client.post("/v1/studies", json=SMALL_STUDY).json()["id"]
    answer = client.get(f"/v1/studies/{study_id}/spec.yaml")
    assert answer.headers["content-type"].startswith("application/yaml")
    headers = {"Content-Type": "application/yaml"}
    same = client.post("/v1/studies", content=answer.text, headers=headers)
    assert (same.status_code, same.json()["id"]) == (200, study_id)
    changed = client.post("/v1/studies", content=answer.text + "data_seed: 7\n", headers=headers)
    assert changed.status_code == 201
    assert changed.json()["id"] != study_id
    outside = client.post("/v1/studies", json=OUTSIDE_STUDY).json()["id"]
    text = client.get(f"/v1/studies/{outside}/spec.yaml").text
    assert client.post("/v1/studies", content=text, headers=headers).json()["id"] == outside


def test_a_dry_run_says_what_is_wrong_and_stores_nothing(
    client: TestClient, data_root: Path
) -> None:
    (data_root / "sums.jsonl").write_text("{broken")
    answer = client.post("/v1/studies/check", json=SMALL_STUDY)
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["field"].startswith("sources")
    assert client.post("/v1/studies/check", json={"name": "x"}).status_code == 422
    assert client.get("/v1/studies").json() == []
