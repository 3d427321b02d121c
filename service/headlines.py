"""What a list says of each study: its best mixture so far and how sure that is.

Leaderboards and recommendations take seconds to compute at first, and a list of a hundred must not
wait for them. One thread computes them in the background, those that were asked for last first; a
list shows what is there and says what is late. Scores that come all the time must not keep it busy
for ever, so a study is looked at again only after ten times what its last look took.
"""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

import structlog
from threadpoolctl import threadpool_limits

from db.database import Database
from db.scores import scores_version
from db.studies import StoredStudy
from mixtures.factor_levels import own_levels
from mixtures.factors import Level
from mixtures.rank import Leaderboard, LeaderboardRow
from mixtures.study import StudySpec
from mixtures.study_answer import StudyAnswer
from mixtures.value import Value, added
from service.answers import Answers

log = structlog.get_logger()

# Of the time since a study was looked at, at most a tenth is spent on looking again.
_REST = 10.0
_PATIENCE_SECONDS = 5.0
# Nobody waits for this thread, and a fit that was given up would be missing until more scores come.
FIT_SECONDS = 600.0


class Best(Value):
    """The first mixture of the leaderboard: raw over its seeds, and by the posterior.

    Where mixtures are compared at each level of a factor, the first at the study's own: that is the
    one that the recommendation speaks of. `is_line`: mixtures of the study differ in their SFT
    share alone.
    """

    shares: dict[str, float]
    sft_share: float
    mean: float
    interval: tuple[float, float] | None
    num_trials: int
    posterior_mean: float | None
    posterior_interval: tuple[float, float] | None
    is_line: bool
    factors: dict[str, Level] = added({})


class Headline(Value):
    """As of `num_trials` completed trials. `recommended_*` are None while there are too few."""

    num_trials: int
    metric: str
    best: Best | None
    sentence: str | None
    recommended_share: float | None
    recommended_interval: tuple[float, float] | None


@dataclass(frozen=True, slots=True)
class _Kept:
    version: str
    headline: Headline | None
    computed_at: float
    seconds: float


class Headlines:
    """`of` may be called from any thread and never waits for an answer.

    `announce` tells of a study whose headline has come.
    """

    def __init__(self, database: Database, answers: Answers, announce: Callable[[str], None]):
        self._database, self._answers, self._announce = database, answers, announce
        self._kept: dict[str, _Kept] = {}
        self._wanted: dict[str, StoredStudy] = {}
        self._lock = threading.Condition()
        self._thread: threading.Thread | None = None
        self._is_closed = False

    def of(self, study: StoredStudy) -> tuple[Headline | None, bool]:
        """What is known of the study's best mixture, and whether newer scores are not in it."""
        version = self._version(study)
        if version is None:
            return None, False
        with self._lock:
            kept = self._kept.get(study.id)
            if kept is not None and kept.version == version:
                return kept.headline, False
            self._wanted[study.id] = study
            self._lock.notify()
            if self._thread is None and not self._is_closed:
                self._thread = threading.Thread(target=self._work, name="headlines", daemon=True)
                self._thread.start()
        return (None if kept is None else kept.headline), True

    def close(self) -> None:
        """Compute nothing more; what is being computed is waited for a little."""
        with self._lock:
            self._is_closed = True
            self._lock.notify()
            thread = self._thread
        if thread is not None:
            thread.join(_PATIENCE_SECONDS)

    def _version(self, study: StoredStudy) -> str | None:
        """The scores, and the spec: the same scores under an extended one are another answer."""
        with self._database.read() as session:
            version = scores_version(session, study.id)
        return None if version is None else f"{version} {study.spec.content_hash()}"

    def _work(self) -> None:
        while (study := self._next()) is not None:
            started = time.monotonic()
            version, headline = None, None
            try:
                version = self._version(study)
                with threadpool_limits(1):
                    headline = _headline(self._database, self._answers, study)
            except Exception as error:
                # The thread lives on for the other studies, and this one is not tried again until
                # it has more scores; its own page shows what is wrong.
                log.error("no headline", study_id=study.id, error=repr(error))
            ended = time.monotonic()
            with self._lock:
                self._kept[study.id] = _Kept(version or "", headline, ended, ended - started)
                if not self._is_closed:
                    self._announce(study.id)

    def _next(self) -> StoredStudy | None:
        """The study that was asked for last and is due; None when there is nothing to do."""
        with self._lock:
            while self._wanted and not self._is_closed:
                for study_id in reversed(self._wanted):
                    if self._due(study_id) <= time.monotonic():
                        return self._wanted.pop(study_id)
                earliest = min(self._due(study_id) for study_id in self._wanted)
                self._lock.wait(max(0.0, earliest - time.monotonic()))
            self._thread = None
            return None

    def _due(self, study_id: str) -> float:
        kept = self._kept.get(study_id)
        return 0.0 if kept is None else kept.computed_at + _REST * kept.seconds


def _headline(database: Database, answers: Answers, study: StoredStudy) -> Headline:
    with database.read() as session:
        fit = answers.fit_of(session, study)
    # Without a session, for as long as that takes.
    found: StudyAnswer = fit.result(FIT_SECONDS)
    board, answer = found.leaderboard, found.recommendation
    best = None
    if board.rows:
        row = _first_at_own_levels(study.spec, board)
        best = Best(
            shares=row.shares,
            sft_share=row.sft_share,
            mean=row.mean,
            interval=row.interval,
            num_trials=row.num_trials,
            posterior_mean=row.posterior.mean if row.posterior else None,
            posterior_interval=row.posterior.interval if row.posterior else None,
            is_line=study.spec.space.is_line,
            factors=row.factors,
        )
    return Headline(
        num_trials=board.num_trials,
        metric=board.metric,
        best=best,
        sentence=answer.sentence if answer else None,
        recommended_share=answer.sft_share if answer else None,
        recommended_interval=answer.interval if answer else None,
    )


def _first_at_own_levels(study: StudySpec, board: Leaderboard) -> LeaderboardRow:
    """The first of all where none is at the study's own yet."""
    own = own_levels(study)
    at_own = (
        row
        for row in board.rows
        if all(row.factors.get(name) == own[name] for name in board.compared_within)
    )
    return next(at_own, board.rows[0])
