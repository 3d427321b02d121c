"""From REST, and from the form, to the exported mixture on real Ray and a real DuckDB file.

A worker is killed in the middle of a trial, and twice the controller; studies end as if nothing had
happened, and the page that somebody looks at comes back by itself. Proxy and sources are tiny, so
that two cores need about a minute.
"""

import os
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from decaymix import ApiProblem, Client
from mixtures.export.plain import verify_export
from tests import page_story
from tests.real_controller import RealController, free_port, halt, let_go, serve_command
from tests.service.chromium import open_browser
from tests.waiting import PATIENCE_SECONDS, wait_until

STUDY: dict[str, Any] = {
    "name": "end-to-end",
    "proxy": {
        "num_layers": 2,
        "width": 32,
        "num_heads": 2,
        "num_kv_heads": 1,
        "ffn_width": 64,
        "vocab_size": 512,
        "context_tokens": 64,
    },
    "sources": [
        {"name": "topics", "kind": "pretrain", "python_library": "topics", "max_bytes": 200_000},
        {
            "name": "sums",
            "kind": "sft",
            "reasoning_gym": {"tasks": ["chain_sum"], "num_items": 300, "seed": 1_000_000},
        },
    ],
    "benchmarks": [
        {
            "name": "chain_sum",
            "num_items": 40,
            "reasoning_gym": {"tasks": ["chain_sum"], "num_items": 60, "seed": 900_000_000},
        },
        {"name": "held_out_topics", "group": "text", "num_items": 40, "held_out": "topics"},
    ],
    "stable": {"tokens": 40_960, "warmup_tokens": 4096},
    # About two seconds a trial: long enough to be killed in the middle.
    "decay": {"tokens": 163_840},
    "optimiser": {"batch_tokens": 2048},
    "space": {"sft_share": [0.0, 0.25, 0.5, 1.0]},
    "seeds": [0, 1],
}


@pytest.fixture(scope="module")
def controller(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealController]:
    controller = RealController(tmp_path_factory.mktemp("controller"))
    controller.start()
    yield controller
    # In good order, whatever it has lived through.
    assert controller.stop() == 0


def kill_in_the_decay(controller: RealController, study_id: str) -> set[str]:
    """Kill all workers while they train; the trials that this cost an attempt.

    Workers are halted before anybody looks at what they do: a trial seen in its decay by a look
    at running workers may have ended by the time of the kill.
    """
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        pids = controller.worker_pids()
        halt(pids)
        time.sleep(3)  # what they reported before they were halted arrives
        running = controller.client.study(study_id)["status"]["running"]
        lost = {progress["trial_id"] for progress in running if progress["phase"] == "decay"}
        if len(lost) == len(pids) == 2:
            for pid in pids:
                os.kill(pid, signal.SIGKILL)
            return lost
        let_go(pids)
        time.sleep(0.2)
    raise AssertionError("two trials were never in their decay at one time")


def states(client: Client, study_id: str) -> dict[str, int]:
    counts: dict[str, int] = client.study(study_id)["status"]["trials"]
    return counts


@pytest.mark.timeout(900)
def test_a_study_survives_the_loss_of_a_worker_and_of_the_controller(
    controller: RealController,
) -> None:
    client = controller.client
    study_id = client.submit_study(yaml.safe_dump(STUDY))["id"]
    wait_until(lambda: states(client, study_id)["COMPLETE"] >= 1, "a first trial")

    lost = kill_in_the_decay(controller, study_id)
    wait_until(
        lambda: all(client.trial(trial_id)["attempt"] == 2 for trial_id in lost),
        "second attempts of the trials that lost their workers",
    )
    wait_until(lambda: states(client, study_id)["COMPLETE"] >= 3, "three trials")

    before = {t["id"]: t for t in client.trials(study_id) if t["state"] == "COMPLETE"}
    second = subprocess.run(
        serve_command(),
        env=controller.environment(free_port()),
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert second.returncode == 1
    assert "is open in another process" in second.stderr
    assert len(second.stderr.strip().splitlines()) == 1
    controller.kill()

    controller.start()
    client = controller.client
    after = {trial["id"]: trial for trial in client.trials(study_id)}
    assert len(after) == 10
    # What was finished still is, to the last digit.
    assert {trial_id: after[trial_id] for trial_id in before} == before
    *_, last = client.watch(study_id, seconds=0.2)
    assert last["trials"]["COMPLETE"] == 10
    assert max(trial["attempt"] for trial in client.trials(study_id)) >= 2

    # A trial that was disturbed has the bits of one that was not: the same spec, from a
    # second study that differs in its question alone, is trained again from scratch.
    twin = client.submit_study(yaml.safe_dump({**STUDY, "question": "the same?", "seeds": [0]}))
    *_, last = client.watch(twin["id"], seconds=0.2)
    assert last["trials"]["COMPLETE"] == 5
    by_share = {
        trial["sft_share"]: client.trial(trial["id"])["result"]
        for trial in client.trials(twin["id"])
    }
    for trial_id in lost:
        trial = client.trial(trial_id)
        if trial["spec"]["seed"] == 0:
            share = next(t["sft_share"] for t in client.trials(study_id) if t["id"] == trial_id)
            assert trial["result"]["weights_sha256"] == by_share[share]["weights_sha256"]
            assert trial["result"]["scores"] == by_share[share]["scores"]

    board = client.leaderboard(study_id)
    assert {row["sft_share"] for row in board["rows"]} == {0.0, 0.25, 0.5, 0.64, 1.0}
    means = [row["posterior"]["mean"] for row in board["rows"]]
    assert means == sorted(means)
    found = client.recommendation(study_id)
    text = client.export(study_id)
    assert verify_export(text)
    exported = yaml.safe_load(text)
    assert exported["mixture"] == found["mixture"]["shares"]
    assert abs(exported["mixture"]["sums"] - found["sft_share"]) < 1e-9

    wrong = yaml.safe_dump({**STUDY, "resources": {"cpus_per_trial": 3}})
    with pytest.raises(ApiProblem, match=r"cpus_per_trial = 3.*the cluster has 2 cores"):
        client.submit_study(wrong)


@pytest.mark.browser
@pytest.mark.timeout(900)
def test_somebody_sees_a_study_through_the_end_of_its_controller(
    controller: RealController, tmp_path: Path
) -> None:
    controller.start()
    page_story.write_data(controller.data_root)
    with open_browser() as browser:
        page_story.tell(browser, controller, STUDY, tmp_path / "mixture.yaml")
