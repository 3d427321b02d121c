"""Adding, cancelling and retrying trials over REST."""

import threading
from typing import Any

import pytest
from fastapi.testclient import TestClient

from tests.service.conftest import SMALL_STUDY, StartService, finished_study
from tests.service.pretend_runner import PretendRunner
from tests.waiting import wait_until


def state_of(client: TestClient, trial_id: str) -> str:
    state: str = client.get(f"/v1/trials/{trial_id}").json()["state"]
    return state


def test_one_share_is_enough_to_ask_for_trials(client: TestClient) -> None:
    study_id = finished_study(client)
    response = client.post(f"/v1/studies/{study_id}/trials", json={"sft_share": 0.5})
    assert response.status_code == 202
    answer = response.json()
    assert answer["num_new"] == 2  # the study's two seeds
    for trial_id in answer["trial_ids"]:
        wait_until(lambda trial_id=trial_id: state_of(client, trial_id) == "COMPLETE")
        trial = client.get(f"/v1/trials/{trial_id}").json()
        assert trial["spec"]["mixture"]["shares"] == {"text": 0.5, "sums": 0.5}
    again = client.post(f"/v1/studies/{study_id}/trials", json={"sft_share": 0.5}).json()
    assert again == {"trial_ids": answer["trial_ids"], "num_new": 0}


def test_many_requests_are_taken_all_or_none(client: TestClient) -> None:
    study_id = finished_study(client)
    path = f"/v1/studies/{study_id}/trials"
    good: dict[str, Any] = {"sft_share": 0.1, "seed": 5}
    bad = {"shares": {"text": 0.5, "songs": 0.5}}
    response = client.post(path, json=[good, bad])
    assert response.status_code == 422
    assert "songs" in response.json()["detail"]
    assert len(client.get(path).json()) == 14
    response = client.post(path, json=[good, {"shares": {"text": 0.3, "sums": 0.7}, "seed": 5}])
    assert response.json()["num_new"] == 2


@pytest.mark.parametrize(
    ("body", "field", "words"),
    [
        ({"shares": {"text": 0.5, "sums": 0.4}}, "shares", ["sum to 0.9", "expected 1"]),
        ({"shares": {"text": 0.5, "songs": 0.5}}, "shares.songs", ["0.5", "sums"]),
        ({"sft_share": 1.5}, "sft_share", ["1.5", "less than or equal to 1"]),
        ({"sft_share": 0.5, "shares": {"text": 1.0}}, "(body)", ["both of sft_share and shares"]),
        ({}, "(body)", ["neither of sft_share and shares"]),
        ({"sft_share": 0.5, "seeds": 1}, "seeds", ["no such field"]),
        ([{"sft_share": 0.5}, {"sft_share": -1}], "1.sft_share", ["-1", "greater than or equal"]),
        ("half", "(body)", ["half", "object"]),
    ],
)
def test_a_bad_request_for_trials_is_refused(
    client: TestClient, body: Any, field: str, words: list[str]
) -> None:
    study_id = client.post("/v1/studies", json=SMALL_STUDY).json()["id"]
    response = client.post(f"/v1/studies/{study_id}/trials", json=body)
    assert response.status_code == 422
    assert response.json()["errors"][0]["field"] == field
    for word in words:
        assert word in response.json()["detail"]
    assert len(client.get(f"/v1/studies/{study_id}/trials").json()) == 14


def test_trials_beyond_the_budget_are_refused(client: TestClient) -> None:
    study_id = finished_study(client, {**SMALL_STUDY, "budget": {"max_trials": 15}})
    path = f"/v1/studies/{study_id}/trials"
    assert client.post(path, json={"sft_share": 0.5}).status_code == 422
    assert len(client.get(path).json()) == 14
    assert client.post(path, json={"sft_share": 0.5, "seed": 0}).status_code == 202


def test_a_failed_trial_shows_its_traceback_and_can_be_retried(
    start_service: StartService,
) -> None:
    runner = PretendRunner(fail={0.6: RuntimeError("the disk sneezed")})
    with start_service(runner) as client:
        study_id = finished_study(client)
        states = {t["id"]: t["state"] for t in client.get(f"/v1/studies/{study_id}/trials").json()}
        failed = [trial_id for trial_id, state in states.items() if state == "FAILED"]
        assert len(failed) == 2
        # The rest of the study went on.
        assert list(states.values()).count("COMPLETE") == 12
        trial = client.get(f"/v1/trials/{failed[0]}").json()
        assert trial["failure"]["kind"] == "error"
        assert trial["failure"]["message"] == "RuntimeError: the disk sneezed"
        assert "pretend_runner.py" in trial["failure"]["traceback"]
        runner.fail.clear()
        assert client.post(f"/v1/trials/{failed[0]}/retry").status_code == 202
        wait_until(lambda: state_of(client, failed[0]) == "COMPLETE")
        trial = client.get(f"/v1/trials/{failed[0]}").json()
        assert (trial["attempt"], trial["failure"]) == (2, None)


def test_a_loss_that_is_not_finite_fails_the_trial(start_service: StartService) -> None:
    with start_service(PretendRunner(fail={0.6: ArithmeticError("loss is nan")})) as client:
        study_id = finished_study(client)
        trials = client.get(f"/v1/studies/{study_id}/trials").json()
        failed = [trial["id"] for trial in trials if trial["state"] == "FAILED"]
        kinds = {client.get(f"/v1/trials/{t}").json()["failure"]["kind"] for t in failed}
        assert kinds == {"not_finite"}


def test_waiting_and_running_trials_can_be_cancelled_and_retried(
    start_service: StartService,
) -> None:
    gate = threading.Event()
    with start_service(PretendRunner(gate=gate)) as client:
        study_id = client.post("/v1/studies", json=SMALL_STUDY).json()["id"]

        def in_state(state: str) -> list[str]:
            trials = client.get(f"/v1/studies/{study_id}/trials").json()
            return [trial["id"] for trial in trials if trial["state"] == state]

        wait_until(lambda: len(in_state("RUNNING")) == 2)
        waiting, running = in_state("WAITING")[-1], in_state("RUNNING")[0]
        assert client.post(f"/v1/trials/{waiting}/cancel").json()["state"] == "CANCELLED"
        assert client.post(f"/v1/trials/{running}/cancel").status_code == 202
        wait_until(lambda: state_of(client, running) == "CANCELLED")
        response = client.post(f"/v1/trials/{waiting}/cancel")
        assert response.status_code == 409
        assert "CANCELLED" in response.json()["detail"]
        for trial_id in (waiting, running):
            assert client.post(f"/v1/trials/{trial_id}/retry").status_code == 202
        gate.set()
        wait_until(lambda: len(in_state("COMPLETE")) == 14)
        response = client.post(f"/v1/trials/{running}/retry")
        assert response.status_code == 409
        assert "COMPLETE" in response.json()["detail"]


def test_an_unknown_trial_is_404(client: TestClient) -> None:
    assert client.get("/v1/trials/nothing").status_code == 404
    assert client.post("/v1/trials/nothing/cancel").status_code == 404


def test_nan_is_no_share(client: TestClient) -> None:
    study_id = client.post("/v1/studies", json=SMALL_STUDY).json()["id"]
    response = client.post(
        f"/v1/studies/{study_id}/trials",
        content='{"sft_share": NaN}',
        headers={"Content-Type": "application/json"},
    )
    assert response.status_code == 422
    assert "NaN" in response.json()["detail"]
    assert len(client.get(f"/v1/studies/{study_id}/trials").json()) == 14
