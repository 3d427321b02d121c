"""A cluster of two Ray nodes on this machine, under token auth: trials run on both, one is killed.

The second node is as another machine would be: it runs its own copy of the code, has a home of its
own and no data, which come to it from the controller. That a machine with other code is refused is
tested without a cluster (tests/workers/test_pool.py).
"""

import os
import secrets
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from bench.descendants import descendants
from decaymix import Client
from tests.real_controller import free_port
from tests.waiting import wait_until

ROOT = Path(__file__).resolve().parent.parent
STUDY: dict[str, Any] = {
    "name": "two-machines",
    "proxy": {
        "num_layers": 1,
        "width": 32,
        "num_heads": 2,
        "num_kv_heads": 1,
        "ffn_width": 64,
        "vocab_size": 400,
        "context_tokens": 64,
    },
    "sources": [
        {"name": "words", "kind": "pretrain", "files": ["words.txt"], "text": "{{ text }}"},
        {
            "name": "sums",
            "kind": "sft",
            "reasoning_gym": {"tasks": ["chain_sum"], "num_items": 200, "seed": 1_000_000},
        },
    ],
    "benchmarks": [
        {
            "name": "chain_sum",
            "num_items": 20,
            "reasoning_gym": {"tasks": ["chain_sum"], "num_items": 30, "seed": 900_000_000},
        }
    ],
    "stable": {"tokens": 20_480, "warmup_tokens": 2048},
    # Long enough that some are left when a machine dies.
    "decay": {"tokens": 102_400},
    "space": {"sft_share": [0.0, 0.25, 0.5, 0.75, 1.0]},
    "baselines": {},
    "seeds": [0, 1],
}


@contextmanager
def process(arguments: list[str], log: Path, **environment: str) -> Iterator[subprocess.Popen[Any]]:
    """One program in a process group of its own, which ends with all that it started."""
    with log.open("ab") as out:
        started = subprocess.Popen(
            [sys.executable, *arguments],
            env={**os.environ, **environment},
            cwd=log.parent,  # not where the code lies: Ray tells every worker of it
            stdout=out,
            stderr=out,
            start_new_session=True,
        )
    try:
        yield started
    finally:
        end(started)


def end(started: subprocess.Popen[Any]) -> None:
    """Kill the process with its descendants, and nothing else."""
    for pid in [*descendants(started.pid), started.pid]:
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            continue
    started.wait()


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_trials_run_on_two_machines_and_outlive_one(tmp_path: Path) -> None:
    data, copy, home = tmp_path / "data", tmp_path / "copy", tmp_path / "home"
    for folder in (data, copy, home):
        folder.mkdir()
    for package in ("mixtures", "workers"):
        shutil.copytree(ROOT / package, copy / package)
    text = (ROOT / "docs" / "decisions.md").read_text() * 6
    (data / "words.txt").write_text(text)

    port, ray_port = free_port(), free_port()
    # Sockets lie below, and their paths end at 107 bytes.
    ray_folder = Path(f"/tmp/decaymix-test-{ray_port}")
    cluster = {
        "RAY_AUTH_MODE": "token",
        "RAY_AUTH_TOKEN": secrets.token_hex(32),
        "RAY_USAGE_STATS_ENABLED": "0",
        "PYTHONUNBUFFERED": "1",
        # A dead machine is noticed after 15 s by default; one that is only slow has as long.
        "RAY_health_check_period_ms": "1000",
        "RAY_health_check_timeout_ms": "15000",
        "RAY_health_check_failure_threshold": "2",
    }
    node = ["-m", "ray.scripts.scripts", "start", "--block", "--num-cpus=1"]
    node += ["--object-store-memory=80000000", "--node-ip-address=127.0.0.1"]
    head = [*node, "--head", f"--port={ray_port}", "--include-dashboard=false"]
    head += [f"--temp-dir={ray_folder}"]
    join = [*node, f"--address=127.0.0.1:{ray_port}"]
    logs = {name: tmp_path / f"{name}.log" for name in ("head", "second", "controller")}
    own = {"DECAYMIX_HOME": str(home), "PYTHONPATH": str(ROOT), **cluster}
    far = {"DECAYMIX_HOME": str(tmp_path / "far"), "PYTHONPATH": str(copy), **cluster}
    settings = {
        "RAY_ADDRESS": f"127.0.0.1:{ray_port}",
        "DECAYMIX_PORT": str(port),
        "DECAYMIX_DATA_ROOTS": str(data),
    }
    try:
        with ExitStack() as stack:
            stack.enter_context(process(head, logs["head"], **own))
            wait_until(lambda: has_started(logs["head"]), "the head")
            with (
                process(["-m", "service.cli", "serve"], logs["controller"], **own, **settings),
                Client(f"http://127.0.0.1:{port}") as client,
            ):
                wait_until(client.is_ready, "the controller")
                # After it: of two nodes of one address it would join any, and one is killed.
                second = stack.enter_context(process(join, logs["second"], **far))

                def nodes() -> list[dict[str, Any]]:
                    cluster = httpx.get(f"http://127.0.0.1:{port}/v1/cluster", timeout=60).json()
                    found: list[dict[str, Any]] = cluster["nodes"]
                    return found

                wait_until(
                    lambda: [one["state"] for one in nodes()] == ["ok", "ok"], "two machines"
                )
                study = client.submit_study(yaml.safe_dump(STUDY))["id"]
                pids: set[int] = set()

                def on_second() -> list[str]:
                    """Trials that a process of the second machine has completed."""
                    pids.update(descendants(second.pid))
                    done = [one["id"] for one in client.trials(study) if one["objective"]]
                    return [trial for trial in done if worker_pid(client, trial) in pids]

                wait_until(lambda: bool(on_second()), "a trial on the second machine")
                far_trial = on_second()[0]
                # Its data came by content, its items and log went to the controller's home.
                assert any((tmp_path / "far" / "fetched").iterdir())
                assert (home / "trials" / far_trial / "items.parquet").exists()
                assert (home / "logs" / "trials" / f"{far_trial}.log").exists()
                end(second)
                *_, last = client.watch(study, seconds=0.2)
                assert last["trials"]["COMPLETE"] == last["num_trials"] == 10
                trials = [client.trial(one["id"])["result"] for one in client.trials(study)]
                machines = {int(one["worker"].rpartition(":")[2]) in pids for one in trials}
                assert machines == {True, False}
                # One stable checkpoint for both, built once.
                assert len({one["stable_checkpoint"] for one in trials}) == 1
                wait_until(
                    lambda: [one["state"] for one in nodes()].count("ok") == 1,
                    "the end of the second machine to be noticed",
                )
    finally:
        shutil.rmtree(ray_folder, ignore_errors=True)


def has_started(log: Path) -> bool:
    return log.exists() and "Ray runtime started" in log.read_text(encoding="utf-8")


def worker_pid(client: Client, trial_id: str) -> int:
    """Of the process that ran the trial: results name it as HOST:PID."""
    return int(client.trial(trial_id)["result"]["worker"].rpartition(":")[2])
