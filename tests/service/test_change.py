"""Changes: rows, audit entry and kept answer in one transaction, and asked twice is once."""

import threading
from datetime import timedelta
from typing import Any

import pytest
from fastapi.testclient import TestClient

from db import answered, audit
from db.database import now
from service.routes import trials as trial_routes
from service.trial_batch import wishes
from tests.service.conftest import SMALL_STUDY, StartService, controller_of, finished_study
from tests.service.test_problems import problem_of

OUTSIDE: dict[str, Any] = {
    "name": "outside",
    "question": "What is asked twice?",
    "trained_by": "outside",
    "sources": [
        {"name": "text", "kind": "pretrain", "tokens": 1_000_000},
        {"name": "sums", "kind": "sft", "tokens": 100_000},
    ],
    "benchmarks": [{"name": "test_sums"}],
    "space": {"sft_share": [0.0, 0.5, 1.0]},
    "baselines": {},
}
KEY = {"Idempotency-Key": "wish-1"}


def outside_study(client: TestClient) -> str:
    answer = client.post("/v1/studies", json=OUTSIDE)
    assert answer.status_code in (200, 201), answer.text
    study_id: str = answer.json()["id"]
    return study_id


def num_trials(client: TestClient, study: str) -> int:
    return len(client.get(f"/v1/studies/{study}/trials").json())


def first_trial(client: TestClient, study: str) -> str:
    trial: str = client.get(f"/v1/studies/{study}/trials").json()[0]["id"]
    return trial


def test_the_same_key_with_the_same_request_is_answered_as_before(client: TestClient) -> None:
    study = outside_study(client)
    path = f"/v1/trials/{first_trial(client, study)}/repeat"
    before = num_trials(client, study)
    first = client.post(path, headers=KEY)
    again = client.post(path, headers=KEY)
    # Without a key each repeat is another seed.
    assert client.post(path).json() != first.json()
    assert (first.status_code, again.status_code) == (202, 202)
    assert again.content == first.content
    assert again.headers["location"] == first.headers["location"]
    assert "idempotency-replayed" not in first.headers
    assert again.headers["idempotency-replayed"] == "true"
    assert num_trials(client, study) == before + 2


def test_every_route_that_creates_takes_a_key(client: TestClient) -> None:
    study = outside_study(client)
    trial = first_trial(client, study)
    trials = f"/v1/studies/{study}/trials"
    wishes: list[tuple[str, dict[str, Any], int]] = [
        ("/v1/studies", {"json": {**OUTSIDE, "name": "another"}}, 201),
        (trials, {"json": {"sft_share": 0.3}}, 202),
        (trials, {"json": [{"sft_share": 0.4}], "params": {"all_or_none": "false"}}, 202),
        (f"/v1/studies/{study}/extend", {"json": {"seeds": [7]}}, 200),
        (f"/v1/trials/{trial}/repeat", {}, 202),
        (
            f"/v1/studies/{study}/import",
            {
                "content": b"seed,text,sums,score:test_sums\n9,0.5,0.5,1.5\n",
                "headers": {"Content-Type": "text/csv"},
            },
            200,
        ),
        (
            "/v1/sources",
            {"params": {"name": "a.jsonl"}, "content": b'{"text": "One line of it."}\n' * 40},
            201,
        ),
    ]
    for index, (path, given, status) in enumerate(wishes):
        headers = {**given.pop("headers", {}), "Idempotency-Key": f"key-{index}"}
        first = client.post(path, headers=headers, **given)
        again = client.post(path, headers=headers, **given)
        assert (first.status_code, again.status_code) == (status, status), first.text
        assert again.json() == first.json(), path
        assert again.headers.get("location") == first.headers.get("location")
        assert again.headers["idempotency-replayed"] == "true", path
    described = client.get("/openapi.json").json()["paths"]
    for path in ("/v1/studies/{study_id}/ask", "/v1/tokens", "/v1/benchmarks"):
        names = [one["name"].lower() for one in described[path]["post"]["parameters"]]
        assert "idempotency-key" in names, path


def test_the_same_key_with_another_request_is_refused(client: TestClient) -> None:
    study = outside_study(client)
    path = f"/v1/studies/{study}/trials"
    assert client.post(path, json={"sft_share": 0.25}, headers=KEY).status_code == 202
    for other in (
        client.post(path, json={"sft_share": 0.26}, headers=KEY),
        client.post(path, json={"sft_share": 0.25}, params={"all_or_none": False}, headers=KEY),
        client.post(f"/v1/studies/{study}/extend", json={"seeds": [9]}, headers=KEY),
        client.post("/v1/sources", params={"name": "x.txt"}, content=b"x", headers=KEY),
    ):
        (error,) = problem_of(other, 422)["errors"]
        assert error["field"] == "Idempotency-Key"
        assert error["value"] == "wish-1"
    assert num_trials(client, study) == 6 + 2
    for bad in ("with space", "x" * 256):
        assert client.post(path, json=[], headers={"Idempotency-Key": bad}).status_code == 422


def test_a_refused_request_leaves_its_key_free(client: TestClient) -> None:
    study = outside_study(client)
    path = f"/v1/studies/{study}/trials"
    assert client.post(path, json={"sft_share": 2}, headers=KEY).status_code == 422
    assert client.post(path, json={"sft_share": 0.2}, headers=KEY).status_code == 202


def test_a_key_is_its_callers_own(start_service: StartService) -> None:
    with start_service(token="swordfish") as client:
        owner = {"Authorization": "Bearer swordfish"}
        wish = {"name": "ann", "scopes": ["submit"]}
        ann = client.post("/v1/tokens", json=wish, headers=owner).json()["token"]
        other = {"Authorization": f"Bearer {ann}"}
        first = client.post("/v1/studies", json=OUTSIDE, headers={**owner, **KEY})
        hers = client.post("/v1/studies", json={**OUTSIDE, "name": "b"}, headers={**other, **KEY})
        assert (first.status_code, hers.status_code) == (201, 201)


def test_an_answer_outlives_a_restart_and_ends_after_its_time(
    start_service: StartService, monkeypatch: pytest.MonkeyPatch
) -> None:
    with start_service() as client:
        study = outside_study(client)
        path = f"/v1/trials/{first_trial(client, study)}/repeat"
        first = client.post(path, headers=KEY).json()
    with start_service() as client:
        assert client.post(path, headers=KEY).json() == first
        later = now() + timedelta(hours=25)
        monkeypatch.setattr(answered, "now", lambda: later)
        assert client.post(path, headers=KEY).json() != first
        with controller_of(client).database.write() as session:
            later += timedelta(hours=25)
            assert answered.prune_answers(session) == 1


def test_change_audit_entry_and_answer_are_one_commit_or_none(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    study = outside_study(client)
    path = f"/v1/studies/{study}/trials"
    commits: list[float] = []
    controller_of(client).database.on_commit = commits.append
    assert client.post(path, json={"sft_share": 0.1}, headers=KEY).status_code == 202
    assert len(commits) == 1
    entry = client.get("/v1/audit", params={"limit": 1}).json()["entries"][0]
    assert (entry["action"], entry["status"]) == ("submit_trials", 202)

    def full(*_: Any) -> None:
        raise OSError("the disk is full")

    before = num_trials(client, study)
    monkeypatch.setattr(audit, "add", full)
    quiet = TestClient(client.app, base_url="http://127.0.0.1", raise_server_exceptions=False)
    headers = {"Idempotency-Key": "wish-2"}
    # What is written down of a change fails: so there is no change, and its key is free.
    monkeypatch.setattr(audit, "write_down", lambda *_: None)
    assert quiet.post(path, json={"sft_share": 0.2}, headers=headers).status_code == 500
    assert num_trials(client, study) == before
    monkeypatch.undo()
    made = client.post(path, json={"sft_share": 0.2}, headers=headers)
    assert (made.status_code, made.json()["num_new"]) == (202, 2)
    assert "idempotency-replayed" not in made.headers


def test_a_key_at_work_is_told_to_wait(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    path = f"/v1/studies/{outside_study(client)}/trials"
    begun, go_on = threading.Event(), threading.Event()
    answers = []

    def slow(*given: Any) -> Any:
        begun.set()
        assert go_on.wait(60)
        return wishes(*given)

    def ask() -> None:
        answers.append(client.post(path, json={"sft_share": 0.1}, headers=KEY))

    monkeypatch.setattr(trial_routes, "wishes", slow)
    asking = threading.Thread(target=ask)
    asking.start()
    assert begun.wait(60)
    waiting = client.post(path, json={"sft_share": 0.1}, headers=KEY)
    go_on.set()
    asking.join(60)
    problem_of(waiting, 409)
    assert int(waiting.headers["retry-after"]) >= 1
    assert answers[0].status_code == 202
    assert client.post(path, json={"sft_share": 0.1}, headers=KEY).json() == answers[0].json()


def test_a_token_is_made_once_and_shown_once(start_service: StartService) -> None:
    with start_service(token="swordfish") as client:
        headers = {"Authorization": "Bearer swordfish", **KEY}
        wish = {"name": "ann", "scopes": ["read"]}
        made = client.post("/v1/tokens", json=wish, headers=headers)
        assert made.status_code == 201
        again = problem_of(client.post("/v1/tokens", json=wish, headers=headers), 409)
        assert made.json()["stored"]["id"] in again["detail"]
        assert len(client.get("/v1/tokens", headers=headers).json()) == 1
        told = client.get("/v1/audit", headers=headers, params={"limit": 2}).json()["entries"]
        assert [one["status"] for one in told] == [409, 201]
        with controller_of(client).database.read() as session:
            kept = session.query(answered.AnsweredRow).one()
            assert made.json()["token"] not in kept.body


def test_the_key_of_a_wish_for_trials_may_stand_in_the_header(client: TestClient) -> None:
    path = f"/v1/studies/{outside_study(client)}/ask"
    wish = {"num": 1, "worker": "ann"}
    first = client.post(path, json=wish, headers=KEY).json()["trials"]
    again = client.post(path, json={**wish, "key": "wish-1"}).json()["trials"]
    assert [one["trial_id"] for one in first] == [one["trial_id"] for one in again]
    other = client.post(path, json={**wish, "key": "wish-2"}, headers=KEY)
    assert problem_of(other, 422)["errors"][0]["field"] == "key"


def test_a_batch_says_what_came_of_each(client: TestClient) -> None:
    study = outside_study(client)
    path = f"/v1/studies/{study}/trials"
    batch = [
        {"sft_share": 0.5},  # there already, with both seeds
        {"sft_share": 7},
        {"shares": {"text": 0.3, "songs": 0.7}},
        {"sft_share": 0.3, "seed": 5},
        {"sft_share": 0.3, "seed": 5},
    ]
    none = problem_of(client.post(path, json=batch), 422)
    assert [one["pointer"] for one in none["errors"]] == ["/1/sft_share", "/2/shares/songs"]
    assert num_trials(client, study) == 6
    each = client.post(path, json=batch, params={"all_or_none": False})
    assert each.status_code == 202
    results = each.json()["results"]
    assert [one["num_new"] for one in results] == [0, 0, 0, 1, 0]
    assert [len(one["trial_ids"]) for one in results] == [2, 0, 0, 1, 1]
    assert results[3]["trial_ids"] == results[4]["trial_ids"]
    assert results[1]["errors"][0]["pointer"] == "/1/sft_share"
    assert (each.json()["num_new"], num_trials(client, study)) == (1, 7)
    wrong = client.post(path, json=batch[1:3], params={"all_or_none": False})
    assert wrong.status_code == 202
    assert [len(one["errors"]) for one in wrong.json()["results"]] == [1, 1]


def test_a_batch_by_itself_stops_at_the_budget(client: TestClient) -> None:
    answer = client.post("/v1/studies", json={**OUTSIDE, "budget": {"max_trials": 8}})
    path = f"/v1/studies/{answer.json()['id']}/trials"
    batch = [{"sft_share": 0.1 * n, "seed": 3} for n in range(1, 5)]
    found = client.post(path, json=batch, params={"all_or_none": False}).json()
    assert [one["num_new"] for one in found["results"]] == [1, 1, 0, 0]
    assert "room for 0 more" in found["results"][2]["errors"][0]["message"]
    assert client.post(path, json=batch[2:], params={"all_or_none": True}).status_code == 422


def test_long_work_is_accepted_with_where_and_when_to_look(client: TestClient) -> None:
    study = finished_study(client, {**SMALL_STUDY, "name": "long"})
    one = client.post(f"/v1/studies/{study}/trials", json={"sft_share": 0.33, "seed": 4})
    assert one.status_code == 202
    assert one.headers["location"] == f"/v1/trials/{one.json()['trial_ids'][0]}"
    assert int(one.headers["retry-after"]) >= 1
    assert client.get(one.headers["location"]).status_code == 200
    many = client.post(f"/v1/studies/{study}/trials", json=[{"sft_share": 0.1}, {"sft_share": 0.9}])
    assert many.headers["location"] == f"/v1/studies/{study}"
