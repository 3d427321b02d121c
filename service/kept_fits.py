"""Fits, computed in a child process one after another, and kept while their scores stand."""

import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from db.database import Session, let_go
from mixtures.observation import Observation
from service.fit import Fit
from workers.pool import LocalProcess

_MOST_KEPT = 64
# How long whoever asks waits for a fit, unless he says otherwise. A client of ours waits a minute.
ANSWER_SECONDS = 45.0

# What is answered, of which study or studies, and their state.
_Key = tuple[str, str, str]
# The trials of a fit, and its arguments.
Given = tuple[Sequence[Observation], tuple[Any, ...]]


class KeptFits:
    """A small cache by state, and the process that fills it."""

    def __init__(self) -> None:
        self._kept: OrderedDict[_Key, Fit] = OrderedDict()
        self._lock = threading.Lock()
        self._process = LocalProcess()
        self._queue = ThreadPoolExecutor(max_workers=1, thread_name_prefix="fits")

    def close(self) -> None:
        """End the child now, whatever it does."""
        self._queue.shutdown(wait=False, cancel_futures=True)
        self._process.close()

    def _fitted(
        self,
        session: Session,
        key: _Key,
        function: str,
        given: Callable[[], Given],
        seconds: float = ANSWER_SECONDS,
    ) -> Any:
        """`mixtures.module:name` of what is `given` in the child, read and fitted once for `key`.

        The session ends what it has read before it waits. Raises what the function raises, and
        FitNotReady where it takes longer than `seconds`.
        """
        fit = self._standing(key)
        if fit is None:
            fit = self._begun(key, function, given())
        let_go(session)
        return fit.result(seconds)

    def _standing(self, key: _Key) -> Fit | None:
        with self._lock:
            return self._found(key)

    def _found(self, key: _Key) -> Fit | None:
        kept = self._kept.get(key)
        if kept is None or kept.is_broken:
            return None
        self._kept.move_to_end(key)
        return kept

    def _begun(self, key: _Key, function: str, given: Given) -> Fit:
        """A fit of older scores of the same kind that waits still is given up: nobody wants it."""
        found, arguments = given
        with self._lock:
            # Another may have begun it while the scores were read.
            standing = self._found(key)
            if standing is not None:
                return standing
            for other, fit in list(self._kept.items()):
                if other[:2] == key[:2] and fit.future.cancel():
                    del self._kept[other]
            future = self._queue.submit(
                self._process.call, "mixtures.answer_child:run", f"mixtures.{function}", *arguments
            )
            begun = Fit(len(found), future, found)
            self._keep(key, begun)
        return begun

    def _keep(self, key: _Key, fit: Fit) -> None:
        self._kept[key] = fit
        while len(self._kept) > _MOST_KEPT:
            self._kept.popitem(last=False)
