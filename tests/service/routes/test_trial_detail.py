"""One trial closely: curve, items, attempts and log, as the API gives them."""

from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from mixtures.item import ItemScore, ItemText
from mixtures.trial import CurvePoint
from tests.service.conftest import SMALL_STUDY, StartService, finished_study
from tests.service.pretend_runner import PretendRunner
from workers.item_files import write_item_scores, write_item_texts
from workers.trial_log import trial_log

FEW = {**SMALL_STUDY, "space": {"sft_share": [0.0, 0.5]}, "baselines": {}, "seeds": [0]}


@pytest.fixture
def trial_id(client: TestClient) -> str:
    study_id = finished_study(client, FEW)
    found: str = client.get(f"/v1/studies/{study_id}/trials").json()[0]["id"]
    return found


def keep_items(home: Path, trial_id: str) -> None:
    """Three of a quiz, of which two are right, and one of another benchmark."""
    scores = [
        ItemScore(
            benchmark="quiz", item=i, nats=nats, answer_bytes=1, chosen=chosen, is_right=chosen == 1
        )
        for i, (nats, chosen) in enumerate([(1.0, 1), (3.0, 0), (2.0, 1)])
    ]
    scores.append(ItemScore(benchmark="held_out", item=0, nats=5.0, answer_bytes=10))
    text = ItemText(benchmark="quiz", item=1, prompt="什么", answer="b", choices=("a", "b"))
    write_item_texts(home, "texts", lambda: [text])
    write_item_scores(home, trial_id, scores, "texts")


def test_curve_is_that_of_the_result(client: TestClient, trial_id: str) -> None:
    curve = client.get(f"/v1/trials/{trial_id}/curve").json()
    assert curve["trial_id"] == trial_id
    assert len(curve["points"]) == 20
    assert CurvePoint.model_validate(curve["points"][-1]).loss == 3.0
    assert curve["why_none"] is None


def test_items_come_hardest_first_a_page_at_a_time(
    client: TestClient, trial_id: str, tmp_path: Path
) -> None:
    keep_items(tmp_path / "home", trial_id)
    address = f"/v1/trials/{trial_id}/items"
    counts = client.get(address).json()
    assert counts["items"] == []
    assert [(c["benchmark"], c["num_right"], c["num_items"]) for c in counts["benchmarks"]] == [
        ("quiz", 2, 3),
        ("held_out", None, 1),
    ]
    first = client.get(address, params={"benchmark": "quiz", "limit": 2}).json()
    assert [one["score"]["item"] for one in first["items"]] == [1, 2]
    assert first["items"][0]["text"]["prompt"] == "什么"
    assert first["items"][1]["text"] is None
    rest = client.get(address, params={"benchmark": "quiz", "after": first["next_after"]}).json()
    assert [one["score"]["item"] for one in rest["items"]] == [0]
    assert rest["next_after"] is None
    wrong = client.get(address, params={"benchmark": "quiz", "answered": "wrong"}).json()
    assert [one["score"]["item"] for one in wrong["items"]] == [1]
    assert wrong["num_matching"] == 1


def test_a_trial_without_items_says_so(client: TestClient, trial_id: str) -> None:
    answer = client.get(f"/v1/trials/{trial_id}/items").json()
    assert answer["benchmarks"] == []
    assert "ran before items were kept" in answer["why_none"]


def test_a_broken_file_of_items_is_said_and_not_a_failure(
    client: TestClient, trial_id: str, tmp_path: Path
) -> None:
    keep_items(tmp_path / "home", trial_id)
    (tmp_path / "home" / "trials" / trial_id / "items.parquet").write_bytes(b"PAR1")
    answer = client.get(f"/v1/trials/{trial_id}/items")
    assert answer.status_code == 200
    assert "cannot be read" in answer.json()["why_none"]


def test_an_unknown_benchmark_is_named_with_those_that_there_are(
    client: TestClient, trial_id: str, tmp_path: Path
) -> None:
    keep_items(tmp_path / "home", trial_id)
    answer = client.get(f"/v1/trials/{trial_id}/items", params={"benchmark": "piqa"})
    assert answer.status_code == 422
    assert "piqa" in answer.json()["detail"]
    assert "held_out" in answer.json()["detail"]


def test_attempts_of_a_trial_that_failed_and_was_retried(start_service: StartService) -> None:
    runner = PretendRunner(fail={0.5: ValueError("too hot")})
    with start_service(runner=runner) as client:
        study_id = finished_study(client, FEW)
        trials = client.get(f"/v1/studies/{study_id}/trials").json()
        failed = next(trial["id"] for trial in trials if trial["state"] == "FAILED")
        runner.fail.clear()
        client.post(f"/v1/trials/{failed}/retry")
        finished_study(client, FEW)
        attempts = client.get(f"/v1/trials/{failed}/attempts").json()["attempts"]
    assert [(a["number"], a["outcome"]) for a in attempts] == [(1, "FAILED"), (2, "COMPLETE")]
    assert all(a["seconds"] >= 0 for a in attempts)


def test_log_is_text_and_empty_where_there_is_none(
    client: TestClient, trial_id: str, tmp_path: Path
) -> None:
    assert client.get(f"/v1/trials/{trial_id}/log").text == ""
    with trial_log(tmp_path / "home", trial_id, 1) as log:
        log.info("<b>decay</b>")
    answer = client.get(f"/v1/trials/{trial_id}/log")
    assert answer.headers["content-type"].startswith("text/plain")
    assert answer.text.endswith("attempt 1 INFO <b>decay</b>\n")


@pytest.mark.parametrize("what", ["curve", "items", "attempts", "log"])
def test_an_unknown_trial_is_named(client: TestClient, what: str) -> None:
    answer = client.get(f"/v1/trials/nobody/{what}")
    assert answer.status_code == 404
    assert "there is no trial nobody" in answer.json()["detail"]
