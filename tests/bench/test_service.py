"""The service's benchmark: the homes that it makes up, and its way through the whole path."""

import re
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from bench import service as bench_service
from bench.service_load import whole_path
from bench.service_load.studies import home_with_trials
from db.database import Database
from db.scores import last_completed, observations
from db.studies import get_study
from db.trials import get_trial
from mixtures.observation import complete_observations, mixture_key
from mixtures.rank import leaderboard
from tests.service.pretend_runner import PretendRunner
from tests.service.real_server import RealServer


def test_a_made_up_home_holds_whole_trials_of_its_study(tmp_path: Path) -> None:
    study_id = home_with_trials(tmp_path, num_trials=40, num_benchmarks=3)
    database = Database(tmp_path / "decaymix.duckdb")
    with database.read() as session:
        study = get_study(session, study_id).spec
        found = observations(session, study_id, "loss")
        last = last_completed(session, study_id)
        trial = get_trial(session, last or "")
    database.close()
    complete, notes = complete_observations(study, found)
    assert (len(complete), notes) == (40, [])
    assert last == found[-1].trial_id
    for one in found:
        assert sum(one.shares.values()) == pytest.approx(1.0)
        assert one.shares["chat"] + one.shares["proofs"] == pytest.approx(one.sft_share)
    assert trial.spec.mixture.shares == found[-1].shares
    # Two seeds a mixture.
    assert len({mixture_key(one.shares) for one in found}) == 20
    assert {row.seeds for row in leaderboard(study, found).rows} == {(0, 1)}


class Running:
    """A controller in this process."""

    def __init__(self, url: str) -> None:
        self.url = url

    def cpu_seconds(self) -> float:
        return time.process_time()


@pytest.fixture
def runner(monkeypatch: pytest.MonkeyPatch) -> PretendRunner:
    """What trains nothing in the benchmark's own controller."""
    runner = PretendRunner()

    @contextmanager
    def served(kind: str, home: Path, **settings: str) -> Iterator[Running]:
        server = RealServer(home, Path(settings["DECAYMIX_DATA_ROOTS"]), runner)
        server.start()
        try:
            yield Running(server.url)
        finally:
            server.stop()

    monkeypatch.setattr(whole_path, "served", served)
    monkeypatch.setattr(whole_path, "_STEP", 4)
    return runner


def test_the_whole_path_comes_to_its_goals_and_says_which_peer_is_missing(
    runner: PretendRunner, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    run_no_ops = whole_path.run_no_ops
    monkeypatch.setattr(bench_service, "run_no_ops", lambda home, _: run_no_ops(home, 8))
    monkeypatch.setattr(whole_path, "optuna_seconds", lambda *_: (0.5, 8))

    def missing(*_: Any) -> None:
        raise ImportError("No module named 'ray.tune'")

    monkeypatch.setattr(whole_path, "tune_seconds", missing)
    monkeypatch.setattr(sys, "argv", ["service.py", "--quick", "--only", "path"])
    bench_service.main()
    said = capsys.readouterr().out
    assert "ray_tune was not measured, it cannot be imported: No module named 'ray.tune'" in said
    assert re.findall(r"^goal (\S+) ", said, re.MULTILINE) == [
        "controller_cpu_ms_a_trial",
        "controller_wall_ms_a_trial",
        "growth_first_to_last_thousand",
        "wall_over_optuna",
    ]
    assert len(runner.attempts) == 8


def test_a_trial_that_fails_ends_the_whole_path_with_where_it_stood(
    runner: PretendRunner, tmp_path: Path
) -> None:
    # Two trials run at a time, and the path ends at the first: the other may have failed by then.
    runner.fail[0.0] = ValueError("no")
    with pytest.raises(RuntimeError, match=r"heard of; .*'FAILED': [12],"):
        whole_path.run_no_ops(tmp_path, 8)
