"""How far a decay has come, on disk: a trial that was killed goes on from there to the same bits.

Weights, the optimiser's state, the stream's counts and the curve so far are all that a step depends
on: there is no dropout, and every permutation of the stream is drawn from its names. So the steps
after a resume are the steps that would have come without the kill.
"""

import hashlib
import logging
import os
import shutil
import time
from dataclasses import dataclass
from pathlib import Path

import torch

from mixtures.trial import CurvePoint
from mixtures.value import hash_text
from workers.checkpoint import load_checkpoint, save_checkpoint
from workers.xmodel2 import Xmodel2

# Bump when the code trains otherwise from the same checkpoint.
FORMAT = 2
# A decay of pico ends before the first; of an hour-long one at most a minute is lost.
SAVE_EVERY_SECONDS = 60.0
_FILE, _DIGEST = "decay.safetensors", "decay.json"

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Position:
    """After `step` optimiser steps: sequences given by each source, and the curve."""

    step: int
    counts: dict[str, int]
    curve: tuple[CurvePoint, ...]


class DecayCheckpoint:
    """One trial's checkpoint in `folder`; `made_of` names the trial and what it started from.

    Of `num_beside` trials that a worker trains at once each is saved as many times less often, so
    that saving takes no larger part of its time.
    """

    def __init__(self, folder: Path, made_of: str, num_beside: int = 1) -> None:
        self.folder, self._num_beside = folder, num_beside
        # Another release of torch may round otherwise: what it left is not gone on from.
        self._made_of = hash_text(f"{FORMAT}\0{torch.__version__}\0{made_of}")
        self._saved_at = time.monotonic()
        self._was_saved = False

    def resume(self, model: Xmodel2, optimiser: torch.optim.Optimizer) -> Position | None:
        """Fill model and optimiser; None, and nothing touched, where there is nothing to resume.

        A file that is damaged is not gone on from either: the digest beside it says so, and the
        decay starts at its beginning, which gives the same bits.
        """
        path, beside = self.folder / _FILE, self.folder / _DIGEST
        if not path.exists() or not beside.exists():
            return None
        if beside.read_text(encoding="utf-8") != self._digest(path):
            log.warning("%s is damaged or of another torch: the decay starts anew", path)
            return None
        about = load_checkpoint(path, model, optimiser)
        self._was_saved = True
        curve = tuple(CurvePoint.model_validate(point) for point in about["curve"])
        return Position(about["step"], about["counts"], curve)

    @property
    def is_due(self) -> bool:
        """Whether the last save, or the start, is SAVE_EVERY_SECONDS ago; a pack's, longer."""
        return time.monotonic() - self._saved_at >= SAVE_EVERY_SECONDS * self._num_beside

    @property
    def is_long(self) -> bool:
        """Whether the decay is worth keeping at its end: it was saved on the way."""
        return self._was_saved

    def save(self, model: Xmodel2, optimiser: torch.optim.Optimizer, position: Position) -> None:
        """Atomically."""
        self.folder.mkdir(parents=True, exist_ok=True)
        about = {
            "step": position.step,
            "counts": position.counts,
            "curve": [point.model_dump(mode="json") for point in position.curve],
        }
        draft = self.folder / f"{_FILE}.new"
        save_checkpoint(draft, model, optimiser, about)
        beside = self._digest(draft)
        # A kill between the two leaves a digest that does not fit, which is not gone on from.
        draft.replace(self.folder / _FILE)
        digest = self.folder / f"{_DIGEST}.new"
        digest.write_text(beside, encoding="utf-8")
        os.replace(digest, self.folder / _DIGEST)
        self._saved_at, self._was_saved = time.monotonic(), True

    def remove(self) -> None:
        """The trial has its scores; there is nothing to go on with."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def _digest(self, path: Path) -> str:
        """Of what the file was made of and of its bytes, as one line."""
        with path.open("rb") as stream:
            return f"{self._made_of} {hashlib.file_digest(stream, 'sha256').hexdigest()}"
