"""Pages of trials over REST, and what can be done to one trial."""

from fastapi.testclient import TestClient

from tests.service.conftest import SMALL_STUDY, finished_study
from tests.waiting import wait_until


def test_pages_hold_what_the_whole_list_holds(client: TestClient) -> None:
    study_id = finished_study(client)
    path = f"/v1/studies/{study_id}/trials"
    whole = client.get(path).json()
    found, after = [], ""
    while after is not None:
        page = client.get(path, params={"limit": 5} | ({"after": after} if after else {})).json()
        assert page["num_matching"] == 14
        found += page["trials"]
        after = page["next_after"]
    assert found == whole
    best = client.get(path, params={"limit": 1, "sort": "objective"}).json()["trials"][0]
    assert best["objective"] == min(trial["objective"] for trial in whole)
    assert best["epochs"] != {}
    none = client.get(path, params={"limit": 5, "state": ["FAILED", "WAITING"]}).json()
    assert none == {"trials": [], "next_after": None, "num_matching": 0}


WRONG_PAGES = [
    ("limit=0", "limit", "greater than or equal to 1"),
    ("limit=5000", "limit", "less than or equal to 1000"),
    ("limit=5&state=DONE", "state.0", "DONE"),
    ("limit=5&sort=colour", "sort", "expected one of position, objective"),
    ("limit=5&after=xyz", "after", "next_after of the page before"),
    ("q=odd", "q", "give a limit"),
]


def test_a_page_that_is_none_is_refused_by_field(client: TestClient) -> None:
    study_id = client.post("/v1/studies", json=SMALL_STUDY).json()["id"]
    for query, field, words in WRONG_PAGES:
        answer = client.get(f"/v1/studies/{study_id}/trials?{query}")
        assert answer.status_code == 422
        assert answer.json()["errors"][0]["field"] == field
        assert words in answer.json()["detail"]


def test_a_trial_is_repeated_with_a_new_seed(client: TestClient) -> None:
    study_id = finished_study(client)
    first = client.get(f"/v1/studies/{study_id}/trials").json()[0]
    path = f"/v1/trials/{first['id']}/repeat"
    answer = client.post(path)
    assert answer.status_code == 202
    assert answer.json()["num_new"] == 1
    (new,) = answer.json()["trial_ids"]
    trial = client.get(f"/v1/trials/{new}").json()
    assert (trial["spec"]["mixture"]["shares"], trial["spec"]["seed"]) == (first["shares"], 2)
    again = client.post(path, json={"seed": 2}).json()
    assert again == {"trial_ids": [new], "num_new": 0}
    wait_until(lambda: client.get(f"/v1/trials/{new}").json()["state"] == "COMPLETE")
    assert client.post(path, json={"seed": -1}).status_code == 422
    assert client.post("/v1/trials/nothing/repeat").status_code == 404


def test_a_repeat_beyond_the_budget_is_refused(client: TestClient) -> None:
    study_id = finished_study(client, {**SMALL_STUDY, "budget": {"max_trials": 14}})
    first = client.get(f"/v1/studies/{study_id}/trials").json()[0]
    answer = client.post(f"/v1/trials/{first['id']}/repeat")
    assert answer.status_code == 422
    assert "extend the study" in answer.json()["detail"]
    assert len(client.get(f"/v1/studies/{study_id}/trials").json()) == 14


def test_a_trial_takes_a_note_and_tags(client: TestClient) -> None:
    study_id = finished_study(client)
    first = client.get(f"/v1/studies/{study_id}/trials").json()[0]["id"]
    path = f"/v1/trials/{first}"
    answer = client.patch(path, json={"note": "odd", "tags": ["look"]})
    assert answer.status_code == 200
    stored = client.get(path).json()
    assert (stored["note"], stored["tags"]) == ("odd", ["look"])
    page = client.get(f"/v1/studies/{study_id}/trials?limit=9&tag=look&q=ODD").json()
    assert [trial["id"] for trial in page["trials"]] == [first]
    assert client.patch(path, json={"is_paused": True}).status_code == 422
    assert client.patch("/v1/trials/nothing", json={"note": "x"}).status_code == 404
