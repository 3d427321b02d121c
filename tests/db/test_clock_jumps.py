"""What is under way takes as long as it was given, wherever the clock was set to."""

from datetime import timedelta

import pytest

from db import leases, trials
from db.attempts import list_attempts
from db.clock_jumps import move_with_clock
from db.database import Database, now
from mixtures.told import Ask
from mixtures.trial import TrialSpec, TrialState


@pytest.mark.parametrize("seconds", [86_400.0, -86_400.0])
def test_a_lease_ends_when_it_would_have_ended(
    database: Database, specs: list[TrialSpec], seconds: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun = now()
    with database.write() as session:
        trials.insert_trials(session, specs[:2])
    with database.write() as session:
        wanted = Ask(worker="they", num=1, lease_seconds=60)
        (lease,) = leases.ask(session, "study-1", wanted, 1)
    clock = [begun + timedelta(seconds=seconds)]
    for module in ("db.leases", "db.trials"):
        monkeypatch.setattr(f"{module}.now", lambda: clock[0])
    with database.write() as session:
        assert move_with_clock(session, seconds) == 1
    with database.read() as session:
        assert not leases.any_overdue(session)
        (attempt,) = list_attempts(session, lease.spec.trial_id)
    assert abs((attempt.started_at.replace(tzinfo=None) - clock[0]).total_seconds()) < 30
    clock[0] += timedelta(seconds=90)
    with database.write() as session:
        ((spec, number, state),) = leases.expire(session)
    assert (spec, number, state) == (lease.spec, 1, TrialState.WAITING)
