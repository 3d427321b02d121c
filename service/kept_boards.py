"""Leaderboards as they are sent: written once for each state of the scores, and at hand at once.

A board of 100,000 trials is tens of megabytes of JSON: writing and packing it takes seconds, so
what was sent is kept as bytes. Who does not want to wait for the fit of the newest scores gets the
last one that is done; it says as of which trial it is.
"""

import gzip
import threading
from collections import OrderedDict
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Literal

import structlog

from db.database import Database
from db.scores import last_completed
from db.studies import StoredStudy
from mixtures.rank import Leaderboard
from mixtures.value import hash_text
from service.answers import ANSWER_SECONDS, Answers, FitNotReady, state_of_scores

log = structlog.get_logger()

# Of all boards together, as JSON and packed.
_MOST_BYTES = 400_000_000
# Packing again costs more than it saves on the way to a browser beside us.
_LEVEL = 1

Objective = Literal["own", "transfer"]


@dataclass(frozen=True, slots=True)
class WrittenBoard:
    """`version` is the state of scores and spec; `packed` is the JSON in gzip."""

    board: Leaderboard
    spec_hash: str
    version: str
    json: bytes
    packed: bytes
    etag: str


class KeptBoards:
    """May be asked from any thread."""

    def __init__(self, database: Database, answers: Answers) -> None:
        self._database, self._answers = database, answers
        self._kept: OrderedDict[tuple[str, Objective], WrittenBoard] = OrderedDict()
        self._lock, self._writer = threading.Lock(), threading.Lock()
        self._renewing: set[tuple[str, Objective]] = set()
        self._renewers = ThreadPoolExecutor(max_workers=1, thread_name_prefix="boards")

    def close(self) -> None:
        self._renewers.shutdown(wait=False, cancel_futures=True)

    def of(self, study: StoredStudy, objective: Objective, waits: bool) -> WrittenBoard:
        """The study's board; with `waits` off the last one that is done, where there is any.

        By raw means where the fit takes longer than Answers waits. Raises NotEnoughTrials for the
        transfer score.
        """
        key = (study.id, objective)
        with self._database.read() as session:
            version = state_of_scores(session, study)
        with self._lock:
            kept = self._kept.get(key)
            if kept is not None:
                self._kept.move_to_end(key)
        if kept is not None and kept.version == version:
            return kept
        # Under another spec, of an extended study, it would answer another question.
        if kept is not None and not waits and kept.spec_hash == study.spec.content_hash():
            self._renew(study, objective)
            return kept
        return self._made(study, objective)

    def _renew(self, study: StoredStudy, objective: Objective) -> None:
        """In the background, one at a time for each board."""
        key = (study.id, objective)
        with self._lock:
            if key in self._renewing:
                return
            self._renewing.add(key)

        def make() -> None:
            try:
                self._made(study, objective)
            except Exception as error:
                # Nobody waits for it; who does is told by his own request.
                log.error("no leaderboard", study_id=study.id, error=repr(error))
            finally:
                with self._lock:
                    self._renewing.discard(key)

        self._renewers.submit(make)

    def _made(self, study: StoredStudy, objective: Objective) -> WrittenBoard:
        fit, is_fitted = None, True
        with self._database.read() as session:
            version = state_of_scores(session, study)
            last = last_completed(session, study.id)
            if objective == "transfer":
                board = self._answers.transfer_leaderboard(session, study)
            else:
                fit = self._answers.fit_of(session, study)
        if fit is not None:
            try:
                board = fit.result(ANSWER_SECONDS).leaderboard
            except FitNotReady:
                is_fitted = False
                with self._database.read() as session:
                    board = self._answers.leaderboard(session, study, 0.0)
        # Of those who wait for the same fit one writes.
        with self._writer:
            kept = self._kept.get((study.id, objective))
            if kept is not None and kept.version == version:
                return kept
            written = _written(board.model_copy(update={"as_of_trial": last}), study, version)
            if is_fitted:
                self._keep((study.id, objective), written)
            return written

    def _keep(self, key: tuple[str, Objective], written: WrittenBoard) -> None:
        with self._lock:
            self._kept[key] = written
            self._kept.move_to_end(key)
            size = sum(len(one.json) + len(one.packed) for one in self._kept.values())
            while size > _MOST_BYTES and len(self._kept) > 1:
                _, oldest = self._kept.popitem(last=False)
                size -= len(oldest.json) + len(oldest.packed)


def _written(board: Leaderboard, study: StoredStudy, version: str) -> WrittenBoard:
    text = board.model_dump_json()
    return WrittenBoard(
        board=board,
        spec_hash=study.spec.content_hash(),
        version=version,
        json=text.encode(),
        packed=gzip.compress(text.encode(), _LEVEL, mtime=0),
        etag=f'"{hash_text(text)}"',
    )
