"""A few hundred requests of every operation, right and wrong ones; bench/fuzz.py sends 20,000."""

import subprocess
import sys
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


def test_a_script_beside_a_file_called_service_finds_the_files_of_the_package() -> None:
    root = Path(__file__).resolve().parents[2]
    code = (
        "import service.app; from importlib.resources import files; "
        "print((files('service') / 'static' / 'page.css').is_file())"
    )
    environment = {"PATH": "/usr/bin:/bin", "PYTHONPATH": f"{root / 'bench'}:{root}"}
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=root / "docs", env=environment, capture_output=True
    )
    assert done.stdout.decode().strip() == "True", done.stderr.decode()


def test_it_starts_as_a_script_beside_a_file_called_service() -> None:
    # A script's folder comes first on the path, and bench/service.py before the package service.
    root = Path(__file__).resolve().parents[2]
    for name in ("fuzz", "service"):
        command = [sys.executable, f"bench/{name}.py", "--help"]
        environment = {"PATH": "/usr/bin:/bin", "PYTHONPATH": str(root)}
        done = subprocess.run(command, cwd=root, env=environment, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        assert "--quick" in done.stdout
