"""What a list says of each study: its best mixture so far and how sure that is.

Leaderboards and recommendations take seconds to compute at first, and a list of a hundred must not
wait for them. One thread computes them in the background, those that were asked for last first; a
list shows what is there and says what is late. Scores that come all the time must not keep it busy
for ever, so a study is looked at again only after ten times what its last look took.
"""

import threading
import time
from dataclasses import dataclass

import structlog
from threadpoolctl import threadpool_limits

from db.database import Database
from db.scores import scores_version
from db.studies import StoredStudy
from mixtures.recommend import NotEnoughTrials
from mixtures.value import Value
from service.answers import Answers

log = structlog.get_logger()

# Of the time since a study was looked at, at most a tenth is spent on looking again.
_REST = 10.0


class Best(Value):
    """The first mixture of the leaderboard: raw over its seeds, and by the posterior."""

    shares: dict[str, float]
    sft_share: float
    mean: float
    interval: tuple[float, float] | None
    num_trials: int
    posterior_mean: float | None
    posterior_interval: tuple[float, float] | None


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
    """`of` may be called from any thread and never waits for an answer."""

    def __init__(self) -> None:
        self._kept: dict[str, _Kept] = {}
        self._wanted: dict[str, tuple[Database, Answers, StoredStudy]] = {}
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None

    def of(
        self, database: Database, answers: Answers, study: StoredStudy
    ) -> tuple[Headline | None, bool]:
        """What is known of the study's best mixture, and whether newer scores are not in it."""
        with database.read() as session:
            version = scores_version(session, study.id)
        if version is None:
            return None, False
        with self._lock:
            kept = self._kept.get(study.id)
            # The same scores under an extended spec are another answer.
            version = f"{version} {study.spec.content_hash()}"
            if kept is not None and kept.version == version:
                return kept.headline, False
            if kept is None or time.monotonic() - kept.computed_at > _REST * kept.seconds:
                self._wanted[study.id] = (database, answers, study)
                if self._thread is None:
                    self._thread = threading.Thread(target=self._work, daemon=True)
                    self._thread.start()
        return (None if kept is None else kept.headline), True

    def _work(self) -> None:
        while True:
            with self._lock:
                if not self._wanted:
                    self._thread = None
                    return
                study_id, (database, answers, study) = self._wanted.popitem()
            started = time.monotonic()
            with database.read() as session:
                version = f"{scores_version(session, study_id)} {study.spec.content_hash()}"
            headline = None
            try:
                with threadpool_limits(1):
                    headline = _headline(database, answers, study)
            except Exception as error:
                # The thread lives on for the other studies, and this one is not tried again until
                # it has more scores; its own page shows what is wrong.
                log.error("no headline", study_id=study_id, error=repr(error))
            seconds = time.monotonic() - started
            with self._lock:
                self._kept[study_id] = _Kept(version, headline, time.monotonic(), seconds)


def _headline(database: Database, answers: Answers, study: StoredStudy) -> Headline:
    with database.read() as session:
        board = answers.leaderboard(session, study)
        try:
            answer = answers.recommendation(session, study)
        except NotEnoughTrials:
            answer = None
    best = None
    if board.rows:
        row = board.rows[0]
        best = Best(
            shares=row.shares,
            sft_share=row.sft_share,
            mean=row.mean,
            interval=row.interval,
            num_trials=row.num_trials,
            posterior_mean=row.posterior.mean if row.posterior else None,
            posterior_interval=row.posterior.interval if row.posterior else None,
        )
    return Headline(
        num_trials=board.num_trials,
        metric=board.metric,
        best=best,
        sentence=answer.sentence if answer else None,
        recommended_share=answer.sft_share if answer else None,
        recommended_interval=answer.interval if answer else None,
    )
