"""A user's own stable checkpoint as the base of a study: checked, pinned, read once.

It is a Hugging Face folder with its tokenizer (workers/hf_folder.py). The study's proxy must be the
folder's, because a study says by itself what it trains.
"""

from mixtures.proxy import Proxy, first_difference
from mixtures.recipe import Recipe
from mixtures.trial import OptimiserState
from mixtures.value import Value
from workers.config import WorkerConfig
from workers.files import DataError, find_folder, require_unchanged
from workers.hf_folder import HfFolder, content_hash, open_hf_folder, tokenizer_and_end

# Its key among the data hashes of a trial.
CHECKPOINT = "stable.checkpoint"


class CheckpointReport(Value):
    """What the folder holds. `optimiser_state` is fresh where it has none: AdamW's moments then
    start at zero with each decay, as they would after a restart of the training.
    """

    num_parameters: int
    dtypes: tuple[str, ...]
    end_id: int
    optimiser_state: OptimiserState


def check_checkpoint(recipe: Recipe, config: WorkerConfig) -> tuple[str, CheckpointReport]:
    """The content hash and what was found; raises DataError where a study cannot start from it."""
    # Imported here: torch would add three seconds to the check of every other study.
    from workers.hf_load import require_finite

    folder = _fitting_folder(recipe, config)
    _, end_id = tokenizer_and_end(folder)
    try:
        require_finite(folder)
    except DataError as error:
        raise DataError(CHECKPOINT, str(recipe.stable.checkpoint), str(error)) from error
    report = CheckpointReport(
        num_parameters=folder.proxy.num_parameters,
        dtypes=folder.dtypes,
        end_id=end_id,
        optimiser_state="restored" if folder.has_optimiser else "fresh",
    )
    return content_hash(folder), report


def pinned_checkpoint(
    recipe: Recipe, data_hashes: dict[str, str], config: WorkerConfig
) -> HfFolder:
    """The folder with the content that the study was submitted with; raises DataError."""
    folder = _fitting_folder(recipe, config)
    name, expected = str(recipe.stable.checkpoint), data_hashes[CHECKPOINT]
    require_unchanged(CHECKPOINT, name, content_hash(folder), expected)
    return folder


def _fitting_folder(recipe: Recipe, config: WorkerConfig) -> HfFolder:
    name = str(recipe.stable.checkpoint)
    path = find_folder(name, config.data_roots, CHECKPOINT)
    try:
        folder = open_hf_folder(path)
        tokenizer_and_end(folder)
    except DataError as error:
        raise DataError(CHECKPOINT, name, str(error)) from error
    _require_same(recipe.proxy, folder.proxy, name)
    return folder


def _require_same(proxy: Proxy, found: Proxy, name: str) -> None:
    differs = first_difference(proxy, found)
    if differs is None and proxy.context_tokens > found.context_tokens:
        differs = "context_tokens", proxy.context_tokens, found.context_tokens
    if differs is not None:
        field, ours, theirs = differs
        raise DataError(
            f"proxy.{field}",
            str(ours),
            f"stable.checkpoint {name!r} has {theirs}; `checkpoint inspect` prints its proxy",
        )
