"""Trials: claimed in order, promoted only legally, results that came late change nothing."""

from collections.abc import Callable

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from db import trials
from db.database import Database
from db.found_sizes import source_sizes
from db.scores import observations
from db.tables import AttemptRow, ScoreRow
from mixtures.source import SourceSize
from mixtures.trial import TrialSpec, TrialState
from tests.db.first_waiting import first_waiting
from tests.db.made_up import make_failure, make_result

WAITING, RUNNING = TrialState.WAITING, TrialState.RUNNING
COMPLETE, FAILED, CANCELLED = TrialState.COMPLETE, TrialState.FAILED, TrialState.CANCELLED


def insert(database: Database, specs: list[TrialSpec]) -> int:
    with database.write() as session:
        return trials.insert_trials(session, specs)


def claim(database: Database, trial_id: str) -> int | None:
    with database.write() as session:
        return trials.claim(session, trial_id)


def stored(database: Database, trial_id: str) -> trials.StoredTrial:
    with database.read() as session:
        return trials.get_trial(session, trial_id)


def attempts(database: Database, trial_id: str) -> list[tuple[int, str, bool, bool]]:
    """(number, outcome, has it ended, is a late result kept) of each attempt."""
    query = select(AttemptRow).where(AttemptRow.trial_id == trial_id).order_by(AttemptRow.number)
    with database.read() as session:
        return [
            (row.number, row.outcome, row.finished_at is not None, row.late_result is not None)
            for row in session.scalars(query)
        ]


def test_a_new_trial_waits_and_keeps_its_spec(database: Database, specs: list[TrialSpec]) -> None:
    assert insert(database, specs) == 6
    trial = stored(database, specs[2].trial_id)
    assert (trial.state, trial.attempt, trial.study_id) == (WAITING, 0, "study-1")
    assert trial.spec == specs[2]
    assert trial.created_at.tzinfo is not None
    assert (trial.started_at, trial.finished_at, trial.result, trial.failure) == (None,) * 4


def test_inserting_twice_adds_nothing(database: Database, specs: list[TrialSpec]) -> None:
    assert insert(database, specs[:2] + specs[:2]) == 2
    assert insert(database, specs[:4]) == 2
    with database.read() as session:
        listed = trials.list_trials(session, "study-1")
    assert [trial.id for trial in listed] == [spec.trial_id for spec in specs[:4]]


def test_trials_are_claimed_in_the_order_in_which_they_came(
    database: Database, specs: list[TrialSpec]
) -> None:
    insert(database, specs[3:])
    insert(database, specs[:3])
    order = []
    while True:
        with database.write() as session:
            spec = first_waiting(session)
            if spec is None:
                break
            assert trials.claim(session, spec.trial_id) == 1
        order.append(spec)
    assert order == specs[3:] + specs[:3]


def test_a_trial_is_claimed_once(database: Database, specs: list[TrialSpec]) -> None:
    insert(database, specs[:1])
    assert claim(database, specs[0].trial_id) == 1
    assert claim(database, specs[0].trial_id) is None
    assert claim(database, "nothing") is None
    trial = stored(database, specs[0].trial_id)
    assert (trial.state, trial.attempt) == (RUNNING, 1)
    assert trial.started_at is not None


def test_a_result_completes_the_trial_with_its_scores(
    database: Database, specs: list[TrialSpec]
) -> None:
    insert(database, specs[:1])
    trial_id = specs[0].trial_id
    claim(database, trial_id)
    result = make_result(trial_id, 1, math=2.5, code=1.25)
    with database.write() as session:
        assert trials.record_result(session, result)
    trial = stored(database, trial_id)
    assert (trial.state, trial.result, trial.failure) == (COMPLETE, result, None)
    assert trial.finished_at is not None
    assert attempts(database, trial_id) == [(1, "COMPLETE", True, False)]
    with database.read() as session:
        rows = session.scalars(select(ScoreRow).order_by(ScoreRow.benchmark)).all()
        found = [(r.benchmark, r.metric, r.value, r.num_items, r.standard_error) for r in rows]
    assert found == [
        ("code", "bits_per_byte", 1.25, 10, 0.125),
        ("math", "bits_per_byte", 2.5, 10, 0.125),
    ]


def test_sizes_are_those_of_the_first_trial_that_says_them(
    database: Database, specs: list[TrialSpec]
) -> None:
    insert(database, specs[:3])
    study_id = specs[0].study_id
    sizes = {"web": SourceSize(num_documents=4, num_tokens=100)}
    with database.read() as session:
        assert source_sizes(session, study_id) == {}
    for spec, found in zip(specs[:3], ({}, sizes, {}), strict=True):
        claim(database, spec.trial_id)
        result = make_result(spec.trial_id, 1, math=2.5, code=1.25)
        with database.write() as session:
            trials.record_result(session, result.model_copy(update={"source_sizes": found}))
    with database.read() as session:
        assert source_sizes(session, study_id) == sizes
        assert source_sizes(session, "another") == {}


@pytest.mark.parametrize(
    ("kind", "state"), [("error", FAILED), ("not_finite", FAILED), ("cancelled", CANCELLED)]
)
def test_a_failure_is_kept_with_its_traceback(
    database: Database, specs: list[TrialSpec], kind: str, state: TrialState
) -> None:
    insert(database, specs[:1])
    trial_id = specs[0].trial_id
    claim(database, trial_id)
    failure = make_failure(trial_id, 1, kind)
    with database.write() as session:
        assert trials.record_failure(session, failure)
    trial = stored(database, trial_id)
    assert (trial.state, trial.failure, trial.result) == (state, failure, None)
    assert attempts(database, trial_id) == [(1, state.value, True, False)]


def test_attempts_are_numbered(database: Database, specs: list[TrialSpec]) -> None:
    insert(database, specs[:1])
    trial_id = specs[0].trial_id
    for number in (1, 2, 3):
        assert claim(database, trial_id) == number
        with database.write() as session:
            trials.record_failure(session, make_failure(trial_id, number))
            trials.retry(session, trial_id)
    assert stored(database, trial_id).failure is None
    assert [row[:2] for row in attempts(database, trial_id)] == [(n, "FAILED") for n in (1, 2, 3)]


def test_a_late_result_is_kept_and_changes_nothing(
    database: Database, specs: list[TrialSpec]
) -> None:
    insert(database, specs[:1])
    trial_id = specs[0].trial_id
    claim(database, trial_id)
    with database.write() as session:
        assert trials.record_lost(session, trial_id, 1, "the machine went away") is WAITING
    claim(database, trial_id)
    late = make_result(trial_id, 1, math=9.0)
    with database.write() as session:
        assert not trials.record_result(session, late)
    trial = stored(database, trial_id)
    assert (trial.state, trial.attempt, trial.result) == (RUNNING, 2, None)
    assert attempts(database, trial_id) == [(1, "LOST", True, True), (2, "RUNNING", False, False)]
    with database.write() as session:
        assert trials.record_result(session, make_result(trial_id, 2, math=2.0))
    with database.write() as session:
        assert not trials.record_result(session, late)
        found = observations(session, "study-1", "bits_per_byte")
    assert [one.scores for one in found] == [{"math": 2.0}]


def test_a_late_failure_changes_nothing(database: Database, specs: list[TrialSpec]) -> None:
    insert(database, specs[:1])
    trial_id = specs[0].trial_id
    claim(database, trial_id)
    with database.write() as session:
        trials.record_result(session, make_result(trial_id, 1, math=2.0))
    with database.write() as session:
        assert not trials.record_failure(session, make_failure(trial_id, 1))
    trial = stored(database, trial_id)
    assert (trial.state, trial.failure) == (COMPLETE, None)


def test_a_trial_that_is_lost_three_times_has_failed(
    database: Database, specs: list[TrialSpec]
) -> None:
    insert(database, specs[:1])
    trial_id = specs[0].trial_id
    states = []
    for number in (1, 2, 3):
        assert claim(database, trial_id) == number
        with database.write() as session:
            states.append(trials.record_lost(session, trial_id, number, "out of memory"))
    assert states == [WAITING, WAITING, FAILED]
    trial = stored(database, trial_id)
    assert trial.failure is not None
    assert (trial.failure.kind, trial.failure.attempt) == ("lost", 3)
    assert "3 times" in trial.failure.message and "out of memory" in trial.failure.message
    assert trial.finished_at is not None
    assert [row[1] for row in attempts(database, trial_id)] == ["LOST"] * 3


def test_a_retry_forgets_the_lost_attempts(database: Database, specs: list[TrialSpec]) -> None:
    insert(database, specs[:1])
    trial_id = specs[0].trial_id
    for number in (1, 2, 3):
        claim(database, trial_id)
        with database.write() as session:
            trials.record_lost(session, trial_id, number, "gone")
    with database.write() as session:
        assert trials.retry(session, trial_id).state is WAITING
    assert claim(database, trial_id) == 4
    with database.write() as session:
        assert trials.record_lost(session, trial_id, 4, "gone") is WAITING


def test_word_of_a_loss_that_is_no_longer_true_changes_nothing(
    database: Database, specs: list[TrialSpec]
) -> None:
    insert(database, specs[:1])
    trial_id = specs[0].trial_id
    claim(database, trial_id)
    with database.write() as session:
        trials.record_lost(session, trial_id, 1, "gone")
    claim(database, trial_id)
    with database.write() as session:
        assert trials.record_lost(session, trial_id, 1, "gone") is RUNNING
    assert stored(database, trial_id).attempt == 2


def test_a_trial_that_was_to_be_cancelled_is_not_run_again_when_lost(
    database: Database, specs: list[TrialSpec]
) -> None:
    insert(database, specs[:1])
    trial_id = specs[0].trial_id
    claim(database, trial_id)
    with database.write() as session:
        marked = trials.cancel(session, trial_id)
        assert (marked.state, marked.cancel_requested) == (RUNNING, True)
        assert trials.record_lost(session, trial_id, 1, "gone") is CANCELLED
    assert stored(database, trial_id).finished_at is not None


def test_a_new_controller_takes_back_what_was_running(
    database: Database, specs: list[TrialSpec]
) -> None:
    insert(database, specs[:4])
    ids = [spec.trial_id for spec in specs[:4]]
    for trial_id in ids[:3]:
        claim(database, trial_id)
    with database.write() as session:
        trials.record_result(session, make_result(ids[0], 1, math=2.0))
        trials.cancel(session, ids[1])
    with database.write() as session:
        assert sorted(trials.recover_running(session)) == sorted(ids[1:3])
    states = [stored(database, trial_id).state for trial_id in ids]
    assert states == [COMPLETE, CANCELLED, WAITING, WAITING]
    assert stored(database, ids[1]).finished_at is not None
    assert attempts(database, ids[2]) == [(1, "LOST", True, False)]
    # A trial that comes back keeps its place: it is the next one.
    with database.read() as session:
        assert first_waiting(session) == specs[2]
    assert claim(database, ids[2]) == 2


def test_losing_the_controller_is_not_counted_against_a_trial(
    database: Database, specs: list[TrialSpec]
) -> None:
    insert(database, specs[:1])
    trial_id = specs[0].trial_id
    for _ in range(5):
        claim(database, trial_id)
        with database.write() as session:
            trials.recover_running(session)
    assert stored(database, trial_id).state is WAITING


def in_state(session: Session, trial_id: str, state: TrialState) -> None:
    """Bring a waiting trial into `state` by legal ways."""
    if state is WAITING:
        return
    if state is CANCELLED:
        trials.cancel(session, trial_id)
        return
    trials.claim(session, trial_id)
    if state is COMPLETE:
        trials.record_result(session, make_result(trial_id, 1, math=2.0))
    elif state is FAILED:
        trials.record_failure(session, make_failure(trial_id, 1))


ILLEGAL: list[tuple[TrialState, Callable[[Session, str], object]]] = [
    (COMPLETE, trials.cancel),
    (FAILED, trials.cancel),
    (CANCELLED, trials.cancel),
    (WAITING, trials.retry),
    (RUNNING, trials.retry),
    (COMPLETE, trials.retry),
]


@pytest.mark.parametrize(("state", "action"), ILLEGAL)
def test_an_illegal_promotion_is_refused(
    database: Database,
    specs: list[TrialSpec],
    state: TrialState,
    action: Callable[[Session, str], object],
) -> None:
    insert(database, specs[:1])
    trial_id = specs[0].trial_id
    with database.write() as session:
        in_state(session, trial_id, state)
    with pytest.raises(trials.IllegalPromotion, match=f"{trial_id} is {state}"):  # noqa: SIM117
        with database.write() as session:
            action(session, trial_id)
    assert stored(database, trial_id).state is state


@pytest.mark.parametrize("state", [COMPLETE, FAILED, CANCELLED])
def test_a_finished_trial_is_not_claimed(
    database: Database, specs: list[TrialSpec], state: TrialState
) -> None:
    insert(database, specs[:1])
    with database.write() as session:
        in_state(session, specs[0].trial_id, state)
    assert claim(database, specs[0].trial_id) is None
    with database.read() as session:
        assert first_waiting(session) is None


@pytest.mark.parametrize("state", [FAILED, CANCELLED])
def test_failed_and_cancelled_trials_can_be_retried(
    database: Database, specs: list[TrialSpec], state: TrialState
) -> None:
    insert(database, specs[:1])
    trial_id = specs[0].trial_id
    with database.write() as session:
        in_state(session, trial_id, state)
    with database.write() as session:
        trial = trials.retry(session, trial_id)
    assert (trial.state, trial.failure, trial.finished_at) == (WAITING, None, None)


@pytest.mark.parametrize("action", [trials.get_trial, trials.cancel, trials.retry])
def test_an_unknown_trial_is_named(
    database: Database, action: Callable[[Session, str], object]
) -> None:
    with pytest.raises(trials.UnknownTrial, match="nothing"), database.write() as session:
        action(session, "nothing")


def test_a_result_of_an_attempt_that_never_was_is_refused(
    database: Database, specs: list[TrialSpec]
) -> None:
    insert(database, specs[:1])
    trial_id = specs[0].trial_id
    with pytest.raises(trials.UnknownTrial, match="attempt 7"), database.write() as session:
        trials.record_result(session, make_result(trial_id, 7, math=1.0))
