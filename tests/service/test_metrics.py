"""What Prometheus reads, what the dashboard asks for, and the id of each request."""

import json
import re
from datetime import timedelta
from pathlib import Path

import httpx
import pytest
from fastapi.testclient import TestClient
from prometheus_client.parser import text_string_to_metric_families

from db.database import now
from db.tables import AttemptRow, TrialRow
from tests.service.conftest import SMALL_STUDY, StartService, finished_study
from tests.service.pretend_runner import PretendRunner
from tests.service.real_server import RealServer
from tests.waiting import wait_until

ROOT = Path(__file__).resolve().parents[2]


def scraped(text: str) -> dict[str, float]:
    """Value by name and labels, e.g. decaymix_trials{state=COMPLETE}."""
    found = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            labels = ",".join(f"{name}={value}" for name, value in sorted(sample.labels.items()))
            found[f"{sample.name}{{{labels}}}" if labels else sample.name] = sample.value
    return found


def test_trials_attempts_and_commits_are_counted(client: TestClient) -> None:
    finished_study(client)
    answer = client.get("/metrics")
    assert answer.headers["content-type"].startswith("text/plain")
    found = scraped(answer.text)
    num_trials = found["decaymix_trials{state=COMPLETE}"]
    assert num_trials == 14  # six shares and the baseline of 0.64, two seeds
    assert found["decaymix_trials{state=WAITING}"] == 0
    assert found["decaymix_attempts_total{outcome=COMPLETE}"] == num_trials
    assert found["decaymix_studies"] == 1
    assert found["decaymix_cluster_cpus"] == 2
    # A result each, mostly with the claim of the trial after it, and the study itself.
    assert found["decaymix_commit_seconds_count"] > num_trials
    assert found["decaymix_disk_free_bytes"] > 0
    assert found["process_resident_memory_bytes"] > 0
    key = "decaymix_requests_total{method=POST,route=/v1/studies,status=201}"
    assert found[key] == 1


def test_queue_age_retries_and_leases_come_from_the_tables(client: TestClient) -> None:
    outside = {
        **{name: SMALL_STUDY[name] for name in ("name", "question", "space", "seeds")},
        "trained_by": "outside",
        "sources": [
            {"name": "text", "kind": "pretrain", "tokens": 1000},
            {"name": "sums", "kind": "sft", "tokens": 1000},
        ],
        "benchmarks": [{"name": "test_sums"}],
    }
    study = client.post("/v1/studies", json=outside).json()["id"]
    client.post(f"/v1/studies/{study}/ask", json={"num": 1, "worker": "w", "lease_seconds": 60})
    before = scraped(client.get("/metrics").text)
    assert before["decaymix_queue_age_seconds"] == 0
    database = client.app.state.controller.database  # type: ignore[attr-defined]
    with database.write() as session:
        trial = session.query(TrialRow).filter_by(state="WAITING").first()
        trial.trained_by, trial.created_at = None, now() - timedelta(seconds=100)
        trial.state = "RUNNING"
        attempt = session.query(AttemptRow).one()
        attempt.leased_until = now() - timedelta(seconds=1)
    wait_until(lambda: scraped(client.get("/metrics").text)["decaymix_lease_losses_total"] == 1)
    client.post(f"/v1/studies/{study}/ask", json={"num": 1, "worker": "w", "lease_seconds": 60})
    after = scraped(client.get("/metrics").text)
    assert after["decaymix_attempts_total{outcome=LOST}"] == 1
    assert after["decaymix_retries_total"] == 1


def test_event_streams_and_queue_are_counted(tmp_path: Path, data_root: Path) -> None:
    runner = PretendRunner(seconds=0.5)
    server = RealServer(tmp_path / "home", data_root, runner)
    server.start()
    try:
        study = server.submit()

        def now_there(name: str) -> float:
            return scraped(httpx.get(f"{server.url}/metrics", timeout=60).text)[name]

        wait_until(lambda: now_there("decaymix_tokens_per_second") > 0)
        assert now_there("decaymix_queue_age_seconds") > 0
        assert now_there("decaymix_sse_clients") == 0
        with httpx.stream("GET", f"{server.url}/v1/studies/{study}/events", timeout=60) as stream:
            lines = stream.iter_lines()
            next(lines)
            assert now_there("decaymix_sse_clients") == 1
        wait_until(lambda: now_there("decaymix_sse_clients") == 0)
    finally:
        server.stop()


def test_the_dashboard_asks_for_what_there_is(client: TestClient) -> None:
    board = json.loads((ROOT / "deploy" / "grafana-dashboard.json").read_text(encoding="utf-8"))
    asked = " ".join(
        target["expr"] for panel in board["panels"] for target in panel.get("targets", ())
    )
    names = set(re.findall(r"\b(?:decaymix|process)_\w+", asked))
    assert len(names) > 10
    client.get("/healthz")
    there = {name.partition("{")[0] for name in scraped(client.get("/metrics").text)}
    assert names - there == set()


def test_every_metric_is_documented(client: TestClient) -> None:
    client.get("/healthz")
    text = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
    for family in text_string_to_metric_families(client.get("/metrics").text):
        if family.name.startswith("decaymix_"):
            assert f"`{family.name}" in text, family.name


@pytest.mark.parametrize(
    ("given", "is_taken"), [("abc-1.2_3", True), ("a b", False), ("", False), ("x" * 65, False)]
)
def test_a_request_has_an_id(client: TestClient, given: str, is_taken: bool) -> None:
    found = client.get("/healthz", headers={"X-Request-ID": given}).headers["x-request-id"]
    assert (found == given) is is_taken
    assert re.fullmatch(r"[A-Za-z0-9._-]{1,64}", found)


def test_the_audit_log_has_the_id(start_service: StartService) -> None:
    with start_service(token="swordfish") as client:
        headers = {"Authorization": "Bearer wrong", "X-Request-ID": "mine"}
        client.get("/v1/studies", headers=headers)
        owner = {"Authorization": "Bearer swordfish"}
        (entry,) = client.get("/v1/audit", headers=owner).json()["entries"]
        assert entry["request_id"] == "mine"
