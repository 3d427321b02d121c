"""A study's confirmation over REST: asked, run on fresh seeds, answered."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from fastapi.testclient import TestClient

from tests.service.conftest import SMALL_STUDY, StartService, finished_study
from tests.service.pages.test_pages import text_of
from tests.service.pretend_runner import PretendRunner
from tests.service.test_change import OUTSIDE
from tests.waiting import wait_until


def path(study_id: str) -> str:
    return f"/v1/studies/{study_id}/confirmation"


def is_finished(client: TestClient, study_id: str) -> Callable[[], bool]:
    url = f"/v1/studies/{study_id}"
    return lambda: bool(client.get(url).json()["status"]["state"] == "FINISHED")


def confirmed(client: TestClient, study_id: str, **wish: Any) -> dict[str, Any]:
    """Asked and run to its end."""
    answer = client.post(path(study_id), json=wish)
    assert answer.status_code == 201, answer.text
    follow_up = answer.json()["id"]
    assert answer.headers["Location"] == path(follow_up)
    wait_until(is_finished(client, follow_up))
    found: dict[str, Any] = client.get(path(study_id)).json()
    return found


def report_of(client: TestClient, study_id: str) -> str:
    return client.get(f"/v1/studies/{study_id}/report?format=markdown").raise_for_status().text


def test_a_confirmation_is_a_study_of_its_own_on_fresh_seeds(client: TestClient) -> None:
    study_id = finished_study(client)
    board = client.get(f"/v1/studies/{study_id}/leaderboard").json()
    recommended = client.get(f"/v1/studies/{study_id}/recommendation").json()
    assert client.get(path(study_id)).status_code == 404
    found = confirmed(client, study_id)

    assert found["seeds"] == [2, 3, 4, 5, 6, 7, 8, 9]
    names = [name for one in found["mixtures"] for name in one["names"]]
    assert sorted(names) == ["paper", "pretrain_only", "raw_top", "recommended"]
    own = found["mixtures"][0]
    assert own["names"][0] == "recommended"
    assert own["shares"] == recommended["mixture"]["shares"]
    assert own["promise"]["mean"] == recommended["predicted_mean"]
    assert found["asked"]["sentence"] == recommended["sentence"]
    assert found["is_complete"] and found["missing"] == []
    assert found["num_complete"] == 8 * len(found["mixtures"])

    # .4 away in the share the curve is .16 to .36 worse, and the noise .004.
    lead = next(one for one in found["differences"] if one["other"] == "pretrain_only")
    assert lead["told"] == "better" and lead["p_sign_flip"] == 2 / 256
    assert lead["is_promised_lead"] and lead["difference"] == pytest.approx(-0.36, abs=0.05)
    assert found["verdict"] == "confirmed"

    # The trials are the study's own but for mixture, seed and the study that they are of.
    before = client.get(f"/v1/trials/{board['rows'][0]['trial_ids'][0]}").json()["spec"]
    after = client.get(f"/v1/trials/{own['trial_ids'][0]}").json()["spec"]
    for name in ("recipe", "decay", "data_hashes", "resources"):
        assert after[name] == before[name]
    # And the study has learned nothing of it.
    assert client.get(f"/v1/studies/{study_id}/leaderboard").json() == board
    follow_up = client.get(f"/v1/studies/{found['id']}").json()["spec"]
    assert follow_up["confirmation"]["study"] == study_id
    assert follow_up["name"] == "small-confirmation"
    assert client.get(path(found["id"])).json() == found

    # The page of either study shows the same.
    for one in (study_id, found["id"]):
        page = client.get(f"/studies/{one}/recommendation")
        assert page.status_code == 200
        assert found["sentence"] in text_of(page.text).replace("\u00a0", " ")

    # The report of the confirmation leads with what it was run for, the study's with its answer.
    heads = {
        one: re.findall(r"^## (Recommendation|On seeds.*)$", report_of(client, one), re.MULTILINE)
        for one in (study_id, found["id"])
    }
    assert heads[study_id] == ["Recommendation", "On seeds that nobody had seen"]
    assert heads[found["id"]] == ["On seeds that nobody had seen", "Recommendation"]


def test_asking_twice_is_one_and_what_came_later_changes_no_promise(client: TestClient) -> None:
    study_id = finished_study(client)
    found = confirmed(client, study_id, num_seeds=2)
    again = client.post(path(study_id), json={"num_seeds": 2})
    assert (again.status_code, again.json()["id"]) == (200, found["id"])

    # A new share moves the study's answer; a second confirmation asks it with newer seeds.
    client.post(f"/v1/studies/{study_id}/trials", json={"sft_share": 0.5, "seed": 0})
    wait_until(is_finished(client, study_id))
    assert client.get(path(found["id"])).json() == found
    newer = confirmed(client, study_id, num_seeds=3)
    assert newer["seeds"] == [4, 5, 6]
    assert newer["asked"]["num_trials"] == found["asked"]["num_trials"] + 1
    assert newer["others"] == [found["id"]]
    assert any("confirmed 1 more time" in note for note in newer["notes"])
    assert client.get(path(found["id"])).json()["asked"] == found["asked"]

    # It stays as it was asked.
    extended = client.post(f"/v1/studies/{found['id']}/extend", json={"seeds": [99]})
    assert extended.status_code == 422 and "stays as it was asked" in extended.text
    more = client.post(f"/v1/studies/{found['id']}/trials", json={"sft_share": 0.1})
    assert more.status_code == 422 and "budget.max_trials" in more.text
    itself = client.post(path(found["id"]))
    assert itself.status_code == 422 and "a confirmation itself" in itself.text


def test_mixtures_of_trials_and_of_other_studies_come_along(client: TestClient) -> None:
    study_id = finished_study(client)
    (trial,) = (
        one["id"]
        for one in client.get(f"/v1/studies/{study_id}/trials").json()
        if (one["sft_share"], one["seed"]) == (0.2, 0)
    )
    space = {"sft_share": [0.0, 0.3, 0.5, 0.7, 1.0]}
    other = finished_study(client, {**SMALL_STUDY, "name": "other", "space": space, "seeds": [7]})
    found = confirmed(client, study_id, num_seeds=2, trials=[trial], studies=[other])
    # Seed 7 has chosen a mixture too.
    assert found["seeds"] == [8, 9]
    by_name = {name: one for one in found["mixtures"] for name in one["names"]}
    assert by_name[f"trial-{trial}"]["sft_share"] == 0.2
    theirs = client.get(f"/v1/studies/{other}/recommendation").json()
    assert by_name["from-other"]["sft_share"] == theirs["sft_share"]
    assert by_name[f"trial-{trial}"]["promise"]["num_trials"] == 2


def test_what_cannot_be_is_refused_by_its_field_and_nothing_is_kept(client: TestClient) -> None:
    study_id = client.post("/v1/studies?is_paused=true", json=SMALL_STUDY).json()["id"]
    wishes: list[tuple[dict[str, Any], str]] = [
        ({"num_seeds": 1}, "num_seeds"),
        ({"num_seeds": 33}, "num_seeds"),
        ({"trials": ["nothing"]}, "trials.0"),
        ({"studies": ["nothing"]}, "studies.0"),
        ({"seeds": 8}, "seeds"),
    ]
    for wish, field in wishes:
        refused = client.post(path(study_id), json=wish)
        assert refused.status_code == 422
        assert refused.json()["errors"][0]["field"] == field
    # Other data, so a mixture of theirs is none here.
    other = {**OUTSIDE, "name": "apart"}
    apart = client.post("/v1/studies?is_paused=true", json=other).json()["id"]
    refused = client.post(path(study_id), json={"studies": [apart]})
    assert refused.status_code == 422 and "holds other data" in refused.json()["detail"]
    # Before there is a recommendation there is nothing to confirm.
    early = client.post(path(study_id))
    assert early.status_code == 409
    assert early.json()["detail"].startswith("small: ")
    assert len(client.get("/v1/studies").json()) == 2
    assert client.get(path("nothing")).status_code == 404


def test_a_failed_trial_is_named_and_its_pair_left_out(start_service: StartService) -> None:
    runner = PretendRunner()
    with start_service(runner=runner) as client:
        study_id = finished_study(client)
        runner.fail = {0.64: ValueError("no luck")}
        found = confirmed(client, study_id, num_seeds=3)
        assert {one["state"] for one in found["missing"]} == {"FAILED"}
        assert len(found["missing"]) == 3
        paper = next(one for one in found["differences"] if one["other"] == "paper")
        assert (paper["num_pairs"], paper["left_out"], paper["difference"]) == (0, [2, 3, 4], None)
        assert found["is_complete"]
        assert any("paper with seed 2 (FAILED)" in note for note in found["notes"])
