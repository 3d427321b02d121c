"""What runs at the other end of Ray: the worker, and the controller's files for far workers.

JSON goes in and out, so that both ends may run other versions of pydantic.
"""

import os
import sys
from pathlib import Path
from typing import Any

import ray
from ray.exceptions import RayError

from mixtures.trial import TrialResult, TrialSpec
from workers import shelf
from workers.depot import Depot
from workers.node_facts import code_hash, node_facts
from workers.shelf import Claim, Held, Shelf
from workers.trial_worker import TrialWorker, make_runner
from workers.worker_facts import worker_facts, worker_name


def about_node(controllers_home: str, marker: str) -> str:
    """NodeFacts of the machine that this runs on, as JSON."""
    return node_facts(controllers_home, marker).canonical()


class _Actor:
    """One trial at a time, or as many as are packed. With a `depot`, on a machine whose home is its
    own; `code` is the controller's hash of it, where the machine is not known to run the same.
    """

    def __init__(
        self,
        home: str,
        data_roots: list[str],
        run_code: bool,
        code: str | None = None,
        depot: Any = None,
    ) -> None:
        # Somebody may have replaced it since the machine was asked.
        if code is not None and code != (here := code_hash()):
            raise RuntimeError(
                f"Decaymix's code has become {here} here; the controller's is {code}"
            )
        if depot is not None:
            # Its own data roots are searched first; what they lack comes from the controller.
            ours = Shelf(Path(home), _Controllers(depot), worker_name())
            shelf.use(ours)
            data_roots = [*data_roots, str(ours.data_root)]
        self._worker = TrialWorker(make_runner(home, data_roots, run_code))

    def run(self, spec: str, attempt: int) -> str:
        trial = TrialSpec.model_validate_json(spec)
        outcome = self._worker.run(trial, attempt)
        ours = shelf.in_use()
        if ours is not None:
            # Before the result is told, so that who reads of it finds what belongs to it.
            ours.give_back(trial.trial_id)
        kind = "result" if isinstance(outcome, TrialResult) else "failure"
        return f"{kind} {outcome.canonical()}"

    def progress(self) -> list[str]:
        facts = worker_facts()
        return [one.model_copy(update=facts).canonical() for one in self._worker.progress()]

    def cancel(self, trial_id: str) -> None:
        self._worker.cancel(trial_id)

    def stop(self) -> None:
        self._worker.stop()


class DepotActor(Depot):
    """On the controller's machine; the pieces that it gives go through the object store."""

    def __init__(self, home: str, data_roots: list[str]) -> None:
        super().__init__(Path(home), tuple(Path(root) for root in data_roots))


class _Controllers:
    """`shelf.Controllers` by calls of the depot's actor."""

    def __init__(self, depot: Any) -> None:
        self._depot = depot

    def files(self, name: str) -> list[Held]:
        found: list[Held] = _answer(self._depot.files.remote(name))
        return found

    def built(self, name: str) -> list[Held]:
        found: list[Held] = _answer(self._depot.built.remote(name))
        return found

    def piece(self, sha256: str, offset: int) -> bytes:
        found: bytes = _answer(self._depot.piece.remote(sha256, offset))
        return found

    def keep(self, name: str, who: str, offset: int, piece: bytes, is_last: bool) -> None:
        _answer(self._depot.keep.remote(name, who, offset, piece, is_last))

    def keep_folder(self, name: str) -> None:
        _answer(self._depot.keep_folder.remote(name))

    def add_lines(self, name: str, text: bytes) -> None:
        _answer(self._depot.add_lines.remote(name, text))

    def claim(self, name: str, who: str) -> Claim:
        found: Claim = _answer(self._depot.claim.remote(name, who))
        return found


def _answer(asked: Any) -> Any:
    """What the depot says. A worker without it ends: that loses the attempt, which is tried again,
    where an exception would be the trial's own failure.
    """
    try:
        return ray.get(asked)
    except RayError as error:
        sys.stderr.write(f"the controller's files cannot be reached: {error}\n")
        sys.stderr.flush()
        os._exit(1)
