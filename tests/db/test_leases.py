"""Leases: handed out once, renewed, told once, taken back when their time is over."""

from datetime import timedelta

import pytest

from db import leases, trials
from db.database import Database, now
from db.leases import LeaseConflict
from db.tables import AttemptRow
from mixtures.design import first_trials
from mixtures.told import Ask, Told
from mixtures.trial import Score, TrialState
from tests.db.first_waiting import first_waiting
from tests.mixtures.outside_study import make_outside_study

STUDY = "study-1"
SCORES = (
    Score(benchmark="math", metric="loss", value=2.0),
    Score(benchmark="code", metric="loss", value=3.0, num_items=50, standard_error=0.1),
)


@pytest.fixture
def ids(database: Database) -> list[str]:
    """Four waiting trials, in the order in which they are given."""
    study = make_outside_study(space={"sft_share": [0.0, 1.0]}, baselines={}, seeds=[0, 1])
    specs = first_trials(study, STUDY, {})
    with database.write() as session:
        trials.insert_trials(session, specs)
    return [spec.trial_id for spec in specs]


def ask(database: Database, num: int = 1, **changes: object) -> list[leases.Lease]:
    wanted = Ask.model_validate({"num": num, "worker": "ann", "lease_seconds": 100, **changes})
    with database.write() as session:
        before = leases.asked_before(session, STUDY, wanted)
        return before or leases.ask(session, STUDY, wanted, num)


def tell(database: Database, trial_id: str, attempt: int = 1, **told: object) -> TrialState:
    told = told or {"scores": SCORES}
    with database.write() as session:
        return leases.tell(session, trial_id, Told.model_validate({"attempt": attempt, **told}))


def end_all_leases(database: Database) -> list[TrialState]:
    """As if their time were over."""
    with database.write() as session:
        for row in session.query(AttemptRow):
            row.leased_until = now() - timedelta(seconds=1)
    with database.write() as session:
        return [state for _, _, state in leases.expire(session)]


def state(database: Database, trial_id: str) -> TrialState:
    with database.read() as session:
        return trials.get_trial(session, trial_id).state


def test_waiting_trials_are_given_in_order_and_each_once(
    database: Database, ids: list[str]
) -> None:
    first = ask(database, num=3)
    assert [lease.spec.trial_id for lease in first] == ids[:3]
    assert {lease.attempt for lease in first} == {1}
    assert [lease.spec.trial_id for lease in ask(database, num=3, worker="bob")] == ids[3:]
    assert ask(database) == []


def test_the_same_key_is_one_wish(database: Database, ids: list[str]) -> None:
    first = ask(database, num=2, key="k")
    assert ask(database, num=2, key="k") == first
    assert [lease.spec.trial_id for lease in ask(database, num=2, key="l")] == ids[2:]
    with pytest.raises(LeaseConflict, match="used by worker 'ann'"):
        ask(database, num=2, key="k", worker="bob")


def test_our_own_workers_do_not_claim_them_and_a_restart_leaves_them(
    database: Database, ids: list[str]
) -> None:
    ask(database)
    with database.write() as session:
        assert first_waiting(session) is None
        assert trials.recover_running(session) == []
    assert state(database, ids[0]) is TrialState.RUNNING


def test_a_lease_that_ends_gives_the_trial_to_the_next_who_asks(
    database: Database, ids: list[str]
) -> None:
    ask(database)
    assert end_all_leases(database) == [TrialState.WAITING]
    (again,) = ask(database, worker="bob")
    assert (again.spec.trial_id, again.attempt) == (ids[0], 2)
    with pytest.raises(LeaseConflict, match="is RUNNING, with attempt 2"):
        tell(database, ids[0], attempt=1)
    assert tell(database, ids[0], attempt=2) is TrialState.COMPLETE


def test_a_trial_that_three_lose_has_failed(database: Database, ids: list[str]) -> None:
    for expected in (TrialState.WAITING, TrialState.WAITING, TrialState.FAILED):
        assert ask(database)[0].spec.trial_id == ids[0]
        assert end_all_leases(database)[0] is expected


def test_a_renewed_lease_lasts_and_one_that_ended_is_forgiven_while_nobody_has_the_trial(
    database: Database, ids: list[str]
) -> None:
    (lease,) = ask(database)
    with database.write() as session:
        later = leases.renew(session, ids[0], 1, 1000.0)
    assert (later.leased_until - lease.leased_until).total_seconds() > 800
    end_all_leases(database)
    assert state(database, ids[0]) is TrialState.WAITING
    with database.write() as session:
        leases.renew(session, ids[0], 1, 1000.0)
    assert state(database, ids[0]) is TrialState.RUNNING
    end_all_leases(database)
    assert tell(database, ids[0]) is TrialState.COMPLETE


def test_telling_twice_is_once_and_other_content_is_refused(
    database: Database, ids: list[str]
) -> None:
    ask(database)
    assert tell(database, ids[0]) is TrialState.COMPLETE
    assert tell(database, ids[0]) is TrialState.COMPLETE
    with pytest.raises(LeaseConflict, match="told before, with other content"):
        tell(database, ids[0], failure="the disk sneezed")
    with database.read() as session:
        result = trials.get_trial(session, ids[0]).result
    assert result is not None and result.scores == SCORES


def test_a_failure_is_told_and_kept(database: Database, ids: list[str]) -> None:
    ask(database)
    assert tell(database, ids[0], failure="out of memory\nat step 7") is TrialState.FAILED
    assert tell(database, ids[0], failure="out of memory\nat step 7") is TrialState.FAILED
    with database.read() as session:
        failure = trials.get_trial(session, ids[0]).failure
    assert failure is not None
    assert (failure.message, failure.traceback) == ("out of memory", "out of memory\nat step 7")


def test_what_was_never_given_cannot_be_told(database: Database, ids: list[str]) -> None:
    with pytest.raises(LeaseConflict, match="never given out as attempt 1"):
        tell(database, ids[0])
    with pytest.raises(trials.UnknownTrial):
        tell(database, "nobody")


def test_a_failure_told_of_a_trial_that_was_cancelled_leaves_it_cancelled(
    database: Database, ids: list[str]
) -> None:
    ask(database, 2)
    with database.write() as session:
        trials.cancel(session, ids[0])
        trials.cancel(session, ids[1])
    assert tell(database, ids[0], failure="it broke") is TrialState.CANCELLED
    # What was computed all the same is kept.
    assert tell(database, ids[1]) is TrialState.COMPLETE


def test_a_trial_that_is_cancelled_ends_with_its_lease(database: Database, ids: list[str]) -> None:
    ask(database)
    with database.write() as session:
        assert trials.cancel(session, ids[0]).cancel_requested
    assert end_all_leases(database) == [TrialState.CANCELLED]
    with pytest.raises(LeaseConflict, match="is CANCELLED"):
        tell(database, ids[0])


def test_an_imported_trial_is_complete_once(database: Database, ids: list[str]) -> None:
    def record(trial_id: str, *scores: Score) -> bool:
        with database.write() as session:
            return leases.record_imported(session, trial_id, scores, 2)

    assert record(ids[0], *SCORES)
    assert not record(ids[0], *reversed(SCORES))
    with pytest.raises(LeaseConflict, match=r"line 2: .* has other scores"):
        record(ids[0], SCORES[0])
    ask(database)
    with pytest.raises(LeaseConflict, match="is RUNNING"):
        record(ids[1], *SCORES)
