"""Studies: values in, the same values out."""

import json

import pytest
from sqlalchemy import text

from db.database import Database
from db.studies import (
    UnknownStudy,
    count_states,
    get_study,
    has_study,
    insert_study,
    list_studies,
    replace_spec,
)
from db.trials import cancel, claim, insert_trials
from mixtures.study import StudySpec
from mixtures.trial import TrialSpec


def test_a_study_comes_back_as_it_was_given(database: Database, study: StudySpec) -> None:
    report = {"data_hashes": {"sources.web": "é"}}
    with database.write() as session:
        assert not has_study(session, "one")
        insert_study(session, "one", study, json.dumps(report))
    with database.read() as session:
        assert has_study(session, "one")
        stored = get_study(session, "one")
    assert (stored.id, stored.spec, stored.data_report) == ("one", study, report)
    assert stored.created_at.tzinfo is not None


def test_a_spec_is_read_once_however_often_it_is_asked_for(
    database: Database, study: StudySpec
) -> None:
    with database.write() as session:
        insert_study(session, "one", study, "{}")
    with database.read() as session:
        assert get_study(session, "one").spec is get_study(session, "one").spec
        longer = study.model_copy(update={"question": "Another?"})
    with database.write() as session:
        replace_spec(session, "one", longer)
    with database.read() as session:
        assert get_study(session, "one").spec == longer


def test_an_unknown_study_is_named(database: Database) -> None:
    with pytest.raises(UnknownStudy, match="nothing"), database.read() as session:
        get_study(session, "nothing")


def test_the_newest_study_is_listed_first(database: Database, study: StudySpec) -> None:
    for day, study_id in ((2, "middle"), (1, "oldest"), (3, "newest")):
        with database.write() as session:
            insert_study(session, study_id, study, "{}")
            session.flush()
            session.execute(
                text(f"UPDATE study SET created_at = '2025-01-0{day}' WHERE id = '{study_id}'")
            )
    with database.read() as session:
        assert [stored.id for stored in list_studies(session)] == ["newest", "middle", "oldest"]


def test_states_are_counted_zeros_included(database: Database, specs: list[TrialSpec]) -> None:
    with database.write() as session:
        insert_trials(session, specs)
        claim(session, specs[0].trial_id)
        claim(session, specs[1].trial_id)
        cancel(session, specs[5].trial_id)
    with database.read() as session:
        counts = count_states(session, "study-1")
        others = count_states(session, "another")
    assert counts == {"WAITING": 3, "RUNNING": 2, "COMPLETE": 0, "FAILED": 0, "CANCELLED": 1}
    assert set(others.values()) == {0}
    assert len(others) == 5
