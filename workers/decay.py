"""The decay: from the stable checkpoint through one mixture, the learning rate going down."""

from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from mixtures.repetition import matched_tokens
from mixtures.trial import CurvePoint, TrialSpec
from workers.checkpoint import load_checkpoint
from workers.decay_checkpoint import DecayCheckpoint, Position
from workers.interrupted import TrialStopped
from workers.optim import MuonWithAdamW
from workers.pack import Seat
from workers.prepare import Prepared
from workers.schedule import decay_factor, whole_run_factor
from workers.stable import WEIGHTS, start_of_training
from workers.stream import Stream
from workers.train import Step, num_steps, train
from workers.xmodel2 import Xmodel2


@dataclass(frozen=True, slots=True)
class Decayed:
    """The model at the end of its decay and what it read."""

    model: Xmodel2
    curve: tuple[CurvePoint, ...]
    source_tokens: dict[str, int]
    epochs: dict[str, float]


def decay(
    spec: TrialSpec,
    prepared: Prepared,
    stable: Path,
    own: DecayCheckpoint,
    on_step: Callable[[Step, int], None],
    seat: Seat | None = None,
) -> Decayed:
    """Train from the checkpoint `stable` on the trial's mixture; deterministic in `spec`.

    By itself, or in its `seat` of a pack.

    Goes on from `own`, the trial's own checkpoint, where an earlier attempt left one. A long one
    leaves its end there, so that the evaluation can be begun anew; whoever has the scores removes
    it.
    """
    recipe = spec.recipe
    model, optimiser = start_of_training(recipe, spec.decay)
    position = own.resume(model, optimiser)
    if position is None:
        load_checkpoint(stable / WEIGHTS, model, optimiser)
        if isinstance(optimiser, MuonWithAdamW):
            optimiser.forget_moments_of_matrices()
        position = Position(0, {}, ())
    stream = Stream(
        prepared.sources,
        spec.mixture.shares,
        spec.seed,
        subsets=matched_sequences(spec, prepared),
        data_seed=recipe.data_seed if spec.data_seed is None else spec.data_seed,
        counts=position.counts,
        loss_on=recipe.loss_on,
    )
    batch_tokens = recipe.optimiser.batch_tokens
    steps = num_steps(spec.decay.tokens, batch_tokens)

    whole = spec.decay.whole_run(recipe.stable)
    before = num_steps(recipe.stable.tokens, batch_tokens) * batch_tokens

    def factor(index: int) -> float:
        if whole is not None:
            return whole_run_factor(before + index * batch_tokens, batch_tokens, whole)
        return decay_factor(index * batch_tokens, spec.decay)

    curve = list(position.curve)

    def save() -> None:
        if seat is not None:
            seat.fetch()
        own.save(model, optimiser, Position(len(curve), stream.counts, tuple(curve)))

    training = (train if seat is None else seat.train)(
        model, optimiser, stream, recipe.optimiser, steps, factor, first=position.step
    )
    # Closed at once where a step's listener raises: others may wait for this seat.
    with closing(training):
        for step in training:
            curve.append(
                CurvePoint(tokens=step.tokens, loss=step.loss, learning_rate=step.learning_rate)
            )
            is_last = len(curve) == steps
            if own.is_due or (is_last and own.is_long):
                save()
            try:
                on_step(step, steps * batch_tokens)
            except TrialStopped:
                save()
                raise
    context = recipe.proxy.context_tokens
    source_tokens = {name: count * context for name, count in stream.counts.items()}
    return Decayed(model, tuple(curve), source_tokens, stream.epochs())


def matched_sequences(spec: TrialSpec, prepared: Prepared) -> dict[str, int]:
    """How many sequences of each source the proxy may read, so that it repeats like the full run.

    unique_tokens * decay.tokens / full_run.decay_tokens, in whole sequences, at least one; empty
    without a full run. (Repetition Mismatch, arXiv 2606.07597.)
    """
    if spec.full_run is None:
        return {}
    context = spec.recipe.proxy.context_tokens
    matched = {}
    for name, source in prepared.sources.items():
        available = source.num_sequences * context
        wanted = matched_tokens(available, spec.decay, spec.full_run, name)
        matched[name] = max(1, min(source.num_sequences, round(wanted / context)))
    return matched
