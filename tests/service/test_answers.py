"""Fits run one after another in a child, are kept, and nobody waits for one for ever."""

import threading
from collections.abc import Iterator
from multiprocessing.connection import wait
from typing import Any, cast

import numpy as np
import pytest
from fastapi.testclient import TestClient

from db.database import Session
from mixtures.answer_child import run
from mixtures.recommendation import NotEnoughTrials
from service import answers as answers_module
from service import full_answer
from service.answers import Answers, FitNotReady
from tests.mixtures.share_study import make_study, observe_curve
from tests.service.conftest import controller_of, finished_study
from workers.pool import LocalProcess


class GatedProcess:
    """Stands for the child: runs what it is given here, once the gate is open."""

    def __init__(self) -> None:
        self.gate, self.calls = threading.Event(), list[str]()

    def call(self, function: str, *arguments: Any) -> Any:
        assert self.gate.wait(60)
        self.calls.append(str(arguments[0]))
        assert function == "mixtures.answer_child:run"
        return run(*arguments)

    def close(self) -> None:
        self.gate.set()


def gated(client: TestClient) -> GatedProcess:
    process = GatedProcess()
    controller_of(client).answers._process = process
    return process


@pytest.fixture
def answers() -> Iterator[tuple[Answers, GatedProcess]]:
    found = Answers()
    process = GatedProcess()
    found._process = cast(Any, process)
    yield found, process
    found.close()


def test_a_fit_that_takes_too_long_leaves_the_board_raw_and_is_kept_for_the_next(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    study = finished_study(client)
    process = gated(client)
    monkeypatch.setattr("service.kept_boards.ANSWER_SECONDS", 0.05)
    monkeypatch.setattr(full_answer.full_recommendation, "__defaults__", (0.05,))
    board = client.get(f"/v1/studies/{study}/leaderboard").json()
    assert board["no_posterior"] == (
        "the fit of these 14 trials is not done yet; it goes on, ask again"
    )
    assert (board["ranked_by"], board["rows"][0]["posterior"]) == ("mean", None)
    late = client.get(f"/v1/studies/{study}/recommendation")
    assert (late.status_code, late.headers["Retry-After"]) == (503, "5")
    assert "ask again" in late.json()["detail"]
    process.gate.set()
    monkeypatch.undo()
    board = client.get(f"/v1/studies/{study}/leaderboard").json()
    found = client.get(f"/v1/studies/{study}/recommendation").json()
    assert board["no_posterior"] is None and board["ranked_by"] == "posterior mean"
    assert board["as_of"] == found["evidence"]["as_of"]
    assert sum(row["posterior"]["p_best"] for row in board["rows"]) == pytest.approx(1.0)
    # One fit served all of them; the recommendation's front of several objectives is its own.
    assert process.calls == ["mixtures.study_answer:answer_study", "mixtures.pareto:pareto_front"]


def nothing_read() -> Session:
    """A session of no database: these fits are given their trials."""
    return Session()


def test_an_older_fit_that_has_not_begun_is_given_up_for_a_newer_one(
    answers: tuple[Answers, GatedProcess],
) -> None:
    found, process = answers
    study = make_study()
    trials = observe_curve(study, lambda s: 3 + s, 0.1, np.random.default_rng(0))

    def of_first(num: int) -> Any:
        return lambda: (trials[:num], (study, {}))

    def ask(kind: str, num: int) -> None:
        with pytest.raises(FitNotReady):
            found._fitted(
                nothing_read(), (kind, "s", str(num)), "signal:signal", of_first(num), 0.0
            )

    ask("other", 1)  # takes the one place
    ask("answer", 10)
    ask("answer", 11)
    ask("answer", 12)
    process.gate.set()
    found._fitted(nothing_read(), ("answer", "s", "12"), "signal:signal", of_first(12), 30.0)
    assert len(process.calls) == 2


def test_that_there_is_too_little_is_an_answer_and_a_dead_child_is_none(
    answers: tuple[Answers, GatedProcess],
) -> None:
    found, process = answers
    process.gate.set()
    study = make_study()
    for _ in range(2):
        with pytest.raises(NotEnoughTrials):
            key = ("share", "s", "none")
            found._fitted(
                nothing_read(), key, "share_line:fit_line", lambda: ([], (study, [])), 30.0
            )
    assert len(process.calls) == 1
    for _ in range(2):
        with pytest.raises(AttributeError):
            key = ("none", "s", "none")
            found._fitted(nothing_read(), key, "share_line:no_such", lambda: ([], (study,)), 30.0)
    assert len(process.calls) == 3


def test_scores_are_read_again_only_where_there_are_more_or_the_spec_is_another(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    study = finished_study(client)
    reads: list[str] = []

    def counted(name: str) -> None:
        read = getattr(answers_module, name)

        def reading(*asked: Any) -> Any:
            reads.append(name)
            return read(*asked)

        monkeypatch.setattr(answers_module, name, reading)

    counted("observations")
    counted("observations_by_metric")

    def ask() -> list[Any]:
        kinds = ("leaderboard", "recommendation", "signal", "best-shares", "effects")
        return [client.get(f"/v1/studies/{study}/{kind}").json() for kind in kinds]

    first = ask()
    # The leaderboard and the recommendation are of one fit; the latter's front is one more.
    assert len(reads) == 5
    assert ask() == first and len(reads) == 5
    client.post(f"/v1/studies/{study}/extend", json={"max_trials": 2000}).raise_for_status()
    assert ask() == first and len(reads) == 10


def test_the_child_ends_with_the_controller(client: TestClient) -> None:
    study = finished_study(client)
    controller = controller_of(client)
    controller.answers._process = LocalProcess()
    client.get(f"/v1/studies/{study}/leaderboard")
    executor = controller.answers._process._executor
    (child,) = executor._processes.values()
    assert child.is_alive()
    controller.answers.close()
    # Not join(): the executor's own thread reaps the child, and join() of another thread gives up.
    assert wait([child.sentinel], 60)
