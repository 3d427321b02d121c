"""The one loop: claim a trial, send it to a worker, collect in completion order, record."""

import asyncio
import math
from collections.abc import Callable
from contextlib import suppress
from contextvars import Context

import structlog

from db import leases, trials
from db.attempts import abandoned
from db.clock_jumps import move_with_clock
from db.database import Database, DatabaseFailed
from mixtures.retries import Retries
from mixtures.trial import Progress, TrialFailure, TrialResult, TrialSpec, TrialState
from service.attempt import LEASE_SECONDS, Attempt
from service.clock import Clock
from service.events import Events
from service.next_trial import NextTrials
from service.steady_loop import SteadyLoop
from service.tracing import Tracing
from workers.pool import Pool, Slot

log = structlog.get_logger()

# How often running workers are asked where they stand, and waiting trials are looked for when
# nothing else happened: both are cheap, and a page that moves once a second feels alive.
TICK_SECONDS = 1.0
# What running trials have to save where they stand when the controller ends.
STOP_SECONDS = 20.0

# A trial, its place, and the attempt's number: None where it waited no more.
_Claim = tuple[TrialSpec, Slot, int | None]


class Scheduler:
    """Owns the running attempts. `wake` and `cancel` may be called from any thread.

    Nothing is claimed while `has_room` says no: on a full disk every trial would fail.
    """

    def __init__(
        self,
        database: Database,
        pool: Pool,
        events: Events,
        *,
        retries: Retries | None = None,
        lease_seconds: float = LEASE_SECONDS,
        has_room: Callable[[], bool] = lambda: True,
        clock: Clock | None = None,
        tracing: Tracing | None = None,
    ) -> None:
        self._database, self._pool, self._events = database, pool, events
        self._retries, self._lease_seconds = retries or Retries(), lease_seconds
        self._has_room, self._clock = has_room, clock or Clock()
        self._tracing = tracing or Tracing()
        self._next = NextTrials(database, pool)
        self._wake = asyncio.Event()
        self._running: dict[str, Attempt] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._progress: dict[str, Progress] = {}
        self._cancelling: set[str] = set()
        self._looked_at = -math.inf
        self._is_claiming = False
        self._loops = (
            SteadyLoop("scheduler", self._schedule),
            SteadyLoop("progress", self._poll_progress),
        )

    async def start(self) -> None:
        """Take back what an earlier controller left RUNNING, then begin."""
        self._event_loop = asyncio.get_running_loop()
        with self._database.write() as session:
            recovered = trials.recover_running(session)
        if recovered:
            log.info("trials of an earlier controller run again", num_trials=len(recovered))
        self._is_claiming = True
        for loop in self._loops:
            loop.start()

    async def stop(self) -> None:
        """Stop claiming, and have running trials save where they stand: the next start goes on.

        Those that do not come to it in STOP_SECONDS are let go, and taken back by the next start.
        """
        self._is_claiming = False
        for loop in self._loops:
            await loop.stop()
        tasks = list(self._tasks.values())
        if tasks:
            self._pool.stop_trials()
            await asyncio.wait(tasks, timeout=STOP_SECONDS)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    @property
    def state(self) -> str:
        """`ok`, `stopped`, or what the last turn of its loops failed by."""
        return next((loop.state for loop in self._loops if loop.state != "ok"), "ok")

    @property
    def is_alive(self) -> bool:
        """Whether its loops run."""
        return all(loop.is_alive for loop in self._loops)

    def wake(self) -> None:
        """There may be trials to claim, or others than before."""
        self._event_loop.call_soon_threadsafe(self._look_anew)

    def _look_anew(self) -> None:
        self._next.forget()
        self._wake.set()

    def cancel(self, trial_id: str) -> None:
        """Have the worker of a RUNNING trial stop; repeated at every poll until it has."""
        self._event_loop.call_soon_threadsafe(self._cancelling.add, trial_id)

    def progress_of(self, study_id: str) -> list[Progress]:
        """Where the running attempts of a study stand, as of the last poll."""
        return [
            progress
            for trial_id, progress in list(self._progress.items())
            if trial_id in self._running and self._running[trial_id].spec.study_id == study_id
        ]

    def all_progress(self) -> list[Progress]:
        """The same of every study."""
        return list(self._progress.values())

    async def _schedule(self) -> None:
        """One turn: take back what is lost, claim what there is room for, wait."""
        self._wake.clear()
        # Not at every wake: both read whole tables.
        if (now := self._event_loop.time()) >= self._looked_at + TICK_SECONDS:
            self._follow_the_clock()
            self._end_leases()
            self._take_back_abandoned()
            self._next.forget()
            self._looked_at = now
        while self._claim_one():
            pass
        # Not wait_for: Python 3.11's drops a cancellation that comes with the wake, and `stop`,
        # which makes both happen at once, would wait for ever.
        with suppress(TimeoutError):
            async with asyncio.timeout(TICK_SECONDS):
                await self._wake.wait()

    def _follow_the_clock(self) -> None:
        if seconds := self._clock.jumped_seconds():
            with self._database.write() as session:
                num_moved = move_with_clock(session, seconds)
            log.warning("the clock was set", seconds=seconds, num_attempts_moved=num_moved)

    def announce(self, spec: TrialSpec, state: TrialState, attempt: int) -> None:
        """Tell listeners of a change that an outside trainer made; from any thread."""
        self._event_loop.call_soon_threadsafe(self._announce, spec, state, attempt)

    def _end_leases(self) -> None:
        """Take back trials that outside trainers have held for longer than they said."""
        with self._database.read() as session:
            if not leases.any_overdue(session):
                return
        with self._database.write() as session:
            ended = leases.expire(session, self._retries)
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
            if not (lost := abandoned(session, self._running)):
                return
        for spec, attempt in lost:
            reason = "its attempt ended without a record; see the controller's log"
            with self._database.write() as session:
                state = trials.record_lost(session, spec.trial_id, attempt, reason, self._retries)
            self._announce(spec, state, attempt)

    def _claim_one(self) -> bool:
        """Start the trial whose turn it is, if there is a place for it."""
        found = self._next.take() if self._has_room() else None
        if found is None:
            return False
        spec, slot = found
        # What follows belongs to the claim: the task takes the span with it.
        with self._tracing.span("claim", study_id=spec.study_id, trial_id=spec.trial_id):
            try:
                with self._database.write() as session:
                    number = trials.claim(session, spec.trial_id)
            except DatabaseFailed:
                self._pool.release(slot)
                raise
            self._begin(spec, slot, number)
        return True

    def _begin(self, spec: TrialSpec, slot: Slot, number: int | None) -> None:
        """The attempt that was claimed; None: of a trial that was cancelled a moment ago."""
        if number is None:
            self._pool.release(slot)
            return
        self._announce(spec, TrialState.RUNNING, number)
        attempt = Attempt(
            spec=spec,
            number=number,
            slot=slot,
            lease_seconds=self._lease_seconds,
            retries=self._retries,
        )
        task = asyncio.create_task(self._run(attempt))
        task.add_done_callback(_log_defect)
        self._running[spec.trial_id], self._tasks[spec.trial_id] = attempt, task

    async def _run(self, attempt: Attempt) -> None:
        """One attempt from its start to its record."""
        spec = attempt.spec
        ids = {"study_id": spec.study_id, "trial_id": spec.trial_id}
        with self._tracing.span("trial", **ids, attempt=attempt.number) as span:
            try:
                outcome = await attempt.run(self._pool)
                state, following = await self._record(attempt, outcome)
            finally:
                for kept in (self._running, self._tasks, self._progress):
                    kept.pop(spec.trial_id, None)
                self._cancelling.discard(spec.trial_id)
                self._wake.set()
            span.note(state=state.value)
            if isinstance(outcome, TrialFailure):
                span.fail(f"{outcome.kind}: {outcome.message}")
            self._announce(spec, state, attempt.number)
            if following is not None:
                # With a trace of its own: it is no part of this trial.
                Context().run(self._begin_in_a_span, *following)

    async def _record(
        self, attempt: Attempt, outcome: TrialResult | TrialFailure
    ) -> tuple[TrialState, _Claim | None]:
        """The outcome and, where it is known which trial is next, that one's claim in the same
        transaction: of what a short trial costs the controller a commit is the most.
        """
        can_claim = self._is_claiming and self._has_room()
        if not can_claim or (found := self._next.take_ahead()) is None:
            return await attempt.record(self._database, outcome), None
        spec, slot = found
        try:
            with self._database.write() as session:
                state = attempt.record_in(session, outcome)
                number = trials.claim(session, spec.trial_id)
        except DatabaseFailed:
            self._pool.release(slot)
            self._next.forget()  # it was the first of them, and waits still
            return await attempt.record(self._database, outcome), None
        return state, (spec, slot, number)

    def _begin_in_a_span(self, spec: TrialSpec, slot: Slot, number: int | None) -> None:
        with self._tracing.span("claim", study_id=spec.study_id, trial_id=spec.trial_id):
            self._begin(spec, slot, number)

    async def _poll_progress(self) -> None:
        """One turn: ask every running worker where it stands, which is its heartbeat too."""
        await asyncio.sleep(TICK_SECONDS)
        for trial_id in list(self._cancelling):
            if trial_id in self._running:
                self._pool.cancel(trial_id)
            else:
                self._cancelling.discard(trial_id)
        for progress in await self._pool.progress():
            attempt = self._running.get(progress.trial_id)
            if attempt is None or attempt.number != progress.attempt:
                continue
            attempt.renew()
            if self._progress.get(progress.trial_id) != progress:
                self._progress[progress.trial_id] = progress
                self._events.publish(
                    attempt.spec.study_id, "progress", progress.model_dump(mode="json")
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
