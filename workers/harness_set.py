"""The scored part of a harness benchmark: which documents, as tokens; and what they score.

Contexts and continuations become tokens as the harness's `HFLM` has them: encoded together and
split, so that log-likelihoods are comparable, after the end token that starts every document in
training.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from tokenizers import Tokenizer

from mixtures.benchmark import Benchmark
from mixtures.metric import BITS_PER_BYTE
from workers.benchmarks import SHORTEST_PROMPT_TOKENS, Prompt, Request
from workers.files import DataError
from workers.harness import AskedText, HarnessBenchmark, wanted
from workers.harness_scores import file_estimates
from workers.metrics import Array, Estimate, bits_per_byte, choice_estimates
from workers.subset import draw_subset
from workers.tokenizer import END_ID

# Room for an answer that is generated; a file's own smaller `max_gen_toks` is enough as well.
SHORTEST_ANSWER_TOKENS = 16


@dataclass(frozen=True, slots=True)
class Chosen:
    """Documents to score, by their place in the benchmark, and how many were left out and why."""

    indices: tuple[int, ...]
    num_contaminated: int
    num_too_long: int
    num_cut: int


@dataclass(frozen=True, slots=True)
class HarnessSet:
    """Requests of the chosen documents, one after another, and a prompt each where one is asked."""

    source: HarnessBenchmark
    chosen: Chosen
    asked: tuple[AskedText, ...]
    requests: tuple[Request, ...]
    prompts: tuple[Prompt, ...]
    tokenizer: Tokenizer
    end_id: int

    @property
    def benchmark(self) -> Benchmark:
        return self.source.benchmark

    @property
    def num_items(self) -> int:
        return len(self.asked)

    @property
    def num_contaminated(self) -> int:
        return self.chosen.num_contaminated

    @property
    def num_too_long(self) -> int:
        return self.chosen.num_too_long

    @property
    def num_cut(self) -> int:
        return self.chosen.num_cut

    @property
    def needs_greedy(self) -> bool:
        """Whether a metric asks if an answer is the model's own most likely text."""
        return any(
            task.OUTPUT_TYPE == "loglikelihood" or "exact_match" in wanted(task)
            for task in self.source.tasks
            if task.OUTPUT_TYPE != "generate_until"
        )

    def is_done(self, position: int, tokens: list[int]) -> bool:
        """Whether this document's answer has ended: by the end token or by its own `until`."""
        if tokens[-1] == self.end_id:
            return True
        text = self.tokenizer.decode(tokens)
        return any(stop in text for stop in self.asked[position].until if stop)

    def text(self, position: int, tokens: list[int]) -> str:
        """The answer as text, cut where `until` stands."""
        text = self.tokenizer.decode([token for token in tokens if token != self.end_id])
        for stop in self.asked[position].until:
            if stop:
                text = text.split(stop)[0]
        return text

    def estimates(
        self, nats: Array, is_greedy: Sequence[bool], texts: Sequence[str]
    ) -> dict[str, Estimate]:
        """All metrics by name; as in `scored`."""
        return self.scored(nats, is_greedy, texts)[0]

    def scored(
        self, nats: Array, is_greedy: Sequence[bool], texts: Sequence[str]
    ) -> tuple[dict[str, Estimate], list[bool | None]]:
        """All metrics by name, and of each document whether it was answered right, where the file
        says so. Per request its nats and whether it is greedy; per document a text.

        Raises DataError for a metric that the file asks for and the harness gives no value of.
        """
        starts = np.cumsum([0, *(len(one.pairs) for one in self.asked)])
        sizes = np.array([request.answer_bytes for request in self.requests], float)
        right = starts[:-1] + [one.gold for one in self.asked]
        found = {BITS_PER_BYTE: bits_per_byte(nats[right], sizes[right])}
        if "brier" in self.source.metrics():
            of_choices = [
                nats[start : start + one.num_choices]
                for start, one in zip(starts[:-1], self.asked, strict=True)
            ]
            own_bytes = [np.array(one.choice_bytes, float) for one in self.asked]
            found |= choice_estimates(of_choices, own_bytes, [one.gold for one in self.asked])
        if self.source.benchmark.generate or not any(
            task.OUTPUT_TYPE == "generate_until" for task in self.source.tasks
        ):
            answers: list[list[Any]] = [
                [texts[position]]
                if self.source.task_of(index).OUTPUT_TYPE == "generate_until"
                else [
                    (-float(nats[request]), bool(is_greedy[request]))
                    for request in range(int(starts[position]), int(starts[position + 1]))
                ]
                for position, index in enumerate(self.chosen.indices)
            ]
            of_file, is_right = file_estimates(self.source, self.chosen.indices, answers)
            return found | of_file, is_right
        return found, [None] * self.num_items


def choose(
    source: HarnessBenchmark,
    clean: Sequence[int],
    tokenizer: Tokenizer,
    context_tokens: int,
    data_seed: int,
    end_id: int = END_ID,
) -> Chosen:
    """Of the documents `clean`, a fixed subset of those that fit the context; raises DataError."""
    too_long, cut, fitting = 0, 0, []
    for index, asked in zip(clean, source.asked(clean, data_seed, shots=0), strict=True):
        requests, prompt = _tokens(asked, tokenizer, end_id)
        longest = max(len(one.tokens) - one.answer_start for one in requests)
        if context_tokens + 1 - longest < SHORTEST_PROMPT_TOKENS:
            too_long += 1
            continue
        is_cut = not _fit(requests, prompt, asked, context_tokens)
        cut += is_cut
        if not is_cut or source.benchmark.cut_prompts == "keep":
            fitting.append(index)
    num_contaminated = len(source.places) - len(clean)
    if len(fitting) < 2:
        raise DataError(
            f"benchmarks.{source.benchmark.name}",
            source.benchmark.name,
            f"{len(fitting)} of {len(source.places)} items can be scored ({num_contaminated} stand "
            f"in a training source, {too_long} have an answer longer than the context, {cut} a "
            "prompt that does not fit it); expected at least two",
        )
    strata = source.strata()
    picked = draw_subset(
        [strata[index] for index in fitting],
        source.benchmark.num_items,
        source.benchmark.name,
        data_seed,
    )
    return Chosen(tuple(fitting[i] for i in picked), num_contaminated, too_long, cut)


def make_set(
    source: HarnessBenchmark,
    chosen: Chosen,
    tokenizer: Tokenizer,
    context_tokens: int,
    data_seed: int,
    end_id: int = END_ID,
) -> HarnessSet:
    """The chosen documents as tokens; raises DataError where few-shot examples do not fit."""
    asked = source.asked(chosen.indices, data_seed)
    tokens = [_tokens(one, tokenizer, end_id) for one in asked]
    unfit = [
        len(requests[0].tokens)
        for one, (requests, prompt) in zip(asked, tokens, strict=True)
        if not _fit(requests, prompt, one, context_tokens)
    ]
    shots = max(source.num_fewshot(task) for task in source.tasks)
    if unfit and shots:
        raise DataError(
            f"benchmarks.{source.benchmark.name}.num_fewshot",
            str(shots),
            f"the {shots} few-shot examples do not fit the context of {context_tokens} tokens in "
            f"{len(unfit)} of {len(asked)} items, the longest of {max(unfit)} tokens; give "
            "num_fewshot a smaller number, or the proxy more context_tokens",
        )
    requests = [_cut_to(one, context_tokens + 1) for own, _ in tokens for one in own]
    prompts = []
    for one, (_, prompt) in zip(asked, tokens, strict=True):
        if prompt is not None:
            kept = prompt[-(context_tokens + 1 - _answer_room(one)) :]
            room = context_tokens + 1 - len(kept)
            prompts.append(Prompt(kept, min(one.max_new_tokens, room)))
    return HarnessSet(
        source, chosen, tuple(asked), tuple(requests), tuple(prompts), tokenizer, end_id
    )


def _tokens(
    asked: AskedText, tokenizer: Tokenizer, end_id: int
) -> tuple[list[Request], tuple[int, ...] | None]:
    requests = []
    for context, continuation in asked.pairs:
        # Spaces at the end of a context belong to the word after it.
        spaces = len(context) - len(context.rstrip())
        if spaces:
            context, continuation = context[:-spaces], context[-spaces:] + continuation
        before = tokenizer.encode(context).ids
        both = tokenizer.encode(context + continuation).ids
        tokens = (end_id, *both)
        start = min(1 + len(before), len(tokens) - 1)
        requests.append(Request(tokens, start, len(continuation.encode())))
    if asked.prompt is None:
        return requests, None
    return requests, (end_id, *tokenizer.encode(asked.prompt).ids)


def _answer_room(asked: AskedText) -> int:
    return min(asked.max_new_tokens, SHORTEST_ANSWER_TOKENS)


def _fit(
    requests: list[Request],
    prompt: tuple[int, ...] | None,
    asked: AskedText,
    context_tokens: int,
) -> bool:
    is_short = all(len(one.tokens) <= context_tokens + 1 for one in requests)
    return is_short and (prompt is None or len(prompt) + _answer_room(asked) <= context_tokens + 1)


def _cut_to(request: Request, most: int) -> Request:
    extra = max(0, len(request.tokens) - most)
    return Request(request.tokens[extra:], request.answer_start - extra, request.answer_bytes)
