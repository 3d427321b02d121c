"""Notes, tags, pauses and archiving; homes of before them are brought along."""

import shutil
from pathlib import Path

import pytest
from sqlalchemy import text

from db import leases, trials
from db.database import MIGRATIONS, Database
from db.labels import change_study, change_trial
from db.scores import observations, scores_version
from db.studies import get_study, insert_study
from db.study_list import activities, all_tags, find_studies
from db.trial_pages import next_seed
from mixtures.labels import StudyChange, TrialChange
from mixtures.study import StudySpec
from mixtures.told import Ask
from mixtures.trial import TrialSpec, TrialState
from tests.db.first_waiting import first_waiting
from tests.db.made_up import make_failure, make_result


@pytest.fixture
def filled(database: Database, study: StudySpec, specs: list[TrialSpec]) -> Database:
    with database.write() as session:
        insert_study(session, "study-1", study, "{}")
        trials.insert_trials(session, specs)
    return database


def change(database: Database, **what: object) -> None:
    with database.write() as session:
        change_study(session, "study-1", StudyChange.model_validate(what))


def test_what_is_not_given_stays_and_null_empties(filled: Database) -> None:
    change(filled, note="look again", tags=["pilot", "sft", "pilot"], is_archived=True)
    change(filled, is_paused=True)
    with filled.read() as session:
        stored = get_study(session, "study-1")
    assert (stored.note, stored.tags) == ("look again", ("pilot", "sft"))
    assert (stored.is_archived, stored.is_paused) == (True, True)
    change(filled, note=None, tags=[], is_archived=False)
    with filled.read() as session:
        stored = get_study(session, "study-1")
    assert (stored.note, stored.tags, stored.is_archived) == ("", (), False)
    assert stored.is_paused


def test_a_trial_keeps_its_note_through_its_states(
    filled: Database, specs: list[TrialSpec]
) -> None:
    trial_id = specs[0].trial_id
    with filled.write() as session:
        change_trial(session, trial_id, TrialChange(note="odd curve", tags=("odd",)))
    with filled.write() as session:
        trials.claim(session, trial_id)
    with filled.write() as session:
        trials.record_result(session, make_result(trial_id, 1, math=2.0))
        stored = trials.get_trial(session, trial_id)
    assert (stored.state, stored.note, stored.tags) == (TrialState.COMPLETE, "odd curve", ("odd",))
    assert stored.spec == specs[0]


def test_a_paused_study_gives_no_trial_and_another_does(
    filled: Database, study: StudySpec, specs: list[TrialSpec]
) -> None:
    other = specs[5].model_copy(update={"study_id": "study-2"})
    with filled.write() as session:
        insert_study(session, "study-2", study, "{}")
        trials.insert_trials(session, [other])
    change(filled, is_paused=True)
    with filled.write() as session:
        assert first_waiting(session) == other
        assert leases.ask(session, "study-1", Ask(worker="ann"), 2) == []
    change(filled, is_paused=False)
    with filled.write() as session:
        assert first_waiting(session) == specs[0]
        assert len(leases.ask(session, "study-1", Ask(worker="ann"), 2)) == 2


def test_studies_are_found_by_words_tags_and_whether_they_are_put_away(
    filled: Database, study: StudySpec
) -> None:
    other = study.model_copy(update={"name": "other", "question": "How much ÄRGER is there?"})
    with filled.write() as session:
        insert_study(session, "study-2", other, "{}")
    change(filled, note="after the holidays", tags=['so "called"', "pilot"], is_archived=True)
    with filled.read() as session:
        assert find_studies(session) == ["study-2"]
        assert find_studies(session, archived="yes") == ["study-1"]
        assert find_studies(session, archived="all") == ["study-2", "study-1"]
        assert find_studies(session, q="how ärger") == ["study-2"]
        assert find_studies(session, q="HOLIDAYS sweep", archived="all") == ["study-1"]
        assert find_studies(session, q="holidays other", archived="all") == []
        assert find_studies(session, tag='so "called"', archived="all") == ["study-1"]
        assert find_studies(session, tag="pil", archived="all") == []
        assert all_tags(session) == ["pilot", 'so "called"']


def test_activity_counts_states_and_hours(filled: Database, specs: list[TrialSpec]) -> None:
    with filled.read() as session:
        version = scores_version(session, "study-1")
        before = activities(session, ["study-1", "nothing"])
    assert version is None
    assert list(before) == ["study-1"]
    assert before["study-1"].hours == 0
    for spec in specs[:2]:
        with filled.write() as session:
            trials.claim(session, spec.trial_id)
    with filled.write() as session:
        trials.record_result(session, make_result(specs[0].trial_id, 1, math=2.0))
        trials.record_failure(session, make_failure(specs[1].trial_id, 1))
    with filled.write() as session:
        session.execute(
            text(
                "UPDATE attempt SET started_at = TIMESTAMP '2026-01-01 10:00:00', "
                "finished_at = TIMESTAMP '2026-01-01 11:30:00'"
            )
        )
    with filled.read() as session:
        found = activities(session, ["study-1"])["study-1"]
        assert scores_version(session, "study-1") is not None
    # Two attempts of an hour and a half each.
    assert found.hours == pytest.approx(3.0)
    assert {state.value: n for state, n in found.trials.items() if n} == {
        "WAITING": 4,
        "COMPLETE": 1,
        "FAILED": 1,
    }
    assert found.last_activity > before["study-1"].last_activity


def test_the_next_seed_is_the_smallest_that_the_mixture_has_not(
    filled: Database, specs: list[TrialSpec]
) -> None:
    # Every mixture has the seeds 0 and 1.
    spec = specs[0]
    with filled.write() as session:
        assert next_seed(session, "study-1", spec) == 2
        trials.insert_trials(session, [spec.model_copy(update={"seed": 3})])
        assert next_seed(session, "study-1", spec) == 2
        trials.insert_trials(session, [spec.model_copy(update={"seed": 2})])
        assert next_seed(session, "study-1", spec) == 4
        assert next_seed(session, "study-1", specs[2]) == 2


def test_a_home_of_before_labels_is_brought_along(
    study: StudySpec, specs: list[TrialSpec], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = tmp_path / "migrations"
    shutil.copytree(MIGRATIONS, before, ignore=shutil.ignore_patterns("__pycache__"))
    for file in (before / "versions").glob("*.py"):
        if file.name not in ("__init__.py", "0001_first.py", "0002_leases.py"):
            file.unlink()
    monkeypatch.setattr("db.database.MIGRATIONS", before)
    old = Database(tmp_path / "decaymix.duckdb")
    # A share as small as they are rounded to, which JSON writes with an exponent.
    tiny = specs[0].model_copy(
        update={
            "mixture": specs[0].mixture.model_copy(
                update={"shares": {"web": 0.999999999999, "books": 1e-12, "chat": 0.0}}
            )
        }
    )
    with old.write() as session:
        session.execute(
            text("INSERT INTO study VALUES ('study-1', 'sweep', :spec, '{}', now()::TIMESTAMP)"),
            {"spec": study.canonical()},
        )
        for position, spec in enumerate([*specs[:3], tiny]):
            session.execute(
                text(
                    "INSERT INTO trial (id, study_id, spec, sft_share, seed, state, position, "
                    "attempt, num_lost, cancel_requested, created_at) VALUES (:id, 'study-1', "
                    ":spec, :share, :seed, 'WAITING', :position, 0, 0, false, now()::TIMESTAMP)"
                ),
                {
                    "id": spec.trial_id,
                    "spec": spec.canonical(),
                    "share": spec.sft_share,
                    "seed": spec.seed,
                    "position": position,
                },
            )
    old.close()
    monkeypatch.undo()
    new = Database(tmp_path / "decaymix.duckdb")
    with new.read() as session:
        stored = get_study(session, "study-1")
        listed = trials.list_trials(session, "study-1")
        # Found again by their shares: the same text as a new row has.
        assert next_seed(session, "study-1", tiny) == 1
        assert next_seed(session, "study-1", specs[0]) == 1
    assert (stored.spec, stored.tags, stored.is_paused) == (study, (), False)
    assert [(one.spec, one.note) for one in listed] == [(s, "") for s in [*specs[:3], tiny]]
    with new.write() as session:
        trials.claim(session, specs[1].trial_id)
    with new.write() as session:
        trials.record_result(session, make_result(specs[1].trial_id, 1, math=2.0))
        (seen,) = observations(session, "study-1", "bits_per_byte")
    assert (seen.shares, seen.seed) == (specs[1].mixture.shares, specs[1].seed)
    new.close()
