"""One attempt at a trial, from its start to its record.

It is held under a lease: a worker that does not say where it stands for `lease_seconds` has lost
the trial, whatever keeps it silent, and is ended. Time is counted by a clock that nobody sets.
"""

import asyncio
from dataclasses import dataclass, field

import structlog

from db import trials
from db.database import Database, DatabaseFailed, DatabaseFault, Session
from mixtures.retries import Retries
from mixtures.trial import FailureKind, TrialFailure, TrialResult, TrialSpec, TrialState
from service.steady_loop import in_one_line
from workers.pool import Pool, Slot, WorkerLost

log = structlog.get_logger()

# Long enough for what keeps Python from answering: to train a large tokenizer, say.
LEASE_SECONDS = 180.0
# The first lease is longer: a worker's process has to come up, and to import torch.
START_LEASES = 2
# Between tries to record an outcome that the database did not take.
RECORD_AGAIN_SECONDS = 1.0


@dataclass(kw_only=True)
class Attempt:
    """Made by the scheduler for a trial that it has claimed."""

    spec: TrialSpec
    number: int
    slot: Slot
    lease_seconds: float = LEASE_SECONDS
    retries: Retries = field(default_factory=Retries)
    _lease: asyncio.Timeout | None = None

    def renew(self) -> None:
        """Its worker has said where it stands."""
        if self._lease is not None and not self._lease.expired():
            self._lease.reschedule(asyncio.get_running_loop().time() + self.lease_seconds)

    async def run(self, pool: Pool) -> TrialResult | TrialFailure:
        """What came of it; a worker that is lost or silent, or takes too long, is a failure."""
        longest = self.spec.resources.timeout_seconds
        limit = asyncio.timeout(longest)
        lease = asyncio.timeout(START_LEASES * self.lease_seconds)
        try:
            # To leave `pool.run` before its end is to end the worker.
            async with limit, lease:
                self._lease = lease
                return await pool.run(self.slot, self.spec, self.number)
        except WorkerLost as error:
            return self._failure(error.kind, str(error))
        except TimeoutError:
            if limit.expired():
                return self._failure("timeout", f"ran longer than {longest:g} seconds")
            return self._failure("lost", f"its worker was silent for {self.lease_seconds:g} s")
        finally:
            self._lease = None

    async def record(self, database: Database, outcome: TrialResult | TrialFailure) -> TrialState:
        """Into the database, however long that takes no write: hours of work are in a result."""
        trouble = ""
        while True:
            try:
                with database.write() as session:
                    return self.record_in(session, outcome)
            except DatabaseFault:
                raise
            except DatabaseFailed as error:
                if trouble != (trouble := in_one_line(error)):
                    log.error(
                        "an outcome waits to be recorded",
                        trial_id=self.spec.trial_id,
                        attempt=self.number,
                        error=trouble,
                    )
            await asyncio.sleep(RECORD_AGAIN_SECONDS)

    def record_in(self, session: Session, outcome: TrialResult | TrialFailure) -> TrialState:
        """The same in a transaction that does more; what the trial is then."""
        if isinstance(outcome, TrialResult):
            if trials.record_result(session, outcome):
                return TrialState.COMPLETE
        else:
            trials.record_failure(session, outcome, self.retries)
        state, _ = trials.standing(session, outcome.trial_id)
        return state

    def _failure(self, kind: FailureKind, message: str) -> TrialFailure:
        return TrialFailure(
            trial_id=self.spec.trial_id,
            attempt=self.number,
            kind=kind,
            message=message,
            traceback="",
        )
