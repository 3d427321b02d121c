"""Whether the home has room for what a study will build there, found out before any training."""

import shutil

from mixtures.recipe import Recipe
from mixtures.study import BYTES_PER_WEIGHT
from workers.config import WorkerConfig
from workers.files import DataError

# Tokens are written twice, two to four bytes each, and stand for three bytes of text or more.
_BYTES_PER_BYTE_OF_TEXT = 2
# Weights and AdamW's two moments, of the stable phase and of one decay.
_WEIGHTS_KEPT = 6


def bytes_needed(recipe: Recipe, num_text_bytes: int) -> int:
    """On the disk, at the most, for tokens and checkpoints."""
    weights = recipe.proxy.num_parameters * BYTES_PER_WEIGHT
    return _BYTES_PER_BYTE_OF_TEXT * num_text_bytes + _WEIGHTS_KEPT * weights


def require_room(recipe: Recipe, num_text_bytes: int, config: WorkerConfig) -> None:
    """Raises DataError where the disk of the home is too full."""
    config.home.mkdir(parents=True, exist_ok=True)
    needed, free = bytes_needed(recipe, num_text_bytes), shutil.disk_usage(config.home).free
    if needed > free:
        raise DataError(
            "sources",
            f"{num_text_bytes / 1e6:.0f} MB of text",
            f"tokens and checkpoints take up to {needed / 1e6:.0f} MB, and the disk of the home "
            f"has {free / 1e6:.0f} MB free: make room, set DECAYMIX_HOME to another disk, or give "
            "the sources max_bytes",
        )
