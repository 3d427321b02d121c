"""Long work that nobody waits for: a job says how it went, as the request would have."""

import threading
from typing import Any

import pytest
from fastapi.testclient import TestClient

from service.jobs import Done, Job, Jobs, is_async
from service.routes import studies, study_changes
from tests.service.conftest import SMALL_STUDY
from tests.service.test_change import KEY, OUTSIDE
from tests.service.test_problems import problem_of
from tests.waiting import wait_until

ASYNC = {"Prefer": "respond-async, wait=10"}


def ended(client: TestClient, begun: Any) -> dict[str, Any]:
    """The job once it has ended."""
    assert begun.status_code == 202, begun.text
    assert begun.headers["preference-applied"] == "respond-async"
    assert int(begun.headers["retry-after"]) >= 1
    place = begun.headers["location"]
    assert place == f"/v1/jobs/{begun.json()['id']}"
    wait_until(lambda: client.get(place).json()["state"] != "RUNNING")
    job: dict[str, Any] = client.get(place).json()
    assert job["finished_at"] >= job["created_at"]
    return job


def test_a_study_is_submitted_without_waiting(client: TestClient) -> None:
    headers = {**ASYNC, **KEY}
    job = ended(client, client.post("/v1/studies", json=OUTSIDE, headers=headers))
    assert (job["state"], job["status"], job["operation"]) == ("DONE", 201, "submit_study")
    assert client.get(job["location"]).json()["status"]["id"] == job["answer"]["id"]
    # The key then gives the answer itself.
    again = client.post("/v1/studies", json=OUTSIDE, headers=headers)
    assert (again.status_code, again.json()) == (201, job["answer"])
    once_more = ended(client, client.post("/v1/studies", json=OUTSIDE, headers=ASYNC))
    assert once_more["status"] == 200
    told = client.get("/v1/audit").json()["entries"]
    # Two that were accepted, what came of them, and the answer that was asked for again.
    assert sorted(one["status"] for one in told) == [200, 201, 201, 202, 202]


def test_a_key_whose_job_still_runs_begins_no_other(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    may_go_on, num_done = threading.Event(), 0

    def slow(*arguments: Any) -> Any:
        nonlocal num_done
        assert may_go_on.wait(60)
        num_done += 1
        return submit(*arguments)

    submit = studies._submit
    monkeypatch.setattr(studies, "_submit", slow)
    headers = {**ASYNC, **KEY}
    first = client.post("/v1/studies", json=OUTSIDE, headers=headers)
    again = client.post("/v1/studies", json=OUTSIDE, headers=headers)
    assert (again.status_code, again.json()) == (202, first.json())
    assert again.headers["location"] == first.headers["location"]
    assert again.headers["idempotency-replayed"] == "true"
    # Who wants to wait is told where to look, and another request needs another key.
    told = problem_of(client.post("/v1/studies", json=OUTSIDE, headers=KEY), 409)
    assert first.headers["location"] in told["detail"]
    other = {**OUTSIDE, "name": "other"}
    problem_of(client.post("/v1/studies", json=other, headers=headers), 422)
    may_go_on.set()
    job = ended(client, first)
    assert (job["status"], num_done) == (201, 1)
    answer = client.post("/v1/studies", json=OUTSIDE, headers=headers)
    assert (answer.status_code, answer.json()) == (201, job["answer"])


def test_a_key_whose_job_failed_may_be_used_again(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: Any) -> None:
        raise RuntimeError("no")

    headers = {**ASYNC, **KEY}
    with monkeypatch.context() as patched:
        patched.setattr(studies, "_submit", broken)
        assert (
            ended(client, client.post("/v1/studies", json=OUTSIDE, headers=headers))["status"]
            == 500
        )
    assert ended(client, client.post("/v1/studies", json=OUTSIDE, headers=headers))["status"] == 201


def test_what_is_wrong_is_told_as_if_one_had_waited(client: TestClient) -> None:
    wrong = {**SMALL_STUDY, "sources": [{**one, "files": ["x"]} for one in SMALL_STUDY["sources"]]}
    waited = problem_of(client.post("/v1/studies", json=wrong), 422)
    job = ended(client, client.post("/v1/studies", json=wrong, headers=ASYNC))
    assert (job["state"], job["status"], job["answer"]) == ("FAILED", 422, waited)
    assert client.get("/v1/studies").json() == []
    # What can be told at once is.
    problem_of(client.post("/v1/studies", json={}, headers=ASYNC), 422)


def test_a_dry_run_is_a_job_and_a_defect_in_it_a_500(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: Any) -> None:
        raise RuntimeError("the password is swordfish")

    monkeypatch.setattr(study_changes, "_checked", lambda *_: {"num_trials": 3})
    path = "/v1/studies/check"
    job = ended(client, client.post(path, json=OUTSIDE, headers=ASYNC))
    assert (job["state"], job["status"], job["answer"]) == ("DONE", 200, {"num_trials": 3})
    monkeypatch.setattr(study_changes, "_checked", broken)
    job = ended(client, client.post(path, json=OUTSIDE, headers=ASYNC))
    assert (job["state"], job["status"]) == ("FAILED", 500)
    assert "swordfish" not in str(job)


def test_a_job_that_is_not_there_says_what_to_do(client: TestClient) -> None:
    assert "again" in problem_of(client.get("/v1/jobs/none"), 404)["detail"]


def test_only_who_prefers_it_gets_a_job_and_old_ones_go(monkeypatch: pytest.MonkeyPatch) -> None:
    assert [is_async(one) for one in (None, "", "wait=5", "Respond-Async; x=1")] == [
        False,
        False,
        False,
        True,
    ]
    jobs = Jobs()
    monkeypatch.setattr("service.jobs._MOST_KEPT", 2)
    ids = []
    for _ in range(4):
        jobs.accept(None, "nothing", lambda: Done(answer=1))  # type: ignore[arg-type]
        ids.append(next(reversed(jobs._jobs)))
    jobs._threads.shutdown()
    assert isinstance(jobs.get(ids[-1]), Job)
    assert len(jobs._jobs) <= 2
