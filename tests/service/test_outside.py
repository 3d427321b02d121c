"""Ask and tell over REST, against the whole service; and the example that needs nothing else."""

import importlib.util
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi.testclient import TestClient

from db.tables import AttemptRow
from tests.mixtures.outside_study import OUTSIDE_STUDY
from tests.service.conftest import SMALL_STUDY, StartService, controller_of
from tests.service.pretend_runner import PretendRunner
from tests.service.real_server import RealServer
from tests.waiting import wait_until

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "outside_trainer.py"


def submit(client: TestClient, **changes: Any) -> str:
    answer = client.post("/v1/studies", json={**OUTSIDE_STUDY, **changes})
    assert answer.status_code == 201, answer.text
    study: str = answer.json()["id"]
    return study


def ask(client: TestClient, study: str, **changes: Any) -> list[dict[str, Any]]:
    answer = client.post(f"/v1/studies/{study}/ask", json={"worker": "ann", **changes})
    assert answer.status_code == 200, answer.text
    trials: list[dict[str, Any]] = answer.json()["trials"]
    return trials


def told(trial: dict[str, Any], value: float) -> dict[str, Any]:
    scores = [{"benchmark": name, "metric": "loss", "value": value} for name in ("math", "code")]
    return {"attempt": trial["attempt"], "scores": scores}


def tell(client: TestClient, trial: dict[str, Any], body: dict[str, Any]) -> httpx.Response:
    return client.post(f"/v1/trials/{trial['trial_id']}/tell", json=body)


def test_a_study_is_asked_told_and_ranked_and_our_workers_stay_away(
    start_service: StartService,
) -> None:
    runner = PretendRunner()
    with start_service(runner) as client:
        study = submit(client, design={"num_mixtures": 4, "num_repeated": 0})
        trials = ask(client, study, num=100, lease_seconds=60)
        # Four of the space beside pretrain_only, paper, uniform and proportional.
        assert len(trials) == 8
        assert [sum(trial["shares"].values()) for trial in trials] == pytest.approx([1.0] * 8)
        assert trials[0]["decay_tokens"] == 100_000
        for index, trial in enumerate(trials):
            assert tell(client, trial, told(trial, 2.0 + index)).json()["state"] == "COMPLETE"
        status = client.get(f"/v1/studies/{study}").json()["status"]
        assert (status["state"], status["trials"]["COMPLETE"]) == ("FINISHED", 8)
        board = client.get(f"/v1/studies/{study}/leaderboard").json()
        assert board["direction"] == "minimise"
        assert sorted(row["mean"] for row in board["rows"]) == [2.0 + i for i in range(8)]
        baselines = {"pretrain_only", "paper", "uniform", "proportional"}
        worst = max(board["rows"], key=lambda row: row["mean"])
        assert baselines - {*worst["is_baseline"]} == {one["baseline"] for one in worst["paired"]}
        # Losses in the order of asking have nothing to do with the mixtures.
        answer = client.get(f"/v1/studies/{study}/recommendation").json()
        assert not answer["enough_evidence"] and answer["curve"] is None
        refused = client.get(f"/v1/studies/{study}/export")
        assert refused.status_code == 409
        assert "force=true" in refused.json()["detail"] and "more trial" in refused.json()["detail"]
        forced = client.get(f"/v1/studies/{study}/export", params={"force": "true"})
        assert forced.status_code == 200 and "Not enough evidence" in forced.text
        assert client.get(f"/studies/{study}").status_code == 200
    assert runner.attempts == []


def test_how_often_others_may_lose_a_trial_is_what_the_settings_say(
    start_service: StartService,
) -> None:
    with start_service(max_attempts={"lost": 1, "error": 2}) as client:
        study = submit(client, design={"num_mixtures": 4, "num_repeated": 0})
        (lost,) = ask(client, study)
        with controller_of(client).database.write() as session:
            session.get_one(AttemptRow, (lost["trial_id"], 1)).leased_until = datetime(2020, 1, 1)
        (broken,) = ask(client, study)
        assert broken["trial_id"] != lost["trial_id"]
        assert client.get(f"/v1/trials/{lost['trial_id']}").json()["state"] == "FAILED"
        # Meanwhile whoever asks gets the first that waits.
        for attempt, state in ((1, "WAITING"), (2, "FAILED")):
            body = {"attempt": attempt, "failure": "no disk"}
            assert tell(client, broken, body).json()["state"] == state
            if attempt == 1:
                assert ask(client, study)[0]["trial_id"] == broken["trial_id"]


def test_a_wish_is_one_by_its_key_and_says_when_nothing_waits(client: TestClient) -> None:
    study = submit(client, design={"num_mixtures": 0, "num_repeated": 0}, baselines={})
    wish = {"num": 5, "worker": "ann", "key": "k"}
    first = client.post(f"/v1/studies/{study}/ask", json=wish).json()
    assert len(first["trials"]) == 2 and first["why_fewer"]
    assert client.post(f"/v1/studies/{study}/ask", json=wish).json()["trials"] == first["trials"]
    other = client.post(f"/v1/studies/{study}/ask", json={**wish, "worker": "bob"})
    assert other.status_code == 409


def test_telling_other_content_is_a_conflict_and_the_same_is_not(client: TestClient) -> None:
    (trial,) = ask(client, submit(client))
    assert tell(client, trial, told(trial, 2.0)).status_code == 200
    assert tell(client, trial, told(trial, 2.0)).status_code == 200
    assert tell(client, trial, told(trial, 2.5)).status_code == 409


def test_a_lease_that_ends_gives_the_trial_back_by_itself(client: TestClient) -> None:
    study = submit(client)
    (trial,) = ask(client, study, lease_seconds=1)
    address = f"/v1/trials/{trial['trial_id']}"
    wait_until(lambda: client.get(address).json()["state"] == "WAITING")
    (again,) = ask(client, study, worker="bob")
    assert (again["trial_id"], again["attempt"]) == (trial["trial_id"], 2)
    late = tell(client, trial, told(trial, 2.0))
    assert late.status_code == 409 and "attempt 2" in late.json()["detail"]
    assert client.get(address).json()["state"] == "RUNNING"


def test_a_lease_is_renewed_and_says_when_the_trial_is_not_wanted_any_more(
    client: TestClient,
) -> None:
    (trial,) = ask(client, submit(client))
    address = f"/v1/trials/{trial['trial_id']}"
    renewal = {"attempt": 1, "lease_seconds": 7200}
    first = client.post(f"{address}/renew", json=renewal).json()
    assert first["leased_until"] > trial["leased_until"]
    assert first["cancel_requested"] is False
    client.post(f"{address}/cancel")
    assert client.post(f"{address}/renew", json=renewal).json()["cancel_requested"] is True
    assert client.post(f"{address}/renew", json={"attempt": 3}).status_code == 409


def test_a_failure_is_told_and_the_trial_can_be_retried(client: TestClient) -> None:
    study = submit(client)
    (trial,) = ask(client, study)
    failed = tell(client, trial, {"attempt": 1, "failure": "loss is not finite"})
    assert failed.json()["state"] == "FAILED"
    client.post(f"/v1/trials/{trial['trial_id']}/retry")
    (again,) = ask(client, study)
    assert (again["trial_id"], again["attempt"]) == (trial["trial_id"], 2)


def test_a_restarted_controller_leaves_leases_as_they_are(start_service: StartService) -> None:
    with start_service() as client:
        study = submit(client)
        (trial,) = ask(client, study)
    with start_service() as client:
        assert client.get(f"/v1/trials/{trial['trial_id']}").json()["state"] == "RUNNING"
        assert tell(client, trial, told(trial, 2.0)).json()["state"] == "COMPLETE"


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"scores": [{"benchmark": "maths", "metric": "loss", "value": 1}]}, "scores.0.benchmark"),
        ({"scores": []}, "scores"),
        ({"scores": [{"benchmark": "math", "metric": "loss", "value": "x"}]}, "scores.0.value"),
        ({"scores": [{"benchmark": "math", "metric": "loss", "value": 1e13}]}, "scores.0.value"),
        ({"failure": "both"}, "scores"),
        ({"attempt": 0}, "attempt"),
    ],
)
def test_what_cannot_be_told_is_said_by_its_field(
    client: TestClient, changes: dict[str, Any], field: str
) -> None:
    (trial,) = ask(client, submit(client))
    answer = tell(client, trial, {**told(trial, 2.0), **changes})
    assert answer.status_code == 422, answer.text
    assert answer.json()["errors"][0]["field"] == field


@pytest.mark.parametrize("path", ["leaderboard", "recommendation", "signal", "curve", "report"])
def test_the_largest_scores_that_can_be_told_leave_every_answer_there(
    client: TestClient, path: str
) -> None:
    study = submit(client, space={"sft_share": [0.0, 0.25, 0.5, 0.75, 1.0]})
    for trial, value in zip(ask(client, study, num=6), (1e12, -1e12, 2, 3, 4, 1e-300), strict=True):
        assert tell(client, trial, told(trial, value)).status_code == 200
    answer = client.get(f"/v1/studies/{study}/{path}")
    assert answer.status_code == 200, answer.text


def test_a_study_of_our_own_workers_is_not_asked(client: TestClient) -> None:
    study = client.post("/v1/studies", json=SMALL_STUDY).json()["id"]
    for path, body in (("ask", {"worker": "ann"}), ("import", None)):
        answer = client.post(f"/v1/studies/{study}/{path}", json=body)
        assert answer.status_code == 422
        assert "trained_by: outside" in answer.json()["detail"]


def test_trials_of_before_are_imported_once_all_or_none(client: TestClient) -> None:
    study = submit(client)
    rows = "seed,web,chat,math,code\n0,0.5,0.5,2,3\n1,0.5,0.5,2.1,3.1\n"

    def send(text: str) -> httpx.Response:
        return client.post(f"/v1/studies/{study}/import", content=text)

    assert send(rows).json() == {"num_rows": 2, "num_new": 2}
    assert send(rows).json() == {"num_rows": 2, "num_new": 0}
    changed = send(rows.replace("2.1", "2.2") + "2,0.25,0.75,2,3\n")
    assert changed.status_code == 409 and "line 3" in changed.json()["detail"]
    wrong = send(rows + "2,0.25,0.25,2,3\n")
    assert wrong.json()["errors"][0]["field"] == "line 4"
    board = client.get(f"/v1/studies/{study}/leaderboard").json()
    assert [(row["mean"], row["seeds"]) for row in board["rows"]] == [(2.55, [0, 1])]


def test_who_trains_outside_is_told_which_subset_a_trial_reads(client: TestClient) -> None:
    spec = {**OUTSIDE_STUDY, "name": "subsets", "seeds": [0, 1, 2], "data_seeds": 2}
    given = ask(client, client.post("/v1/studies", json=spec).json()["id"], num=50)
    assert {(one["seed"], one.get("data_seed")) for one in given} == {(0, None), (1, 1), (2, None)}


def test_imported_levels_are_the_trials_and_the_leaderboards_and_the_comparisons(
    client: TestClient,
) -> None:
    space = {"sft_share": [0.0, 0.5, 1.0], "factors": {"decay.form": ["exponential", "linear"]}}
    spec = {**OUTSIDE_STUDY, "name": "levels", "space": space}
    study = client.post("/v1/studies", json=spec).json()["id"]
    rows = ["web,chat,math,code,decay.form"]
    for form, offset in (("exponential", 0.0), ("linear", 0.5)):
        rows += [f"{1 - s},{s},{2 + s + offset},3,{form}" for s in (0.0, 0.25, 0.5, 0.75, 1.0)]
    sent = client.post(f"/v1/studies/{study}/import", content="\n".join(rows))
    assert sent.json() == {"num_rows": 10, "num_new": 10}
    wrong = client.post(f"/v1/studies/{study}/import", content="\n".join([*rows, "1,0,2,3,wsd"]))
    (error,) = wrong.json()["errors"]
    assert (error["field"], error["value"]) == ("line 12.decay.form", "wsd")
    assert "one of ['exponential', 'linear']" in error["message"]
    board = client.get(f"/v1/studies/{study}/leaderboard").json()
    means = {(r["sft_share"], r["factors"]["decay.form"]): r["mean"] for r in board["rows"]}
    assert means[0.5, "linear"] - means[0.5, "exponential"] == pytest.approx(0.25)
    (level,) = client.get(f"/v1/studies/{study}/effects").json()["levels"]
    assert level["effect"] == pytest.approx([-0.125, 0.125], abs=0.02)
    ids = [row["trial_ids"][0] for row in board["rows"] if row["sft_share"] == 0.5]
    compared = client.get("/v1/compare", params={"trial": ids}).json()
    assert len(compared["mixtures"]) == 2
    page = client.get("/compare", params={"trial": ids}).text
    assert "decay.form linear" in page


def test_the_example_drives_a_study_by_rest_alone(tmp_path: Path) -> None:
    spec = importlib.util.spec_from_file_location("outside_trainer", EXAMPLE)
    assert spec is not None and spec.loader is not None
    example = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(example)
    server = RealServer(tmp_path / "home", tmp_path, PretendRunner())
    server.start()
    try:
        board = example.run(server.url)
    finally:
        server.stop()
    assert board["num_trials"] == len({id for row in board["rows"] for id in row["trial_ids"]})
    assert board["num_trials"] >= 12
    # The made-up loss falls with math and code, of which pretrain_only has no math at all.
    best = board["rows"][0]
    assert best["shares"]["math"] > 0 and "pretrain_only" not in best["is_baseline"]
