"""Whose turn it is: by priority, then an equal part of the cluster for each study."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from db import trials
from db.database import Database
from db.labels import change_study
from db.studies import insert_study
from db.turns import first_specs, turns
from mixtures.design import first_trials
from mixtures.labels import StudyChange
from tests.mixtures.share_study import make_study


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    """Studies a, b and c of six trials each, submitted in this order."""
    database = Database(tmp_path / "decaymix.duckdb")
    for name in "abc":
        study = make_study(
            name=name, space={"sft_share": [0.0, 0.5, 1.0]}, baselines={"pretrain_only": 0.0}
        )
        with database.write() as session:
            insert_study(session, name, study, "{}")
            trials.insert_trials(session, first_trials(study, name, {}))
    yield database
    database.close()


def order(database: Database) -> str:
    with database.read() as session:
        return "".join(turn.study_id for turn in turns(session))


def begin(database: Database, num: int) -> str:
    """Claim as many trials, each when its turn has come; their studies."""
    begun = ""
    for _ in range(num):
        with database.write() as session:
            turn = turns(session)[0]
            spec = first_specs(session, turn, 1)[0]
            assert spec.study_id == turn.study_id
            assert trials.claim(session, spec.trial_id) is not None
            begun += turn.study_id
    return begun


def change(database: Database, study: str, **wanted: object) -> None:
    with database.write() as session:
        change_study(session, study, StudyChange.model_validate(wanted))


def test_studies_of_one_priority_run_equally_many_trials(database: Database) -> None:
    assert order(database) == "abc"
    assert begin(database, 7) == "abcabca"


def test_a_study_that_comes_late_does_not_wait_for_the_end_of_another(database: Database) -> None:
    change(database, "c", is_paused=True)
    assert begin(database, 6) == "ababab"
    change(database, "c", is_paused=False)
    assert begin(database, 4) == "ccca"


def test_the_higher_priority_goes_first_and_what_is_paused_not_at_all(database: Database) -> None:
    change(database, "b", priority=1)
    change(database, "a", priority=-1)
    assert begin(database, 8) == "bbbbbbcc"
    change(database, "c", is_paused=True)
    assert order(database) == "a"


def test_a_study_runs_no_more_trials_than_it_may(database: Database) -> None:
    change(database, "a", priority=5, max_running=2)
    assert begin(database, 4) == "aabc"
    change(database, "a", max_running=None)
    assert begin(database, 1) == "a"


def test_a_study_without_waiting_trials_has_no_turn(database: Database) -> None:
    change(database, "a", priority=1)
    assert begin(database, 6) == "aaaaaa"
    assert order(database) == "bc"
