"""Greedy decoding, many prompts at once, with a cache of keys and values.

Prompts of like length share a batch and are padded to the right; every row writes its new key and
value at its own next position, and sees no position after it, so padding is never read. Rows that
are done leave the batch once they are half of it.
"""

from collections.abc import Callable, Sequence

import torch

from workers.benchmarks import Prompt
from workers.key_value_cache import KeyValueCache, extend
from workers.xmodel2 import Xmodel2

# Rows in one batch: a step on these is mostly reading weights, and caches stay a few megabytes.
BATCH_ROWS = 32


@torch.no_grad()
def greedy(
    model: Xmodel2,
    prompts: Sequence[Prompt],
    is_done: Callable[[int, list[int]], bool],
) -> list[list[int]]:
    """The tokens that each prompt is continued with, the most likely one at each step.

    `is_done(prompt's index, its tokens so far)` is asked after each token and ends its row.
    """
    model.eval()
    found: list[list[int]] = [[] for _ in prompts]
    order = sorted(range(len(prompts)), key=lambda i: (len(prompts[i].tokens), i))
    order = [i for i in order if prompts[i].max_new_tokens > 0]
    for start in range(0, len(order), BATCH_ROWS):
        _decode(model, order[start : start + BATCH_ROWS], prompts, found, is_done)
    return found


def _decode(
    model: Xmodel2,
    indices: list[int],
    prompts: Sequence[Prompt],
    found: list[list[int]],
    is_done: Callable[[int, list[int]], bool],
) -> None:
    """One batch to its end; what each row gets is appended to `found`."""
    chosen = [prompts[i] for i in indices]
    # A row's last new token is never read, so it needs no place.
    last = max(len(one.tokens) + one.max_new_tokens - 1 for one in chosen)
    lengths = torch.tensor([len(one.tokens) for one in chosen])
    tokens = torch.zeros((len(chosen), int(lengths.max())), dtype=torch.int64)
    for row, one in enumerate(chosen):
        tokens[row, : len(one.tokens)] = torch.tensor(one.tokens)
    caches = [KeyValueCache(model, len(chosen), last) for _ in model.model.layers]
    # Row i's next token is read off its own last position.
    states = extend(model, tokens, torch.arange(tokens.shape[1]).expand_as(tokens), caches)
    newest = model.lm_head(states[torch.arange(len(chosen)), lengths - 1]).argmax(-1)
    rows = list(indices)
    while True:
        is_open = []
        for index, token in zip(rows, newest.tolist(), strict=True):
            # A row that is done stays until the batch is cut down; its tokens are not kept.
            if not (ended := _has_ended(prompts[index], found[index], index, is_done)):
                found[index].append(token)
                ended = _has_ended(prompts[index], found[index], index, is_done)
            is_open.append(not ended)
        if not any(is_open):
            return
        if sum(is_open) <= len(rows) // 2:
            kept = torch.tensor([place for place, is_kept in enumerate(is_open) if is_kept])
            rows = [rows[place] for place in kept.tolist()]
            newest, lengths = newest[kept], lengths[kept]
            for cache in caches:
                cache.keep(kept)
        # A row that waits, done, for the others must not write past the cache.
        positions = lengths.clamp(max=last - 1)
        states = extend(model, newest[:, None], positions[:, None], caches)
        newest = model.lm_head(states[:, 0]).argmax(-1)
        lengths = lengths + 1


def _has_ended(
    prompt: Prompt, tokens: list[int], index: int, is_done: Callable[[int, list[int]], bool]
) -> bool:
    return bool(tokens) and (len(tokens) >= prompt.max_new_tokens or is_done(index, tokens))
