"""Leaderboards as they are sent: written once for each state of the scores, and at hand at once.

A board of 100,000 trials is tens of megabytes of JSON: writing and packing it takes seconds, so
what was sent is kept as bytes. Who does not want to wait for the fit of the newest scores gets the
last one that is done; it says as of which trial it is.
"""

import gzip
import threading
from collections import OrderedDict
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Literal

import structlog
import zstandard

from db.database import Database
from db.scores import last_completed
from db.studies import StoredStudy
from mixtures.rank import Leaderboard
from mixtures.value import hash_text
from service.answers import ANSWER_SECONDS, Answers, FitNotReady, state_of_scores

log = structlog.get_logger()

# Of all boards together, as JSON and packed.
_MOST_BYTES = 400_000_000
# Boards by raw means, while the first fit of their study is made.
_MOST_RAW = 4
# Packing again costs more than it saves on the way to a browser beside us.
_LEVEL = 1

Objective = Literal["own", "transfer"]


@dataclass(frozen=True, slots=True)
class WrittenBoard:
    """`version` is the state of scores and spec; `packed` is the JSON by its encoding, the
    one that a client unpacks soonest first: 50 MB take zstd half of gzip's time.
    """

    board: Leaderboard
    spec_hash: str
    version: str
    json: bytes
    packed: Mapping[str, bytes]
    etag: str

    @property
    def size_bytes(self) -> int:
        return len(self.json) + sum(map(len, self.packed.values()))


class KeptBoards:
    """May be asked from any thread."""

    def __init__(self, database: Database, answers: Answers) -> None:
        self._database, self._answers = database, answers
        self._kept: OrderedDict[tuple[str, Objective], WrittenBoard] = OrderedDict()
        self._raw: OrderedDict[tuple[str, Objective], WrittenBoard] = OrderedDict()
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
            kept, raw = self._kept.get(key), self._raw.get(key)
            if kept is not None:
                self._kept.move_to_end(key)
        if kept is not None and kept.version == version:
            return kept
        if not waits:
            # Under another spec, of an extended study, it would answer another question.
            spec_hash = study.spec.content_hash()
            for one in (kept, raw):
                if one is not None and one.spec_hash == spec_hash:
                    self._renew(study, objective)
                    return one
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
        key: tuple[str, Objective] = (study.id, objective)
        fit, boards = None, self._kept
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
            except FitNotReady as error:
                boards = self._raw
                # Of 100,000 trials it takes most of a minute, and the fit ten.
                if (raw := self._standing(boards, key, version)) is not None:
                    return raw
                with self._database.read() as session:
                    board = self._answers.raw_leaderboard(session, study, fit, error)
        # Of those who wait for the same fit one writes.
        with self._writer:
            if (kept := self._standing(boards, key, version)) is not None:
                return kept
            written = _written(board.model_copy(update={"as_of_trial": last}), study, version)
            if boards is self._kept:
                self._keep(key, written)
            else:
                self._keep_raw(key, written)
            return written

    def _standing(
        self,
        boards: Mapping[tuple[str, Objective], WrittenBoard],
        key: tuple[str, Objective],
        version: str,
    ) -> WrittenBoard | None:
        with self._lock:
            board = boards.get(key)
        return board if board is not None and board.version == version else None

    def _keep_raw(self, key: tuple[str, Objective], written: WrittenBoard) -> None:
        with self._lock:
            self._raw[key] = written
            self._raw.move_to_end(key)
            if len(self._raw) > _MOST_RAW:
                self._raw.popitem(last=False)

    def _keep(self, key: tuple[str, Objective], written: WrittenBoard) -> None:
        with self._lock:
            self._kept[key] = written
            self._kept.move_to_end(key)
            self._raw.pop(key, None)
            size = sum(one.size_bytes for one in self._kept.values())
            while size > _MOST_BYTES and len(self._kept) > 1:
                _, oldest = self._kept.popitem(last=False)
                size -= oldest.size_bytes


def _written(board: Leaderboard, study: StoredStudy, version: str) -> WrittenBoard:
    text = board.model_dump_json()
    written = text.encode()
    return WrittenBoard(
        board=board,
        spec_hash=study.spec.content_hash(),
        version=version,
        json=written,
        packed={
            "zstd": zstandard.compress(written, _LEVEL),
            "gzip": gzip.compress(written, _LEVEL, mtime=0),
        },
        etag=f'"{hash_text(text)}"',
    )
