"""A few hundred requests of every operation, right and wrong ones; bench/fuzz.py sends 20,000."""

from pathlib import Path

from bench.fuzz import fuzz, service


def test_no_request_breaks_the_service_or_its_description(tmp_path: Path) -> None:
    with service(tmp_path) as client:
        report = fuzz(client, 300)
    assert report.failures == {}
    assert report.num_server_errors == 0
    assert report.num_cases >= 300
    # Not all are refused, and not all are let through.
    assert {200, 404, 422} <= set(report.statuses)


def test_a_defect_is_found(tmp_path: Path) -> None:
    with service(tmp_path) as client:
        controller = client.app.state.controller  # type: ignore[attr-defined]
        controller.keyring.list = lambda: [{"no": "token"}]
        report = fuzz(client, 10, only="/v1/tokens")
    assert any("GET /v1/tokens" in name for name in report.failures), report.failures
    assert report.num_server_errors > 0
