"""All that a study's scores say, read and computed once for each state of them.

A page asks often, and reading 100,000 trials or fitting their curve takes seconds. So facts are
kept under a version that the database tells in milliseconds, and are made in a thread of their own:
who cannot wait gets those of before, or none yet, and asks again.
"""

import threading
import time
from collections import OrderedDict
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as NotYet
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from db.database import Database, Session
from db.scores import observations
from db.studies import StoredStudy
from db.study_page import TrialTime, last_result, trial_times
from mixtures.rank import Leaderboard, Observation, complete_observations, leaderboard
from mixtures.recommendation import Recommendation
from mixtures.signal import SignalReport, signal
from mixtures.study import StudySpec
from mixtures.study_answer import StudyAnswer
from mixtures.trial import ItemCounts
from service.answers import Answers, FitNotReady, state_of_scores
from service.fit import Fit
from service.pages.mixture_table import MixtureTable, TableQuery

# Of a study with 100,000 trials facts take some hundred MB.
_MOST_KEPT = 32
# A first look does not wait for a long fit: the leaderboard by raw means comes before it. The
# second look waits for the fit as long as any takes.
QUICK_SECONDS, FIT_SECONDS = 1.0, 1800.0


@dataclass(frozen=True, kw_only=True)
class StudyFacts:
    """One state of a study's scores. `no_answer` says why there is no recommendation.

    `trials` are the completed ones that have every score of the objective; `items` says what became
    of each benchmark's items, the same in every trial.
    """

    version: str
    spec: StudySpec
    board: Leaderboard
    recommendation: Recommendation | None
    no_answer: str
    signal: SignalReport
    trials: tuple[Observation, ...]
    times: dict[str, TrialTime]
    items: dict[str, ItemCounts]
    # The fit of these scores is not ready: the board is by raw means until then.
    is_partial: bool = False
    # How long it took to make them, a fit that was waited for left out.
    seconds: float = 0.0

    @property
    def shown_version(self) -> str:
        """What a reader tells by that there is something new: also once the fit has come."""
        return f"{self.version} before the fit" if self.is_partial else self.version

    @cached_property
    def table(self) -> MixtureTable:
        return MixtureTable(self.spec, self.board)

    @cached_property
    def row_of(self) -> dict[str, int]:
        """The place on the leaderboard of each trial's mixture."""
        return {
            trial_id: place
            for place, row in enumerate(self.board.rows)
            for trial_id in row.trial_ids
        }

    @cached_property
    def by_share(self) -> tuple[list[Observation], NDArray[np.intp]]:
        """The trials by SFT share, and the row of each one's mixture."""
        trials = sorted(self.trials, key=lambda trial: (trial.sft_share, trial.seed))
        return trials, self._rows(trials)

    @cached_property
    def by_end(self) -> tuple[list[Observation], NDArray[np.intp], NDArray[np.float64]]:
        """The trials in the order in which they were done, their mixtures' rows, their losses."""
        timed = [trial for trial in self.trials if trial.trial_id in self.times]
        timed.sort(key=lambda one: (self.times[one.trial_id].finished_at, one.trial_id))
        objective = self.spec.objective
        losses = [objective.loss_sign * objective.value(trial.scores) for trial in timed]
        return timed, self._rows(timed), np.array(losses, dtype=np.float64)

    def put_in_order(self) -> None:
        """Sort now what figures and tables need sorted: of 100,000 trials it takes a second, which
        the first reader of each would wait.
        """
        _ = self.by_share, self.by_end, self.table.is_baseline
        for column in self.table.columns:
            self.table.values(column.key)
        self.table.page(TableQuery(tied=True, after="nobody"), self.version)

    def _rows(self, trials: list[Observation]) -> NDArray[np.intp]:
        return np.array([self.row_of[trial.trial_id] for trial in trials], dtype=np.intp)


@dataclass(frozen=True, kw_only=True, slots=True)
class Found:
    """`is_late`: newer facts are on their way; `are_none`: and these are empty until then."""

    facts: StudyFacts
    is_late: bool = False
    are_none: bool = False


def no_facts(spec: StudySpec) -> StudyFacts:
    """What a page shows before the first facts are there."""
    return StudyFacts(
        version="",
        spec=spec,
        board=leaderboard(spec, []).model_copy(update={"notes": ()}),
        recommendation=None,
        no_answer="the answer is being computed",
        signal=signal(spec, {}).model_copy(update={"notes": ()}),
        trials=(),
        times={},
        items={},
    )


class Facts:
    """Facts of the studies that were looked at last."""

    def __init__(self, database: Database, answers: Answers) -> None:
        self._database, self._answers = database, answers
        self._kept: OrderedDict[str, StudyFacts] = OrderedDict()
        self._making: dict[tuple[str, str], Future[StudyFacts]] = {}
        self._lock = threading.Lock()
        # Two, so that a large study does not hold up the others.
        self._makers = ThreadPoolExecutor(max_workers=2, thread_name_prefix="facts")

    def of(self, study: StoredStudy, patience: float | None = None) -> Found:
        """The study's facts; waits at most `patience` seconds for new ones, or to their end.

        Without a limit they may be partial: a fit may take longer than any reader stays.
        """
        start = time.monotonic()
        with self._database.read() as session:
            version = state_of_scores(session, study)
        with self._lock:
            kept = self._kept.get(study.id)
            if kept is not None:
                self._kept.move_to_end(study.id)
                if kept.version == version and not kept.is_partial:
                    return Found(facts=kept)
            is_half_done = kept is not None and kept.version == version
            seconds = FIT_SECONDS if is_half_done else QUICK_SECONDS
            key = (study.id, version)
            making = self._making.get(key)
            if making is None:
                making = self._makers.submit(self._make, study, version, seconds)
                self._making[key] = making
        if kept is not None and self._is_vain(kept, is_half_done, patience):
            return Found(facts=kept, is_late=True)
        try:
            made = making.result(patience)
        except NotYet:
            if kept is None:
                return Found(facts=no_facts(study.spec), is_late=True, are_none=True)
            return Found(facts=kept, is_late=True)
        left = 0.0 if patience is None else patience - (time.monotonic() - start)
        if made.is_partial and left > 0:
            return self.of(study, left)
        return Found(facts=made, is_late=made.is_partial)

    def _is_vain(self, kept: StudyFacts, is_half_done: bool, patience: float | None) -> bool:
        """Whether waiting so long brings nothing newer: a fit that is not there after a second
        takes many, and facts take about as long as they took the last time.

        Without this each click waits in full while the fit of a large study is made.
        """
        if patience is None:
            return is_half_done
        return (patience <= QUICK_SECONDS) if is_half_done else (patience < kept.seconds)

    def close(self) -> None:
        self._makers.shutdown(wait=False, cancel_futures=True)

    def _make(self, study: StoredStudy, version: str, seconds: float) -> StudyFacts:
        try:
            facts = self._facts(study, version, seconds)
            facts.put_in_order()
            with self._lock:
                self._kept[study.id] = facts
                self._kept.move_to_end(study.id)
                while len(self._kept) > _MOST_KEPT:
                    self._kept.popitem(last=False)
            return facts
        finally:
            with self._lock:
                self._making.pop((study.id, version), None)

    def _facts(self, study: StoredStudy, version: str, seconds: float) -> StudyFacts:
        with self._lock:
            before = self._kept.get(study.id)
        begun = time.monotonic()
        with self._database.read() as session:
            fit = self._answers.fit_of(session, study)
            if before is None or before.version != version:
                before = self._read(session, study, version, fit)
        spent = time.monotonic() - begun
        try:
            # Without a session: a fit may take half an hour.
            answer: StudyAnswer = fit.result(seconds)
        except FitNotReady as error:
            begun = time.monotonic()
            with self._database.read() as session:
                board = self._answers.raw_leaderboard(session, study, fit, error)
            answer, no_answer, is_partial = StudyAnswer(leaderboard=board), str(error), True
            spent += time.monotonic() - begun
        else:
            no_answer, is_partial = answer.no_recommendation, False
        return replace(
            before,
            board=answer.leaderboard,
            recommendation=answer.recommendation,
            no_answer=no_answer,
            is_partial=is_partial,
            seconds=max(before.seconds, spent),
        )

    def _read(self, session: Session, study: StoredStudy, version: str, fit: Fit) -> StudyFacts:
        """What needs no fit: the second look at the same scores has it from the first."""
        found = fit.found
        if found is None:
            found = observations(session, study.id, study.spec.objective.metric)
        complete, _ = complete_observations(study.spec, found)
        result = last_result(session, study.id)
        return StudyFacts(
            version=version,
            spec=study.spec,
            board=leaderboard(study.spec, []),
            recommendation=None,
            no_answer="",
            signal=self._answers.signal(session, study),
            trials=tuple(complete),
            times=trial_times(session, study.id),
            items=result.items if result else {},
        )
