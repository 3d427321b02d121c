"""The stable phase: warm-up and constant rate on the pretraining sources, once per recipe."""

from collections.abc import Callable
from pathlib import Path

import torch

from mixtures.study import Recipe
from mixtures.value import canonical_json, hash_text
from workers.artifact import built_once
from workers.checkpoint import save_checkpoint
from workers.config import WorkerConfig
from workers.optim import make_optimiser
from workers.prepare import Prepared
from workers.schedule import stable_factor
from workers.stream import Stream
from workers.train import Step, num_steps, train
from workers.xmodel2 import Xmodel2

# Bump when the code makes another checkpoint of the same recipe.
FORMAT = 1


def stable_checkpoint(
    prepared: Prepared, config: WorkerConfig, on_step: Callable[[Step, int], None]
) -> Path:
    """The folder of the checkpoint that every decay of the recipe starts from, built if missing.

    Its name is the hash of all that made it: data, tokenizer, proxy, phase, optimiser and seed,
    and torch's version, because another release may round otherwise.
    """
    recipe = prepared.recipe
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
    folder = config.home / "stable" / hash_text(canonical_json(made_of))
    return built_once(folder, lambda path: _build(path, prepared, on_step))


def start_of_training(recipe: Recipe) -> tuple[Xmodel2, torch.optim.AdamW]:
    """A freshly initialised model and its optimiser."""
    model = Xmodel2(recipe.proxy)
    model.init_weights(recipe.stable_seed)
    return model, make_optimiser(model, recipe.optimiser)


def _build(folder: Path, prepared: Prepared, on_step: Callable[[Step, int], None]) -> None:
    recipe = prepared.recipe
    model, optimiser = start_of_training(recipe)
    stream = Stream(
        prepared.sources,
        recipe.shares_in_group("pretrain"),
        recipe.stable_seed,
        data_seed=recipe.data_seed,
    )
    batch_tokens = recipe.optimiser.batch_tokens
    steps = num_steps(recipe.stable.tokens, batch_tokens)

    def factor(index: int) -> float:
        return stable_factor((index + 1) * batch_tokens, recipe.stable)

    last = None
    for last in train(model, optimiser, stream, recipe.optimiser, steps, factor):
        on_step(last, steps * batch_tokens)
    about = {
        "recipe": recipe.content_hash(),
        "tokens": steps * batch_tokens,
        "final_loss": last.loss if last else None,
        "sequences": stream.counts,
    }
    save_checkpoint(folder / "stable.safetensors", model, optimiser, about)
