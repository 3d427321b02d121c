"""Seats of one batched program: trials whose decays are trained together, each in its own thread.

A trial takes a seat, gives a batch for each of its steps and waits; the thread that gives the last
one makes the step of all. Nothing else of a trial is shared: its data, rate, losses, checkpoints
and errors stay in its own thread, and it may come or leave between any two steps of the others.

All seats are computed at every step, the empty ones too: so the program, and with it every bit that
a trial gets on a CPU, is the same whoever sits beside it.
"""

import copy
import threading
from collections.abc import Callable, Generator
from functools import partial
from weakref import WeakValueDictionary

import numpy as np
import torch

from mixtures.phases import Optimiser
from mixtures.recipe import Recipe
from mixtures.study import Resources
from mixtures.value import canonical_json
from workers.packed import Packed
from workers.stream import Batch, Stream
from workers.train import Step, step_by_step
from workers.xmodel2 import Xmodel2


class Pack:
    """`num_seats` models of one proxy. On a CPU a step is made under `core`, as the worker's one
    core is what it takes.
    """

    def __init__(self, num_seats: int, device: str, core: threading.Lock) -> None:
        self._num_seats, self._device, self._core = num_seats, device, core
        self._packed: Packed | None = None
        self._changed = threading.Condition()
        self._taken: set[int] = set()
        self._given: dict[int, tuple[Batch, float]] = {}
        self._told: dict[int, float | Exception] = {}

    def take(self, model: Xmodel2, optimiser: torch.optim.Optimizer, spec: Optimiser) -> int:
        """A seat for this model, once one is free; from now on the others wait for its batches."""
        with self._changed:
            self._changed.wait_for(lambda: len(self._taken) < self._num_seats)
            if self._packed is None:
                self._packed = Packed([model] * self._num_seats, spec, self._device)
            seat = min(set(range(self._num_seats)) - self._taken)
            self._packed.put(seat, model, optimiser)
            self._taken.add(seat)
            return seat

    def step(self, seat: int, batch: Batch, learning_rate: float) -> float:
        """The seat's loss before the step; raises what the step of all raised."""
        with self._changed:
            self._given[seat] = batch, learning_rate
            self._step_if_all_gave()
            self._changed.wait_for(lambda: seat in self._told)
            told = self._told.pop(seat)
        if isinstance(told, Exception):
            # Each seat's own: a traceback grows where it is raised.
            raise copy.copy(told) from told
        return told

    def fetch(self, seat: int, model: Xmodel2, optimiser: torch.optim.Optimizer) -> None:
        """Fill both with what they have become; the seat has no step under way."""
        with self._changed:
            assert self._packed is not None
            self._packed.fetch(seat, model, optimiser)

    def leave(self, seat: int) -> None:
        """The others go on without it."""
        with self._changed:
            self._taken.discard(seat)
            self._given.pop(seat, None)
            self._step_if_all_gave()
            self._changed.notify_all()

    def _step_if_all_gave(self) -> None:
        if not self._given or self._given.keys() != self._taken:
            return
        assert self._packed is not None
        # An empty seat reads what another reads, at a rate of zero, and nobody looks at it.
        any_batch = next(iter(self._given.values()))[0]
        seats = [self._given.get(one, (any_batch, 0.0)) for one in range(self._num_seats)]
        counted = [batch.is_counted for batch, _ in seats if batch.is_counted is not None]
        try:
            tokens = torch.from_numpy(np.stack([batch.tokens for batch, _ in seats]))
            is_counted = torch.from_numpy(np.stack(counted)) if counted else None
            losses = self._step(self._packed, tokens, [rate for _, rate in seats], is_counted)
            self._told.update((seat, losses[seat]) for seat in self._given)
        except Exception as error:
            # Half a step may have been made: whoever comes next gets a program of its own.
            self._packed = None
            self._told.update((seat, error) for seat in self._given)
        self._given.clear()
        self._changed.notify_all()

    def _step(
        self,
        packed: Packed,
        tokens: torch.Tensor,
        rates: list[float],
        is_counted: torch.Tensor | None,
    ) -> list[float]:
        if self._device != "cpu":
            return packed.step(tokens, rates, is_counted)
        with self._core:
            return packed.step(tokens, rates, is_counted)


class Seat:
    """One trial's place in a pack, from the first step of its decay to the last."""

    def __init__(self, pack: Pack) -> None:
        self._pack = pack
        self._fetch: Callable[[], None] | None = None

    def train(
        self,
        model: Xmodel2,
        optimiser: torch.optim.Optimizer,
        stream: Stream,
        spec: Optimiser,
        steps: int,
        factor: Callable[[int], float],
        first: int = 0,
    ) -> Generator[Step, None, None]:
        """`workers.train.train` in the pack. Until its end `model` and `optimiser` are what they
        were; `fetch` brings them along.
        """
        seat = self._pack.take(model, optimiser, spec)
        batch_sequences = spec.batch_tokens // model.proxy.context_tokens
        try:
            self._fetch = lambda: self._pack.fetch(seat, model, optimiser)
            make_step = partial(self._pack.step, seat)
            yield from step_by_step(make_step, stream, batch_sequences, spec, steps, factor, first)
            self.fetch()
        finally:
            self._pack.leave(seat)

    def fetch(self) -> None:
        """Between two steps."""
        assert self._fetch is not None
        self._fetch()


class Packs:
    """The packs of a worker: trials of one shape share one.

    It is there for as long as one of its seats, and the last one until there is another.
    """

    def __init__(self, core: threading.Lock) -> None:
        self._core, self._lock = core, threading.Lock()
        self._packs: WeakValueDictionary[str, Pack] = WeakValueDictionary()
        self._last: Pack | None = None

    def seat(self, recipe: Recipe, resources: Resources) -> Seat | None:
        """None for a trial that is trained by itself.

        Raises RuntimeError where it has reserved a GPU and torch finds none.
        """
        if resources.packed_trials == 1:
            return None
        device = "cuda" if resources.gpus_per_trial else "cpu"
        if device == "cuda" and not torch.cuda.is_available():
            raise RuntimeError(
                f"resources.gpus_per_trial is {resources.gpus_per_trial:g}, and torch "
                f"{torch.__version__} finds no GPU on this machine: install its build for CUDA "
                "there, or leave gpus_per_trial out"
            )
        key = _shape(recipe, resources, device)
        with self._lock:
            pack = self._packs.get(key)
            if pack is None:
                pack = Pack(resources.packed_trials, device, self._core)
            self._packs[key] = self._last = pack
            return Seat(pack)


def _shape(recipe: Recipe, resources: Resources, device: str) -> str:
    """What all seats of a pack have in common; a rate, a decay and data are each seat's own."""
    optimiser = recipe.optimiser.model_dump(mode="json", exclude={"peak_lr"})
    proxy = recipe.proxy.model_dump(mode="json")
    return canonical_json([proxy, optimiser, recipe.loss_on, resources.packed_trials, device])
