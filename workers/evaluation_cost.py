"""What scoring a trial will take, measured on a part of it, before the first trial."""

import time
from collections.abc import Sequence

from mixtures.value import Value
from workers.answer_nats import answer_nats, groups_of_one_prompt
from workers.benchmarks import Prompt, Request, RequestSet
from workers.generate import greedy
from workers.harness_set import HarnessSet
from workers.xmodel2 import Xmodel2

# Over this the study should score fewer items: the decay is what a trial is for.
MOST_OF_A_TRIAL = 0.2
# Every n-th prompt in order of length is measured: all lengths, and the batches stay full.
_EVERY = 8
_MEASURED_PROMPTS = 8


class EvaluationCost(Value):
    """Seconds on one core, and the parts of them: of likelihoods, of text that is generated."""

    num_items: int
    num_requests: int
    num_tokens: int
    likelihood_seconds: float
    generation_seconds: float

    @property
    def seconds(self) -> float:
        return self.likelihood_seconds + self.generation_seconds

    def share_of_trial(self, decay_seconds: float) -> float:
        return self.seconds / (self.seconds + decay_seconds)

    def note(self, decay_seconds: float) -> str | None:
        """What to do where scoring takes more than a fifth of a trial; None where it does not."""
        share = self.share_of_trial(decay_seconds)
        if share <= MOST_OF_A_TRIAL:
            return None
        fitting = decay_seconds * MOST_OF_A_TRIAL / (1 - MOST_OF_A_TRIAL)
        return (
            f"Scoring {self.num_items} items takes about {self.seconds:.0f} s, "
            f"{share * 100:.0f} % of a trial. "
            f"At {fitting / self.seconds * 100:.0f} % of these num_items it takes "
            f"{MOST_OF_A_TRIAL * 100:.0f} %."
            + (
                f" Generating text takes {self.generation_seconds:.0f} s of it; generate: false "
                "leaves it out."
                if self.generation_seconds > self.likelihood_seconds
                else ""
            )
        )


def evaluation_cost(
    model: Xmodel2, benchmarks: Sequence[RequestSet | HarnessSet]
) -> EvaluationCost:
    """Of one evaluation of these benchmarks; takes about an eighth of it."""
    requests = [request for one in benchmarks for request in one.requests]
    prompts = [
        prompt for one in benchmarks if isinstance(one, HarnessSet) for prompt in one.prompts
    ]
    return EvaluationCost(
        num_items=sum(one.num_items for one in benchmarks),
        num_requests=len(requests),
        num_tokens=sum(len(one.tokens) for one in requests),
        likelihood_seconds=_likelihood_seconds(model, requests),
        generation_seconds=_generation_seconds(model, prompts),
    )


def _likelihood_seconds(model: Xmodel2, requests: Sequence[Request]) -> float:
    groups = [[requests[i] for i in group] for group in groups_of_one_prompt(requests)]
    groups.sort(key=lambda group: group[0].answer_start)
    sample = groups[_EVERY // 2 :: _EVERY] or groups
    sampled = tuple(request for group in sample for request in group)
    answer_nats(model, sampled[:1])  # the first pass of all sets things up
    started = time.perf_counter()
    answer_nats(model, sampled)
    seconds = time.perf_counter() - started
    measured = sum(_tokens_read(group) for group in sample)
    return seconds * sum(_tokens_read(group) for group in groups) / max(measured, 1)


def _tokens_read(group: Sequence[Request]) -> int:
    """Of requests with one prompt: that once, and each answer."""
    prompt = group[0].answer_start
    return prompt + sum(len(one.tokens) - prompt for one in group)


def _generation_seconds(model: Xmodel2, prompts: Sequence[Prompt]) -> float:
    """As if every prompt got all its tokens, which a proxy that does not stop by itself does."""
    if not prompts:
        return 0.0
    by_length = sorted(prompts, key=lambda one: one.max_new_tokens)
    step = max(1, len(prompts) // _MEASURED_PROMPTS)
    sample = by_length[step // 2 :: step]
    started = time.perf_counter()
    greedy(model, sample, lambda index, tokens: False)
    seconds = time.perf_counter() - started
    measured = sum(one.max_new_tokens for one in sample)
    return seconds * sum(one.max_new_tokens for one in prompts) / max(measured, 1)
