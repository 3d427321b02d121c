"""What a model made of each item: the likelihood of its answer, its choice, the text it wrote."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from tokenizers import Tokenizer

from mixtures.item import ItemScore, ItemText
from mixtures.trial import TrialSpec
from mixtures.value import canonical_json, hash_text
from workers.benchmark_sets import hash_of_sets
from workers.benchmarks import RequestSet
from workers.harness_set import HarnessSet
from workers.item_files import FORMAT, write_item_scores, write_item_texts
from workers.metrics import Array
from workers.prepare import Prepared

# A model that never stops writing says the same at the end as at the start.
_MOST_WRITTEN = 2_000


def item_scores(benchmark: RequestSet, nats: Array) -> list[ItemScore]:
    """One for each item, from the nats of each of its requests (len(requests),)."""
    name = benchmark.benchmark.name
    if not benchmark.choices:
        return [
            ItemScore(
                benchmark=name, item=place, nats=float(one), answer_bytes=request.answer_bytes
            )
            for place, (one, request) in enumerate(zip(nats, benchmark.requests, strict=True))
        ]
    found, start = [], 0
    for place, choices in enumerate(benchmark.choices):
        own = nats[start : start + len(choices.choice_bytes)]
        right = start + choices.gold
        chosen = int(np.argmin(own))
        found.append(
            ItemScore(
                benchmark=name,
                item=place,
                nats=float(nats[right]),
                answer_bytes=benchmark.requests[right].answer_bytes,
                chosen=chosen,
                is_right=chosen == choices.gold,
            )
        )
        start += len(choices.choice_bytes)
    return found


def harness_item_scores(
    benchmark: HarnessSet, nats: Array, texts: Sequence[str], right: Sequence[bool | None]
) -> list[ItemScore]:
    """The same of a task file's documents; `right` is what its own metric says of each."""
    found, start = [], 0
    for place, asked in enumerate(benchmark.asked):
        of_right = start + asked.gold
        choices = nats[start : start + asked.num_choices]
        chosen = int(np.argmin(choices)) if asked.num_choices > 1 else None
        said = texts[place][:_MOST_WRITTEN] if place < len(texts) else None
        is_right = right[place]
        if is_right is None and chosen is not None:
            is_right = chosen == asked.gold
        found.append(
            ItemScore(
                benchmark=benchmark.benchmark.name,
                item=place,
                nats=float(nats[of_right]),
                answer_bytes=benchmark.requests[of_right].answer_bytes,
                chosen=chosen,
                written=said,
                is_right=is_right,
            )
        )
        start += len(asked.pairs)
    return found


def item_texts(
    benchmark: RequestSet | HarnessSet, tokenizer: Tokenizer, end_id: int
) -> list[ItemText]:
    """What each item asks, read back from its tokens: what the model saw, and no more.

    But for the end token `end_id`, which starts every document.
    """
    if isinstance(benchmark, HarnessSet):
        return [
            ItemText(
                benchmark=benchmark.benchmark.name,
                item=place,
                prompt=asked.prompt or asked.pairs[asked.gold][0],
                answer=asked.pairs[asked.gold][1].strip(),
                choices=tuple(text.strip() for _, text in asked.pairs[: asked.num_choices])
                if asked.num_choices > 1
                else (),
            )
            for place, asked in enumerate(benchmark.asked)
        ]
    sizes = [len(one.choice_bytes) for one in benchmark.choices] or [1] * len(benchmark.requests)
    gold = [one.gold for one in benchmark.choices] or [0] * len(benchmark.requests)
    found, start = [], 0
    for place, (size, right) in enumerate(zip(sizes, gold, strict=True)):
        own = benchmark.requests[start : start + size]
        prompt = own[0].tokens[: own[0].answer_start]
        answers = [tokenizer.decode(list(one.tokens[one.answer_start :])).strip() for one in own]
        found.append(
            ItemText(
                benchmark=benchmark.benchmark.name,
                item=place,
                prompt=tokenizer.decode(list(prompt[prompt[:1] == (end_id,) :])),
                answer=answers[right],
                choices=tuple(answers) if benchmark.choices else (),
            )
        )
        start += size
    return found


def keep_items(
    home: Path, spec: TrialSpec, prepared: Prepared, answered: Sequence[ItemScore]
) -> None:
    """The trial's items, and once for all trials that share them their texts."""
    sets = hash_of_sets(spec.recipe, spec.data_hashes, prepared.tokenizer_hash, prepared.end_id)
    texts_hash = hash_text(canonical_json([FORMAT, sets]))
    write_item_texts(
        home,
        texts_hash,
        lambda: [
            text
            for one in prepared.benchmarks
            for text in item_texts(one, prepared.tokenizer, prepared.end_id)
        ],
    )
    write_item_scores(home, spec.trial_id, answered, texts_hash)
