"""One optimiser step after another: what the stable phase and the decay have in common."""

import math
from collections.abc import Callable, Generator
from dataclasses import dataclass

import torch

from mixtures.phases import Optimiser
from workers.optim import set_learning_rate
from workers.stream import Batch, Stream
from workers.xmodel2 import Xmodel2

# Tokens in one forward and backward: few enough that activations stay in a core's cache, enough
# that the calls of small operations do not count. The gradient is that of the whole batch.
MICRO_BATCH_TOKENS = 2048


class NotFiniteLoss(ArithmeticError):
    """The loss became NaN or infinite: the trial has failed, it has no score."""


@dataclass(frozen=True, slots=True)
class Step:
    """What one optimiser step did. `tokens` counts those of this phase so far."""

    tokens: int
    loss: float
    learning_rate: float


def num_steps(tokens: int, batch_tokens: int) -> int:
    """Whole steps nearest to `tokens`, at least one."""
    return max(1, round(tokens / batch_tokens))


def train(
    model: Xmodel2,
    optimiser: torch.optim.Optimizer,
    stream: Stream,
    spec: Optimiser,
    steps: int,
    factor: Callable[[int], float],
    first: int = 0,
) -> Generator[Step, None, None]:
    """Run `steps` steps at rate peak_lr * factor(index of the step from 0); yields each one.

    `first` steps were run before: those from there on are run, and counted from the beginning.

    Raises NotFiniteLoss, before the weights are touched by that step.
    """
    model.train()

    def make_step(batch: Batch, learning_rate: float) -> float:
        loss = _backward(model, batch)
        if math.isfinite(loss):
            torch.nn.utils.clip_grad_norm_(model.parameters(), spec.clip_norm)
            set_learning_rate(optimiser, learning_rate)
            optimiser.step()
            optimiser.zero_grad(set_to_none=True)
        return loss

    batch_sequences = spec.batch_tokens // model.proxy.context_tokens
    return step_by_step(make_step, stream, batch_sequences, spec, steps, factor, first)


def step_by_step(
    make_step: Callable[[Batch, float], float],
    stream: Stream,
    batch_sequences: int,
    spec: Optimiser,
    steps: int,
    factor: Callable[[int], float],
    first: int = 0,
) -> Generator[Step, None, None]:
    """`make_step` of a batch at a learning rate gives the loss before it, and is called for each
    step from `first` on. Raises NotFiniteLoss.
    """
    for index in range(first, steps):
        learning_rate = spec.peak_lr * factor(index)
        loss = make_step(stream.next_counted_batch(batch_sequences), learning_rate)
        if not math.isfinite(loss):
            raise NotFiniteLoss(f"loss is {loss} at step {index} of {steps}")
        yield Step((index + 1) * spec.batch_tokens, loss, learning_rate)


def _backward(model: Xmodel2, batch: Batch) -> float:
    """Gradients of the batch's mean loss, in micro-batches; returns that loss.

    The mean is over the targets that are counted, so each of them weighs the same. A batch without
    any has loss 0 and no gradient.
    """
    tokens = torch.from_numpy(batch.tokens)
    counted = None if batch.is_counted is None else torch.from_numpy(batch.is_counted)
    num_counted = 1 if counted is None else max(1, int(counted.sum()))
    total = 0.0
    sequences = max(1, MICRO_BATCH_TOKENS // model.proxy.context_tokens)
    for start in range(0, len(tokens), sequences):
        part = tokens[start : start + sequences]
        if counted is None:
            loss = model.loss(part) * (len(part) / len(tokens))
        else:
            loss = model.loss_sum(part, counted[start : start + len(part)]) / num_counted
        loss.backward()  # type: ignore[no-untyped-call]
        total += loss.item()
    return total
