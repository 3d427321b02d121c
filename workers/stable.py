"""The stable phase: warm-up and constant rate on the pretraining sources, once per recipe.

Once for all machines: of those with homes of their own one trains it, the others fetch it.
"""

import shutil
from collections.abc import Callable
from pathlib import Path

import torch

from mixtures.phases import Decay, WholeRun
from mixtures.recipe import Recipe
from mixtures.trial import OptimiserState
from mixtures.value import canonical_json, hash_text
from workers import shelf
from workers.artifact import built_once
from workers.base_checkpoint import CHECKPOINT, pinned_checkpoint
from workers.checkpoint import read_about, save_checkpoint, write_checkpoint
from workers.config import WorkerConfig
from workers.decay_checkpoint import DecayCheckpoint, Position
from workers.hf_load import load_optimiser_state, load_weights
from workers.interrupted import TrialStopped
from workers.optim import make_optimiser
from workers.prepare import Prepared
from workers.schedule import stable_factor, whole_run_factor
from workers.stream import Stream
from workers.train import Step, num_steps, train
from workers.xmodel2 import Xmodel2

# Bump when the code makes another checkpoint of the same recipe.
FORMAT = 3
# In the folder, with the `tokenizer.json` that its tokens are of.
WEIGHTS = "stable.safetensors"


def stable_checkpoint(
    prepared: Prepared,
    config: WorkerConfig,
    on_step: Callable[[Step, int], None],
    decay: Decay | None = None,
) -> Path:
    """The folder of the checkpoint that every decay of the recipe starts from, built if missing.

    Of a checkpoint of the user's own it is a copy in our format, named by its content. Otherwise
    its name is the hash of all that made it: data, tokenizer, proxy, phase, optimiser and seed,
    and torch's version, because another release may round otherwise. A `decay` of a whole-run form
    has a first part of its own in its place, under its own rate.
    """
    recipe = prepared.recipe
    if prepared.checkpoint_hash is not None:
        folder = (
            config.home / "stable" / hash_text(canonical_json([FORMAT, prepared.checkpoint_hash]))
        )
        return built_once(folder, lambda path: _import(path, prepared, config))
    made_of = [
        FORMAT,
        torch.__version__,
        prepared.data_hash,
        prepared.tokenizer_hash,
        recipe.proxy.model_dump(mode="json"),
        recipe.shares_in_group("pretrain"),
        recipe.stable.model_dump(mode="json"),
        recipe.optimiser.model_dump(mode="json"),
        recipe.stable_seed,
    ]
    whole = None if decay is None else decay.whole_run(recipe.stable)
    if whole is not None:
        made_of.append(whole.model_dump(mode="json"))
    folder = config.home / "stable" / hash_text(canonical_json(made_of))

    def build(path: Path) -> None:
        ours = shelf.in_use()
        if ours is None:
            _build(path, prepared, on_step, whole)
            return

        def build_for_all(goes_on: Callable[[], None]) -> None:
            def on_step_of_all(step: Step, total: int) -> None:
                goes_on()
                on_step(step, total)

            _build(path, prepared, on_step_of_all, whole)

        ours.built_for_all(f"stable/{folder.name}", path, build_for_all)

    return built_once(folder, build)


def optimiser_state_of(checkpoint: Path) -> OptimiserState:
    """Whether the decays from this checkpoint go on with its optimiser's state."""
    about = read_about(checkpoint / WEIGHTS)
    state: OptimiserState = about["optimiser_state"]
    return state


def start_of_training(
    recipe: Recipe, decay: Decay | None = None
) -> tuple[Xmodel2, torch.optim.Optimizer]:
    """A freshly initialised model and its optimiser: the stable phase's, or that of `decay`."""
    model = Xmodel2(recipe.proxy)
    model.init_weights(recipe.stable_seed)
    return model, make_optimiser(model, recipe.optimiser, decay)


def _build(
    folder: Path,
    prepared: Prepared,
    on_step: Callable[[Step, int], None],
    whole: WholeRun | None,
) -> None:
    """Goes on from where a killed or stopped one had saved itself, as a decay does."""
    recipe = prepared.recipe
    model, optimiser = start_of_training(recipe)
    own = DecayCheckpoint(folder.with_suffix(".progress"), folder.name)
    position = own.resume(model, optimiser) or Position(0, {}, ())
    stream = Stream(
        prepared.sources,
        recipe.shares_in_group("pretrain"),
        recipe.stable_seed,
        data_seed=recipe.data_seed,
        counts=position.counts,
    )
    batch_tokens = recipe.optimiser.batch_tokens
    steps = num_steps(recipe.stable.tokens, batch_tokens)

    def factor(index: int) -> float:
        if whole is not None:
            return whole_run_factor(index * batch_tokens, batch_tokens, whole)
        return stable_factor((index + 1) * batch_tokens, recipe.stable)

    last = None
    first = position.step
    for done, last in enumerate(
        train(model, optimiser, stream, recipe.optimiser, steps, factor, first=first), first + 1
    ):
        # Not at the end: that is the checkpoint itself.
        if own.is_due and done < steps:
            own.save(model, optimiser, Position(done, stream.counts, ()))
        try:
            on_step(last, steps * batch_tokens)
        except TrialStopped:
            if done < steps:
                own.save(model, optimiser, Position(done, stream.counts, ()))
            raise
    about = {
        "recipe": recipe.content_hash(),
        "end_id": prepared.end_id,
        "optimiser_state": "restored",
        "tokens": steps * batch_tokens,
        "final_loss": last.loss if last else None,
        "sequences": stream.counts,
    }
    shutil.copyfile(prepared.tokenizer_path, folder / "tokenizer.json")
    save_checkpoint(folder / WEIGHTS, model, optimiser, about)
    own.remove()


def _import(folder: Path, prepared: Prepared, config: WorkerConfig) -> None:
    base = pinned_checkpoint(prepared.recipe, {CHECKPOINT: str(prepared.checkpoint_hash)}, config)
    state = load_optimiser_state(base)
    about = {
        "from": prepared.recipe.stable.checkpoint,
        "end_id": prepared.end_id,
        "optimiser_state": "restored" if state else "fresh",
    }
    shutil.copyfile(prepared.tokenizer_path, folder / "tokenizer.json")
    write_checkpoint(folder / WEIGHTS, load_weights(base), state, about)
