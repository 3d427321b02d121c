"""Keeps trials waiting for studies that search, and ends what has spent its hours.

Proposals are computed in a child process that ends when idle, so the controller's loop never waits
and stays small. One that does not come in time is replaced by mixtures that fill the space, and
the trials say so (`chosen_by`).
"""

import asyncio
import threading
from collections.abc import Callable

import structlog

from db import trials
from db.database import Database
from db.labels import is_paused
from db.scores import observations
from db.search_stops import SearchStop, keep_search_stop, search_stops
from db.spending import has_only_failed, spending, tokens_by_state
from db.studies import StoredStudy, count_states, list_studies
from mixtures.design import trials_of_request
from mixtures.propose import LEAST_MIXTURES, Proposal, fill
from mixtures.rank import Observation, complete_observations
from mixtures.search_points import Pending
from mixtures.trial import TrialState
from service.steady_loop import SteadyLoop, in_one_line
from workers.pool import LocalProcess

log = structlog.get_logger()

TICK_SECONDS = 1.0
# A child that was idle imports first; that is not the proposal's time.
WARM_SECONDS = 20.0
# Where nobody waits for the answer it may take longer: a trial costs more than a minute of thought.
PATIENT_SECONDS = 120.0
# Deadline at 400 trials and at 2,000, in seconds, with a straight line between.
FEW_TRIALS, FEW_SECONDS, MANY_TRIALS, MANY_SECONDS = 400, 2.0, 2_000, 5.0
MOST_FAILED = 10
PAUSED = "the study is paused"
_UNFINISHED = (TrialState.WAITING, TrialState.RUNNING)


class Searcher:
    """`ask` may be called from any thread, and waits; `run` is the loop."""

    def __init__(self, database: Database, on_new_trials: Callable[[], None]) -> None:
        self._database, self._on_new_trials = database, on_new_trials
        self._process = LocalProcess()
        self._one_at_a_time = threading.Lock()
        self._stops: dict[str, SearchStop] = {}
        self._studies: dict[str, StoredStudy] = {}
        # What each study's last turn failed by: a child that is killed is killed again every turn.
        self._troubles: dict[str, str] = {}
        self.loop = SteadyLoop("searcher", self._turn)

    async def start(self) -> None:
        with self._database.read() as session:
            for study in list_studies(session):
                self._care_for(study)
            # What had been decided of these very trials is not asked again.
            self._stops = search_stops(session)
        self.loop.start()

    async def stop(self) -> None:
        await self.loop.stop()
        await asyncio.to_thread(self._process.close)

    def add(self, study: StoredStudy) -> None:
        """Care for this study from now on, where there is something to care for; again after its
        spec was extended, when why it had stopped may hold no more.
        """
        known = self._studies.get(study.id)
        if known is not None and known.spec != study.spec:
            self._go_on(study.id)
        self._care_for(study)

    def _care_for(self, study: StoredStudy) -> None:
        if study.spec.search is not None or study.spec.budget.max_hours is not None:
            self._studies[study.id] = study

    def why_stopped(self, study: StoredStudy) -> str | None:
        """Why nothing more is proposed; None while the search goes on, or where there is none."""
        stop = self._stops.get(study.id)
        return None if stop is None else stop.reason

    def is_searching(self, study_id: str) -> bool:
        """Whether more trials may be proposed for the study."""
        study = self._studies.get(study_id)
        return study is not None and study.spec.search is not None and study_id not in self._stops

    def ask(self, study: StoredStudy, num: int, is_urgent: bool = True) -> str | None:
        """See to it that `num` trials wait; why there are fewer, where there are."""
        with self._one_at_a_time:
            return self._ask(study, num, is_urgent)

    def _ask(self, study: StoredStudy, num: int, is_urgent: bool) -> str | None:
        spec = study.spec
        with self._database.read() as session:
            if is_paused(session, study.id):
                return PAUSED
            counts = count_states(session, study.id)
            wanted = num - counts[TrialState.WAITING]
            if wanted <= 0:
                return None
            if spec.search is None:
                return "all first trials are given out or done; the study has no search"
            found = observations(session, study.id, spec.objective.metric)
            stored = trials.list_trials(session, study.id, _UNFINISHED)
            spent = spending(session, study.id)
            tokens_given = (
                sum(tokens_by_state(session, study.id).values())
                if spec.trials_differ_in_tokens
                else None
            )
            has_failed = has_only_failed(session, study.id, MOST_FAILED)
        num_finished = sum(n for state, n in counts.items() if state.is_finished)
        left, field = spec.budget.trials_left(
            sum(counts.values()),
            spec.tokens_per_trial,
            spent.hours,
            spent.hours_per_trial,
            tokens_given,
        )
        if has_failed:
            return self._stop(study, f"the last {MOST_FAILED} trials failed", num_finished)
        if left == 0:
            return self._stop(study, f"{field} is reached", num_finished)
        pending = [(one.spec.mixture.shares, one.spec.seed, one.spec.factors) for one in stored]
        proposal = self._propose(study, found, pending, min(wanted, left), is_urgent)
        if proposal.stop is not None:
            return self._stop(study, proposal.stop, num_finished)
        self._go_on(study.id)
        specs = [
            spec_
            for request in proposal.requests
            for spec_ in trials_of_request(
                request, spec, study.id, study.data_report["data_hashes"]
            )
        ]
        with self._database.write() as session:
            trials.insert_trials(session, specs, proposal.chosen_by)
        log.info("proposed", study_id=study.id, num=len(specs), by=proposal.chosen_by)
        return f"{field} is reached" if left < wanted else None

    def _stop(self, study: StoredStudy, reason: str, num_finished: int) -> str:
        stop = SearchStop(reason=reason, num_finished=num_finished)
        if self._stops.get(study.id) == stop:
            return reason
        self._stops[study.id] = stop
        with self._database.write() as session:
            keep_search_stop(session, study.id, stop)
        log.info("search stopped", study_id=study.id, reason=reason)
        return reason

    def _go_on(self, study_id: str) -> None:
        if self._stops.pop(study_id, None) is not None:
            with self._database.write() as session:
                keep_search_stop(session, study_id, None)

    def _propose(
        self,
        study: StoredStudy,
        found: list[Observation],
        pending: Pending,
        num: int,
        is_urgent: bool,
    ) -> Proposal:
        seconds = deadline(len(found)) if is_urgent else PATIENT_SECONDS
        arguments = (study.id, study.spec, found, pending, num, seconds)
        try:
            self._process.call_within(
                WARM_SECONDS if is_urgent else PATIENT_SECONDS, "mixtures.propose_child:warm"
            )
            answer: Proposal = self._process.call_within(
                seconds, "mixtures.propose_child:propose_for", *arguments
            )
        except TimeoutError:
            complete, _ = complete_observations(study.spec, found, with_short=True)
            return fill(study.spec, complete, pending, num, f"no proposal within {seconds:.1f} s")
        return answer

    async def _turn(self) -> None:
        await asyncio.sleep(TICK_SECONDS)
        trouble: Exception | None = None
        for study_id in list(self._studies):
            try:
                if await asyncio.to_thread(self._care, study_id):
                    self._on_new_trials()
            except Exception as error:
                # The other studies have their turn; a child that was killed, for want of memory
                # say, is replaced at the next.
                self._note(study_id, in_one_line(error))
                trouble = trouble or error
            else:
                self._note(study_id, None)
        if trouble is not None:
            raise trouble

    def _note(self, study_id: str, trouble: str | None) -> None:
        """Into the log, once for each change."""
        before = self._troubles.pop(study_id, None)
        if trouble is not None:
            self._troubles[study_id] = trouble
        if trouble == before:
            return
        if trouble is None:
            log.info("proposes again", study_id=study_id, after=before)
        else:
            log.error("no proposal", study_id=study_id, error=trouble)

    def _care(self, study_id: str) -> bool:
        """Whether there are new trials to claim."""
        study = self._studies[study_id]
        with self._database.read() as session:
            if is_paused(session, study_id):
                return False
            counts = count_states(session, study_id)
        num_finished = sum(n for state, n in counts.items() if state.is_finished)
        if counts[TrialState.WAITING] and study.spec.budget.max_hours is not None:
            self._end_what_is_too_long(study)
        stop = self._stops.get(study_id)
        search = study.spec.search
        if search is None or (stop is not None and stop.num_finished == num_finished):
            return False
        if counts[TrialState.WAITING] >= search.num_ahead:
            return False
        is_outside = study.spec.trained_by == "outside"
        if (
            is_outside
            and counts[TrialState.RUNNING]
            and counts[TrialState.COMPLETE] < LEAST_MIXTURES
        ):
            # Nobody is idle who could not ask; scores are on their way, and worth waiting for.
            return False
        return self.ask(study, search.num_ahead, is_urgent=False) is None

    def _end_what_is_too_long(self, study: StoredStudy) -> None:
        """Cancel what still waits once the hours are spent."""
        most = study.spec.budget.max_hours
        with self._database.read() as session:
            hours = spending(session, study.id).hours
        if most is None or hours < most:
            return
        with self._database.write() as session:
            waiting = trials.list_trials(session, study.id, [TrialState.WAITING])
            for one in waiting:
                trials.cancel(session, one.id)
        log.info("budget.max_hours is spent", study_id=study.id, num_cancelled=len(waiting))


def deadline(num_trials: int) -> float:
    """Seconds that a proposal may take."""
    part = (num_trials - FEW_TRIALS) / (MANY_TRIALS - FEW_TRIALS)
    return FEW_SECONDS + (MANY_SECONDS - FEW_SECONDS) * min(max(part, 0.0), 1.0)
