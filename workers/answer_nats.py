"""How likely a model thinks answers are: -log p(answer | prompt), many requests at once.

The choices of an item share their prompt. It is read once, and each choice goes on from its keys
and values: with four choices of a few tokens that is a quarter of the work. What shares its prompt
with nothing is read in one pass, prompt and answer together. Both give the same number but for
rounding.
"""

from collections.abc import Iterator, Sequence

import numpy as np
import torch
from torch import Tensor

from workers.benchmarks import Request
from workers.key_value_cache import KeyValueCache, extend, prefill
from workers.xmodel2 import Xmodel2

# Tokens in one forward pass, padding included; the activations of pico's fit a core's cache.
_BATCH_TOKENS = 2048


@torch.inference_mode()
def answer_nats(model: Xmodel2, requests: Sequence[Request]) -> np.ndarray:
    """-log p(answer | prompt) in nats, float64 (len(requests),)."""
    model.eval()
    groups = groups_of_one_prompt(requests)
    alone = [group[0] for group in groups if len(group) == 1]
    shared = [group for group in groups if len(group) > 1]

    nats = np.zeros(len(requests))
    for picked in _batches([len(requests[i].tokens) for i in alone]):
        batch = [alone[place] for place in picked]
        nats[batch] = _nats_of_whole(model, [requests[i] for i in batch])
    for picked in _batches([requests[group[0]].answer_start for group in shared]):
        groups = [shared[place] for place in picked]
        batch = [i for group in groups for i in group]
        nats[batch] = _nats_after_shared(model, [[requests[i] for i in group] for group in groups])
    return nats


def groups_of_one_prompt(requests: Sequence[Request]) -> list[list[int]]:
    """Indices of the requests whose prompts are the same, in the order of their first."""
    groups: dict[tuple[int, ...], list[int]] = {}
    for index, request in enumerate(requests):
        groups.setdefault(request.tokens[: request.answer_start], []).append(index)
    return list(groups.values())


def _batches(lengths: list[int]) -> Iterator[list[int]]:
    """Indices in runs of like length, each within `_BATCH_TOKENS` when padded."""
    batch: list[int] = []
    for index in sorted(range(len(lengths)), key=lambda i: (lengths[i], i)):
        # Sorted by length, so the newest is the longest of its batch.
        if batch and (len(batch) + 1) * lengths[index] > _BATCH_TOKENS:
            yield batch
            batch = []
        batch.append(index)
    if batch:
        yield batch


def _nats_of_whole(model: Xmodel2, requests: list[Request]) -> np.ndarray:
    """Each request in one pass. Padding is to the right, where causal attention never looks."""
    tokens, _ = _padded([request.tokens for request in requests])
    is_answer = torch.zeros(tokens.shape, dtype=torch.bool)
    for row, request in enumerate(requests):
        is_answer[row, request.answer_start : len(request.tokens)] = True
    # The head is run at the answers' positions alone: it is most of a small model's work.
    is_target = is_answer[:, 1:]
    hidden = model.hidden(tokens[:, :-1])[is_target]
    losses = _losses(model.lm_head(hidden), tokens[:, 1:][is_target])
    return _sums(losses, is_target.nonzero()[:, 0], len(requests)).numpy()


def _nats_after_shared(model: Xmodel2, groups: list[list[Request]]) -> np.ndarray:
    """The requests of groups, one after another; those of a group have one prompt, read once."""
    prompts, prompt_lengths = _padded([g[0].tokens[: g[0].answer_start] for g in groups])
    rows = torch.tensor([row for row, group in enumerate(groups) for _ in group])
    answers, lengths = _padded([one.tokens[one.answer_start :] for g in groups for one in g])
    num_positions = prompts.shape[1] + answers.shape[1] - 1
    caches = [KeyValueCache(model, len(groups), num_positions) for _ in model.model.layers]
    hidden = prefill(model, prompts, caches)
    # An answer's first token is read off the prompt's last, the others off the token before them.
    first = model.lm_head(hidden[torch.arange(len(groups)), prompt_lengths - 1])
    losses = _losses(first[rows], answers[:, 0])
    if answers.shape[1] == 1:
        return losses.numpy()
    for cache in caches:
        cache.keep(rows)
    steps = torch.arange(answers.shape[1] - 1)
    hidden = extend(model, answers[:, :-1], prompt_lengths[rows, None] + steps, caches)
    is_target = steps + 1 < lengths[:, None]
    later = _losses(model.lm_head(hidden[is_target]), answers[:, 1:][is_target])
    return (losses + _sums(later, is_target.nonzero()[:, 0], len(rows))).numpy()


def _padded(texts: Sequence[Sequence[int]]) -> tuple[Tensor, Tensor]:
    """Tokens (rows, longest) with zeros to the right, and the lengths (rows,)."""
    lengths = [len(text) for text in texts]
    tokens = torch.zeros((len(texts), max(lengths)), dtype=torch.int64)
    for row, text in enumerate(texts):
        tokens[row, : len(text)] = torch.tensor(text)
    return tokens, torch.tensor(lengths)


def _losses(logits: Tensor, targets: Tensor) -> Tensor:
    """Cross-entropy in nats of logits (N, V) for each of the targets (N,), in float64."""
    return torch.nn.functional.cross_entropy(logits.double(), targets, reduction="none")


def _sums(losses: Tensor, rows: Tensor, num_rows: int) -> Tensor:
    """Losses (N,) summed by the row that each belongs to: (num_rows,)."""
    return torch.zeros(num_rows, dtype=torch.float64).index_add_(0, rows, losses)
