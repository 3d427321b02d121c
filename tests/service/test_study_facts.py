"""How long whoever asks for a study's facts waits, and what he gets meanwhile."""

import threading
import time
from dataclasses import replace
from typing import Any

import pytest
from fastapi.testclient import TestClient

from service.answers import FitNotReady
from service.routes.studies import stored_study
from service.state import Controller
from service.study_facts import Facts
from tests.service.conftest import controller_of, finished_study


@pytest.fixture
def controller(client: TestClient) -> Controller:
    return controller_of(client)


def test_nobody_waits_for_a_fit_that_takes_long_once_the_scores_are_known(
    client: TestClient, controller: Controller, monkeypatch: pytest.MonkeyPatch
) -> None:
    study = stored_study(controller, finished_study(client))

    class GoesOn:
        found = None

        def result(self, seconds: float) -> Any:
            raise FitNotReady("it goes on")

    # Facts of its own: those of the controller are asked by its headlines as well.
    facts = Facts(controller.database, controller.answers)
    monkeypatch.setattr(controller.answers, "fit_of", lambda *_: GoesOn())
    first = facts.of(study)
    assert first.facts.is_partial and len(first.facts.board.rows) == 7
    is_over = threading.Event()
    monkeypatch.setattr(controller.answers, "fit_of", lambda *_: is_over.wait(60))
    # A wait that would be seen on a busy machine too.
    monkeypatch.setattr("service.study_facts.QUICK_SECONDS", 30.0)
    begun = time.monotonic()
    again = facts.of(study, 30.0)
    assert time.monotonic() - begun < 15
    is_over.set()
    assert again.is_late and not again.are_none
    # The same trials, not read again.
    assert again.facts.trials is first.facts.trials


def test_nobody_waits_where_facts_took_longer_the_last_time(
    client: TestClient, controller: Controller
) -> None:
    study_id = finished_study(client)
    study = stored_study(controller, study_id)
    facts = controller.facts.of(study).facts
    controller.facts._kept[study_id] = replace(facts, version="of before", seconds=60.0)
    begun = time.monotonic()
    found = controller.facts.of(study, 30.0)
    assert time.monotonic() - begun < 15
    assert found.is_late and found.facts.version == "of before"
    # Who waits without a limit has the new ones.
    assert controller.facts.of(study).facts.version == facts.version
