"""The one loop: claim a trial, send it to a worker, collect in completion order, record."""

import asyncio
from contextlib import suppress

import structlog

from db import leases, trials
from db.database import Database
from mixtures.trial import Progress, TrialFailure, TrialResult, TrialSpec, TrialState
from service.events import Events
from workers.pool import Pool, Slot, WorkerLost

log = structlog.get_logger()

# How often running workers are asked where they stand, and waiting trials are looked for when
# nothing else happened: both are cheap, and a page that moves once a second feels alive.
TICK_SECONDS = 1.0


class Scheduler:
    """Owns the running attempts. `wake` and `cancel` may be called from any thread."""

    def __init__(self, database: Database, pool: Pool, events: Events) -> None:
        self._database, self._pool, self._events = database, pool, events
        self._wake = asyncio.Event()
        self._running: dict[str, tuple[TrialSpec, asyncio.Task[None]]] = {}
        self._progress: dict[str, Progress] = {}
        self._cancelling: set[str] = set()
        self._loops: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        """Take back what an earlier controller left RUNNING, then begin."""
        self._event_loop = asyncio.get_running_loop()
        with self._database.write() as session:
            recovered = trials.recover_running(session)
        if recovered:
            log.info("trials of an earlier controller run again", num_trials=len(recovered))
        self._loops = [
            asyncio.create_task(self._schedule()),
            asyncio.create_task(self._poll_progress()),
        ]

    async def stop(self) -> None:
        """Stop claiming and let go of running attempts: the next start takes them back."""
        tasks = [*self._loops, *(task for _, task in self._running.values())]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    @property
    def is_alive(self) -> bool:
        """False when a loop has ended, which only a defect or `stop` can do."""
        return bool(self._loops) and not any(task.done() for task in self._loops)

    def wake(self) -> None:
        """There may be trials to claim."""
        self._event_loop.call_soon_threadsafe(self._wake.set)

    def cancel(self, trial_id: str) -> None:
        """Have the worker of a RUNNING trial stop; repeated at every poll until it has."""
        self._event_loop.call_soon_threadsafe(self._cancelling.add, trial_id)

    def progress_of(self, study_id: str) -> list[Progress]:
        """Where the running attempts of a study stand, as of the last poll."""
        return [
            progress
            for trial_id, progress in list(self._progress.items())
            if trial_id in self._running and self._running[trial_id][0].study_id == study_id
        ]

    def all_progress(self) -> list[Progress]:
        """The same of every study."""
        return list(self._progress.values())

    async def _schedule(self) -> None:
        while True:
            self._wake.clear()
            self._end_leases()
            self._take_back_abandoned()
            while self._claim_one():
                pass
            # Not wait_for: Python 3.11's drops a cancellation that comes with the wake, and `stop`,
            # which makes both happen at once, would wait for ever.
            with suppress(TimeoutError):
                async with asyncio.timeout(TICK_SECONDS):
                    await self._wake.wait()

    def announce(self, spec: TrialSpec, state: TrialState, attempt: int) -> None:
        """Tell listeners of a change that an outside trainer made; from any thread."""
        self._event_loop.call_soon_threadsafe(self._announce, spec, state, attempt)

    def _end_leases(self) -> None:
        """Take back trials that outside trainers have held for longer than they said."""
        with self._database.read() as session:
            if not leases.any_overdue(session):
                return
        with self._database.write() as session:
            ended = leases.expire(session)
        for spec, attempt, state in ended:
            self._announce(spec, state, attempt)

    def announce_study(self, study_id: str, what: dict[str, object]) -> None:
        """Tell listeners of a change to the study itself; from any thread."""
        self._event_loop.call_soon_threadsafe(self._events.publish, study_id, "study", what)

    def _take_back_abandoned(self) -> None:
        """A trial that is RUNNING while nothing runs it would stay so for ever.

        Its attempt's task ended by a defect, or could not write its record: the disk was full, say.
        """
        with self._database.read() as session:
            if not (lost := trials.abandoned(session, self._running)):
                return
        for spec, attempt in lost:
            reason = "its attempt ended without a record; see the controller's log"
            with self._database.write() as session:
                state = trials.record_lost(session, spec.trial_id, attempt, reason)
            self._announce(spec, state, attempt)

    def _claim_one(self) -> bool:
        """Start the first waiting trial if there is a place for it."""
        with self._database.read() as session:
            spec = trials.first_waiting(session)
        slot = None if spec is None else self._pool.acquire(spec.resources)
        if spec is None or slot is None:
            return False
        with self._database.write() as session:
            attempt = trials.claim(session, spec.trial_id)
        if attempt is None:  # cancelled a moment ago
            self._pool.release(slot)
            return True
        self._announce(spec, TrialState.RUNNING, attempt)
        task = asyncio.create_task(self._run(slot, spec, attempt))
        task.add_done_callback(_log_defect)
        self._running[spec.trial_id] = (spec, task)
        return True

    async def _run(self, slot: Slot, spec: TrialSpec, attempt: int) -> None:
        """One attempt from its start to its record."""
        try:
            outcome = await self._pool.run(slot, spec, attempt)
        except WorkerLost as error:
            with self._database.write() as session:
                state = trials.record_lost(session, spec.trial_id, attempt, str(error))
        else:
            state = self._record(outcome)
        finally:
            self._running.pop(spec.trial_id, None)
            self._progress.pop(spec.trial_id, None)
            self._cancelling.discard(spec.trial_id)
            self._wake.set()
        self._announce(spec, state, attempt)

    def _record(self, outcome: TrialResult | TrialFailure) -> TrialState:
        with self._database.write() as session:
            if isinstance(outcome, TrialResult):
                trials.record_result(session, outcome)
            else:
                trials.record_failure(session, outcome)
            return trials.get_trial(session, outcome.trial_id).state

    async def _poll_progress(self) -> None:
        while True:
            await asyncio.sleep(TICK_SECONDS)
            for trial_id in list(self._cancelling):
                if trial_id in self._running:
                    self._pool.cancel(trial_id)
                else:
                    self._cancelling.discard(trial_id)
            for progress in await self._pool.progress():
                running = self._running.get(progress.trial_id)
                if running and self._progress.get(progress.trial_id) != progress:
                    self._progress[progress.trial_id] = progress
                    self._events.publish(
                        running[0].study_id, "progress", progress.model_dump(mode="json")
                    )

    def _announce(self, spec: TrialSpec, state: TrialState, attempt: int) -> None:
        log.info("trial", trial_id=spec.trial_id, state=state.value, attempt=attempt)
        data = {
            "trial_id": spec.trial_id,
            "state": state,
            "attempt": attempt,
            "sft_share": spec.sft_share,
            "seed": spec.seed,
        }
        self._events.publish(spec.study_id, "trial", data)


def _log_defect(task: asyncio.Task[None]) -> None:
    """An attempt's task should end by itself; the database refusing a write, say, is shown."""
    if not task.cancelled() and (error := task.exception()) is not None:
        log.error("an attempt could not be recorded", error=repr(error), exc_info=error)
