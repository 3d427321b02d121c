"""Which failures are tried again, how often, and what is kept of each."""

import pytest

from db import trials
from db.attempts import list_attempts
from db.database import Database
from mixtures.trial import FailureKind, TrialSpec, TrialState
from tests.db.made_up import make_failure
from tests.db.test_trials import CANCELLED, FAILED, WAITING, claim, insert, stored


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("error", [FAILED]),
        ("not_finite", [FAILED]),
        ("out_of_memory", [WAITING, FAILED]),
        ("timeout", [WAITING, FAILED]),
        ("disk", [WAITING, WAITING, FAILED]),
        ("lost", [WAITING, WAITING, FAILED]),
        ("cancelled", [CANCELLED]),
        ("stopped", [WAITING] * 5),
    ],
)
def test_each_kind_of_failure_is_tried_again_as_often_as_its_limit_says(
    database: Database, specs: list[TrialSpec], kind: FailureKind, expected: list[TrialState]
) -> None:
    insert(database, specs[:1])
    trial_id = specs[0].trial_id
    states = []
    for number in range(1, len(expected) + 1):
        assert claim(database, trial_id) == number
        failure = make_failure(trial_id, number).model_copy(update={"kind": kind})
        with database.write() as session:
            assert trials.record_failure(session, failure)
        states.append(stored(database, trial_id).state)
    assert states == expected
    with database.read() as session:
        kept = list_attempts(session, trial_id)
    # Why each of them ended can be looked up afterwards.
    assert [one.kind for one in kept] == [kind] * len(expected)
    assert all(one.message for one in kept)


def test_kinds_of_failure_are_counted_apart(database: Database, specs: list[TrialSpec]) -> None:
    insert(database, specs[:1])
    trial_id = specs[0].trial_id
    kinds: list[FailureKind] = ["lost", "timeout", "stopped", "lost", "out_of_memory"]
    for number, kind in enumerate(kinds, start=1):
        claim(database, trial_id)
        failure = make_failure(trial_id, number).model_copy(update={"kind": kind})
        with database.write() as session:
            trials.record_failure(session, failure)
        assert stored(database, trial_id).state is WAITING
