"""What bench/chaos.py trains, and how often it kills what."""

import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

STUDY = """
name: chaos
question: Is anything lost?
proxy:
  {num_layers: 2, width: 32, num_heads: 2, num_kv_heads: 1, ffn_width: 64, vocab_size: 512,
   context_tokens: 64}
sources:
  - {name: topics, kind: pretrain, python_library: topics, max_bytes: 200000}
  - name: sums
    kind: sft
    reasoning_gym: {tasks: [chain_sum], num_items: 300, seed: 1000000}
benchmarks:
  - name: chain_sum
    num_items: 40
    reasoning_gym: {tasks: [chain_sum], num_items: 60, seed: 900000000}
  - {name: held_out_topics, group: text, num_items: 40, held_out: topics}
stable: {tokens: 40960, warmup_tokens: 4096}
decay: {tokens: 81920}
optimiser: {batch_tokens: 2048}
space: {sft_share: [0.0, 0.25, 0.5, 1.0]}
budget: {max_trials: 5000}
"""

OUTSIDE_STUDY = """
name: chaos-outside
trained_by: outside
sources:
  - {name: web, kind: pretrain, tokens: 1000000}
  - {name: chat, kind: sft, tokens: 1000000}
benchmarks:
  - {name: exam}
space: {sft_share: [0.0, 0.25, 0.5, 1.0]}
budget: {max_trials: 50000}
"""


@dataclass(frozen=True, slots=True)
class Plan:
    """Strikes by kind, and how many kills they have to come to."""

    strikes: dict[str, int]
    least: dict[str, int]
    # Trials that wait at any time, so that the study does not end before the kills do.
    least_waiting: int

    def kinds(self, draw: random.Random, kills: Mapping[str, int]) -> Iterator[str]:
        """All strikes in a random order, then more while `kills` lacks some: a strike that found
        nothing to kill is none.
        """
        kinds = [kind for kind, number in self.strikes.items() for _ in range(number)]
        draw.shuffle(kinds)
        yield from kinds
        for kind, least in self.least.items():
            while kills.get(kind, 0) < least:
                yield kind


# `all` is a kill of the controller, of Ray and of the workers that are there. A worker's strike is
# one or both of the two. `stopped` is a SIGSTOP of a worker, which then hangs; `term` has the
# controller end in good order.
ALL = Plan(
    strikes={"worker": 76, "controller": 55, "ray": 18, "all": 6, "stopped": 3, "term": 3},
    least={"worker": 120, "controller": 60, "ray": 20},
    least_waiting=4,
)
QUICK = Plan(
    strikes={"worker": 3, "controller": 2, "ray": 2, "all": 1, "stopped": 1, "term": 1},
    least={"worker": 3, "controller": 3, "ray": 3},
    least_waiting=4,
)
