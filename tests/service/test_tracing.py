"""Traces of the whole service, as a collector receives them; and that there are none by default."""

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from typer.testing import CliRunner

from service.app import create_app
from service.cli import app as cli
from service.logs import configure_logging
from service.settings import Settings
from service.tracing import Tracing, tracing_of
from tests.service.conftest import finished_study
from tests.service.pretend_runner import PretendRunner
from tests.service.test_logs import put_back  # noqa: F401
from tests.service.thread_pool import ThreadPool

ROOT = Path(__file__).resolve().parents[2]
CALLER = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


class Collector:
    """An OTLP receiver over HTTP; `spans` are plain, with attributes as a mapping."""

    def __init__(self) -> None:
        self.spans: list[dict[str, Any]] = []
        self.service: dict[str, str] = {}
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                outer.take(self.path, self.headers["Content-Type"], body)
                self.send_response(200)
                self.end_headers()

            def log_message(self, format: str, *arguments: Any) -> None:
                """Not onto standard error, whose lines are tested."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def take(self, path: str, kind: str, body: bytes) -> None:
        from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
            ExportTraceServiceRequest,
        )

        assert (path, kind) == ("/v1/traces", "application/x-protobuf")
        for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
            self.service = plain(resource.resource.attributes)
            for scope in resource.scope_spans:
                for span in scope.spans:
                    self.spans.append(
                        {
                            "name": span.name,
                            "id": span.span_id,
                            "parent": span.parent_span_id,
                            "trace": span.trace_id.hex(),
                            "seconds": (span.end_time_unix_nano - span.start_time_unix_nano) / 1e9,
                            "is_error": span.status.code == 2,
                            "message": span.status.message,
                            **plain(span.attributes),
                        }
                    )

    def named(self, name: str) -> list[dict[str, Any]]:
        return [span for span in self.spans if span["name"] == name]

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


def plain(attributes: Any) -> dict[str, Any]:
    return {one.key: getattr(one.value, one.value.WhichOneof("value")) for one in attributes}


@pytest.fixture
def collector(monkeypatch: pytest.MonkeyPatch) -> Iterator[Collector]:
    pytest.importorskip("opentelemetry.exporter.otlp.proto.http", reason="no extra telemetry")
    found = Collector()
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", found.url)
    yield found
    found.close()


def traced(tmp_path: Path, data_root: Path, runner: PretendRunner, tracing: Tracing) -> TestClient:
    settings = Settings(home=tmp_path / "home", data_roots=(data_root,), log_format="json")
    app = create_app(settings, ThreadPool(runner=runner), tracing)
    return TestClient(app, base_url="http://127.0.0.1")


def test_a_collector_is_told_of_requests_claims_trials_and_commits(
    collector: Collector,
    tmp_path: Path,
    data_root: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("OTEL_RESOURCE_ATTRIBUTES", "service.name=mine,team=ours")
    tracing = tracing_of(Settings())
    configure_logging("json", tracing.log_processors())
    runner = PretendRunner(seconds=0.05, fail={0.4: ValueError("too much arithmetic")})
    with traced(tmp_path, data_root, runner, tracing) as client:
        study_id = finished_study(client)
        client.get("/v1/studies?token=canary", headers={"traceparent": CALLER})
        client.get("/healthz")
        # Without asking a real collector, which may be there, for anything more.
        monkeypatch.delenv("OTEL_EXPORTER_OTLP_ENDPOINT")
    assert (collector.service["service.name"], collector.service["team"]) == ("mine", "ours")

    submit = collector.named("POST /v1/studies")[0]
    assert submit["http.response.status_code"] == 201
    assert any(one["parent"] == submit["id"] for one in collector.named("commit"))

    # Seven shares, of which one is a baseline, and two seeds; each is a trace of its own:
    # claimed, run, written down.
    trials = {one["decaymix.trial_id"]: one for one in collector.named("trial")}
    claims = {one["decaymix.trial_id"]: one for one in collector.named("claim")}
    assert len(trials) == len(claims) == 14
    assert len({one["trace"] for one in trials.values()}) == 14
    for trial_id, trial in trials.items():
        assert trial["decaymix.study_id"] == study_id
        assert trial["parent"] == claims[trial_id]["id"]
        assert trial["decaymix.attempt"] == 1
        assert trial["seconds"] >= 0.05
        assert [one for one in collector.named("commit") if one["parent"] == trial["id"]]
    failed = [one for one in trials.values() if one["is_error"]]
    assert len(failed) == 2
    assert all(one["decaymix.state"] == "FAILED" for one in failed)
    assert "too much arithmetic" in failed[0]["message"]

    # A caller that traces itself finds our span in its trace; queries are not sent on.
    (asked,) = [one for one in collector.named("GET /v1/studies") if one["trace"] in CALLER]
    assert "canary" not in str(collector.spans)
    assert asked["url.query"] == "REDACTED"
    assert not collector.named("GET /healthz")

    lines = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    of_trials = [line for line in lines if line["event"] == "trial"]
    assert len(of_trials) == 28
    assert all(line["trace_id"] == trials[line["trial_id"]]["trace"] for line in of_trials)
    (line,) = [line for line in lines if line.get("trace_id", "none") in CALLER]
    assert (line["event"], line["path"]) == ("request", "/v1/studies")


def test_the_end_does_not_wait_long_for_a_collector_that_is_gone(
    tmp_path: Path, data_root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("opentelemetry.exporter.otlp.proto.http", reason="no extra telemetry")
    monkeypatch.setattr("service.otlp._STOP_SECONDS", 0.5)
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:9")
    tracing = tracing_of(Settings())
    with traced(tmp_path, data_root, PretendRunner(), tracing) as client:
        assert client.get("/v1/studies").status_code == 200
        began = time.monotonic()
    # The exporter alone would try for ten seconds.
    assert time.monotonic() - began < 5


def test_without_the_extra_the_controller_says_so_and_does_not_start(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delitem(sys.modules, "service.otlp", raising=False)
    monkeypatch.setitem(sys.modules, "opentelemetry.exporter.otlp.proto.http.trace_exporter", None)
    environment = {
        "OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector:4318",
        "DECAYMIX_HOME": str(tmp_path / "home"),
    }
    answer = CliRunner().invoke(cli, ["serve"], env=environment)
    assert answer.exit_code == 2
    said = " ".join(answer.stderr.split())
    assert "OTEL_EXPORTER_OTLP_ENDPOINT" in said
    assert "--extras telemetry" in said
    assert not (tmp_path / "home").exists()


def test_nothing_of_it_is_imported_where_nobody_asks() -> None:
    code = """
import sys
from service.app import create_app
from service.settings import Settings
from service.tracing import tracing_of
from tests.service.pretend_runner import PretendRunner
from tests.service.thread_pool import ThreadPool
create_app(Settings(), ThreadPool(runner=PretendRunner()), tracing_of(Settings()))
print([name for name in sys.modules if name.startswith(("opentelemetry.sdk", "opentelemetry.exp"))])
"""
    bare = {name: value for name, value in os.environ.items() if not name.startswith("OTEL_")}
    answer = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env=bare, capture_output=True, text=True
    )
    assert answer.stdout.strip() == "[]", answer.stderr
