"""The page of one trial, as a browser without JavaScript gets it."""

import html
import math
import re
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from tests.mixtures.outside_study import OUTSIDE_STUDY
from tests.service.conftest import SMALL_STUDY, StartService, finished_study
from tests.service.pages.test_pages import ATTACK, text_of
from tests.service.pretend_runner import PretendRunner
from tests.service.routes.test_trial_detail import keep_items

STUDY = {**SMALL_STUDY, "space": {"sft_share": [0.0, 0.5, 1.0]}, "seeds": [0]}


def trials_of(client: TestClient, study: dict[str, Any]) -> dict[float, dict[str, Any]]:
    study_id = finished_study(client, study)
    found = client.get(f"/v1/studies/{study_id}/trials").json()
    return {trial["sft_share"]: trial for trial in found}


def part(page: str, name: str) -> str:
    return text_of(page.split(f'data-part="{name}"')[1].split("data-part=")[0])


def test_page_has_the_numbers_of_the_api(client: TestClient) -> None:
    trials = trials_of(client, STUDY)
    trial_id = trials[0.5]["id"]
    page = client.get(f"/trials/{trial_id}").text
    text = text_of(page)
    detail = client.get(f"/v1/trials/{trial_id}").json()
    assert "50 % SFT, seed 0" in text
    assert f"{trials[0.5]['objective']:.4f}" in part(page, "trial-head")
    scores = part(page, "trial-scores")
    for score in detail["result"]["scores"]:
        half = 1.96 * score["standard_error"]
        low, high = score["value"] - half, score["value"] + half
        assert f"{score['value']:.4f} {low:.4f} to {high:.4f} 128" in scores
        baseline = trials[0.0]["scores"][score["benchmark"]]
        assert f"{score['value'] - baseline:+.4f}".replace("-", "\u2212") in scores
    # The curve is drawn, with all of its points in its table.
    curve = client.get(f"/v1/trials/{trial_id}/curve").json()
    assert (page.count('class="line s0"'), page.count('class="line faint"')) == (2, 1)
    assert sum(f"{point['tokens']:,}" in page for point in curve["points"]) == 20
    assert "Repeat them" not in text
    assert "ran before items were kept" in text
    assert "1 complete" in part(page, "trial-attempts")
    assert not re.search(r"\sstyle=|\son\w+=|javascript:", page)
    for link in {html.unescape(one) for one in re.findall(r'(?:href|src)="(/[^"#]*)"', page)}:
        if not link.startswith("/compare"):
            assert client.get(link).status_code == 200, link


def test_failed_trial_shows_why_and_offers_a_retry(start_service: StartService) -> None:
    runner = PretendRunner(fail={0.5: ValueError(f"loss is nan {ATTACK}")})
    with start_service(runner=runner) as client:
        trial_id = trials_of(client, STUDY)[0.5]["id"]
        page = client.get(f"/trials/{trial_id}").text
    assert ATTACK not in page
    failure = part(page, "trial-failure")
    assert f"ValueError: loss is nan {ATTACK}" in failure
    assert "Traceback (most recent call last)" in failure
    head = part(page, "trial-head")
    assert "Retry" in head
    assert "Cancel the trial" not in head
    assert "not known" in head


def test_items_are_shown_as_the_model_saw_them(client: TestClient, tmp_path: Path) -> None:
    trial_id = trials_of(client, STUDY)[0.5]["id"]
    keep_items(tmp_path / "home", trial_id)
    page = client.get(f"/trials/{trial_id}", params={"benchmark": "quiz", "answered": "wrong"}).text
    items = part(page, "trial-items")
    assert "quiz (2 of 3 right)" in items
    assert "1 item; those whose right answer" in items
    bits = 3.0 / math.log(2)
    assert f"wrong {bits:.3f} bits per byte of the right answer · item 1 什么" in items
    assert "a its choice b right answer" in items
    # The form's empty choice is none.
    assert client.get(f"/trials/{trial_id}?benchmark=&answered=all").status_code == 200


def test_forty_sources_and_a_long_name_stay_in_their_table(client: TestClient) -> None:
    extra = [{**SMALL_STUDY["sources"][1], "name": f"{'long-' * 11}{i:02d}"} for i in range(39)]
    sources = [SMALL_STUDY["sources"][0], *extra]
    study = {**STUDY, "sources": sources, "near_duplicates": "flag", "question": "كم 多少"}
    trial_id = trials_of(client, study)[0.5]["id"]
    page = client.get(f"/trials/{trial_id}").text
    assert page.count("<meter") == 40


def test_running_trial_has_its_progress_and_no_scores(start_service: StartService) -> None:
    import threading

    gate = threading.Event()
    with start_service(runner=PretendRunner(gate=gate)) as client:
        study_id = client.post("/v1/studies", json=STUDY).json()["id"]
        trials = client.get(f"/v1/studies/{study_id}/trials").json()
        page = client.get(f"/trials/{trials[0]['id']}").text
        assert "There are none until the trial is complete." in text_of(page)
        assert "Cancel the trial" in text_of(page)
        assert client.get(f"/trials/{trials[0]['id']}/progress").status_code == 200
        gate.set()


@pytest.mark.parametrize("path", ["/trials/nobody", "/trials/nobody/progress"])
def test_unknown_trial(client: TestClient, path: str) -> None:
    assert client.get(path).status_code == 404


def test_trial_of_an_outside_trainer_says_what_stayed_there(client: TestClient) -> None:
    study = {**OUTSIDE_STUDY, "design": {"num_mixtures": 4, "num_repeated": 0}}
    study_id = client.post("/v1/studies", json=study).json()["id"]
    wish = {"worker": "ann", "num": 2}
    trials = client.post(f"/v1/studies/{study_id}/ask", json=wish).json()["trials"]
    done, running = (trial["trial_id"] for trial in trials)
    scores = [{"benchmark": name, "metric": "loss", "value": 1.5} for name in ("math", "code")]
    told = {"attempt": trials[0]["attempt"], "scores": scores}
    assert client.post(f"/v1/trials/{done}/tell", json=told).is_success

    text = text_of(client.get(f"/trials/{done}").text)
    assert "It was trained outside, and its learning curve stayed there." in text
    assert "It was trained outside, and only scores were told." in text
    # No items were told, so neither is an interval known.
    assert "math loss 1.5000 not known \u2013" in text
    assert "1 running" in part(client.get(f"/trials/{running}").text, "trial-attempts")
    assert "ann, until" in part(client.get(f"/trials/{running}").text, "trial-attempts")
    page = client.get("/compare", params={"trial": [done, running]})
    assert page.status_code == 200
    assert "No score in loss" in page.text
    busy = client.get("/v1/cluster").json()
    assert [one["is_outside"] for one in busy["workers"]] == [True]
    # Somebody else's machine: our own cores are free.
    assert (busy["num_running"], busy["num_free"]) == (0, 2)
