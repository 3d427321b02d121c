"""Verdicts and reports over the API; claims that are put to a study after its trials."""

import json
import re
from pathlib import Path
from typing import Any

from fastapi.testclient import TestClient

from tests.service.conftest import SMALL_STUDY, SharedChild, finished_study
from tests.service.pretend_runner import PretendRunner
from tests.service.routes.test_finished_trials import home, take_in
from tests.waiting import wait_until

IN = {
    "kind": "best_share_in",
    "low": 0.5,
    "high": 0.7,
    "words": "The best share lies at 50 to 70 %",
    "source": "Somebody, section 2",
}
CLAIMED = {**SMALL_STUDY, "claims": [IN]}


def test_a_study_says_what_its_trials_say_of_its_claims(client: TestClient) -> None:
    url = f"/v1/studies/{finished_study(client, CLAIMED)}"
    (verdict,) = client.get(f"{url}/verdicts").json()
    # The pretended curve is lowest at 0.6.
    assert verdict["verdict"] == "supported"
    assert verdict["claim"]["source"] == "Somebody, section 2"
    low, high = verdict["interval"]
    assert 0.5 <= low <= 0.6 <= high <= 0.7
    assert client.get(f"{url}/recommendation").json()["verdicts"] == [verdict]

    for page in ("", "/report"):
        shown = client.get(url.replace("/v1", "") + page).text
        assert "<strong>Supported</strong>: The best share lies at 50 to 70" in shown

    other = json.dumps({**IN, "low": 0.9, "high": 0.95, "words": "Elsewhere"})
    (asked,) = client.get(f"{url}/verdicts", params={"claim": other}).json()
    assert asked["verdict"] == "not supported"
    for wrong, field in (
        ("{", "claim.0"),
        (json.dumps({"kind": "best_share_in", "low": 2, "high": 3, "words": "x"}), "claim.0"),
        (json.dumps({**IN, "of": "nothing"}), "claims.0.of"),
    ):
        refused = client.get(f"{url}/verdicts", params={"claim": wrong})
        assert refused.status_code == 422
        assert refused.json()["errors"][0]["field"] == field


def test_claims_come_later_and_make_no_other_study(client: TestClient) -> None:
    study_id = finished_study(client)
    url = f"/v1/studies/{study_id}"
    tag = client.get(url).headers["ETag"]
    assert client.get(f"{url}/verdicts").json() == []
    again = client.post("/v1/studies", json=CLAIMED)
    assert (again.status_code, again.json()["id"]) == (200, study_id)
    assert client.get(f"{url}/verdicts").json()[0]["verdict"] == "supported"
    # What is shown has changed, and says so.
    shown = client.get(url, headers={"If-None-Match": tag})
    assert shown.status_code == 200
    assert shown.json()["spec"]["claims"][0]["low"] == 0.5
    # A file without claims is the same study, and takes none away.
    assert client.post("/v1/studies", json=SMALL_STUDY).status_code == 200
    assert len(client.get(f"{url}/verdicts").json()) == 1
    refused = client.post(f"{url}/extend", json={"claims": [IN]})
    assert "submit the study again" in refused.json()["errors"][0]["message"]


def test_a_table_made_without_claims_is_taken_in_by_the_study_with_them(
    tmp_path: Path, data_root: Path, shared_child: SharedChild
) -> None:
    with home(tmp_path / "one", data_root, PretendRunner(), shared_child) as client:
        table = client.get(f"/v1/studies/{finished_study(client)}/trials.csv").text
    runner = PretendRunner()
    with home(tmp_path / "two", data_root, runner, shared_child) as client:
        study_id = client.post("/v1/studies?is_paused=true", json=CLAIMED).json()["id"]
        taken = take_in(client, study_id, table)
        assert taken.status_code == 200, taken.text
        client.patch(f"/v1/studies/{study_id}", json={"is_paused": False})
        url = f"/v1/studies/{study_id}"
        wait_until(lambda: client.get(url).json()["status"]["state"] == "FINISHED")
        assert runner.attempts == []
        assert client.get(f"{url}/verdicts").json()[0]["verdict"] == "supported"
        assert client.get(f"{url}/trials.csv").text == table


def test_a_report_has_its_parts_and_the_numbers_of_the_answers(client: TestClient) -> None:
    url = f"/v1/studies/{finished_study(client, CLAIMED)}"
    report: dict[str, Any] = client.get(f"{url}/report").json()
    answer = client.get(f"{url}/recommendation").json()
    for name in ("sft_share", "best_share_interval", "p_best_of_choice", "sentence", "verdicts"):
        assert report["recommendation"][name] == answer[name]
    board = client.get(f"{url}/leaderboard").json()
    assert report["board"]["rows"] == board["rows"]
    assert report["num_mixtures"] == len(board["rows"]) == 7
    assert report["cost"]["trials"]["COMPLETE"] == 14
    assert report["cost"]["runs"]["attempts"] == {"COMPLETE": 14}
    spent = client.get(url).json()["status"]["spent"]
    assert report["cost"]["spent"] == spent
    assert set(report["provenance"]["data_hashes"]) >= {"sources.text", "sources.sums"}

    answered = client.get(f"{url}/report", params={"format": "markdown"})
    assert answered.headers["content-type"].startswith("text/markdown")
    text = answered.text
    heads = re.findall(r"^## (.*)", text, re.MULTILINE)
    assert heads[:2] == ["Verdict", "Recommendation"]
    assert {"Method", "Evidence", "Leaderboard", "Benchmarks", "Cost", "Rerun"} <= set(heads)
    assert "**Supported**: The best share lies at 50 to 70 % (Somebody, section 2)." in text
    assert answer["sentence"] in text
    assert "./run decaymix submit studies/small.yaml" in text
    assert "14 COMPLETE" in text
    # Every figure that it shows is there, and no number is a list of digits or `None`.
    shown = set(re.findall(r"\(small-([\w-]+)\.svg\)", text))
    assert shown == {one["name"] for one in report["figures"]} >= {"score-by-share", "signal"}
    assert not re.search(r"\bNone\b|\bnan\b|\d\.\d{9}", text)
    rows = [line for line in text.splitlines() if line.startswith("| 1 |")]
    assert len(rows) == 1


def test_the_same_study_gives_the_same_bytes(client: TestClient) -> None:
    url = f"/v1/studies/{finished_study(client, CLAIMED)}/report"
    first, second = (client.get(url).content for _ in range(2))
    assert first == second
    for figure in json.loads(first)["figures"]:
        svg = figure["svg"]
        # It stands by itself: sizes, colours, no class without a rule, nothing from elsewhere.
        assert re.match(r'<svg width="\d+" height="\d+" ', svg)
        assert "var(--" not in svg and "http" not in svg.replace("http://www.w3.org/2000/svg", "")
        assert "<style>" in svg and svg.endswith("</svg>\n")


def test_a_study_that_runs_is_reported_as_it_stands(
    tmp_path: Path, data_root: Path, shared_child: SharedChild
) -> None:
    with home(tmp_path / "one", data_root, PretendRunner(), shared_child) as client:
        study_id = client.post("/v1/studies?is_paused=true", json=CLAIMED).json()["id"]
        text = client.get(f"/v1/studies/{study_id}/report?format=markdown").text
    assert "**not finished" in text
    assert "**Undecided**" in text
    assert "## Leaderboard" not in text
