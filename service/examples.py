"""The examples in the OpenAPI document; a test submits them as they stand."""

import yaml

STUDY_EXAMPLE_YAML = """\
name: example
question: How much arithmetic should the decay hold?
proxy: pico
sources:
  - {name: python_topics, kind: pretrain, python_library: topics}
  - name: arithmetic
    kind: sft
    reasoning_gym: {tasks: [chain_sum], num_items: 1000, seed: 1000000}
benchmarks:
  - name: chain_sum
    reasoning_gym: {tasks: [chain_sum], num_items: 200, seed: 900000000}
  - {name: held_out_topics, group: text, held_out: python_topics}
stable: {tokens: 40000, warmup_tokens: 4000}
decay: {tokens: 20000}
space: {sft_share: [0.0, 0.25, 0.5, 0.75, 1.0]}
seeds: [0, 1]
"""
STUDY_EXAMPLE = yaml.safe_load(STUDY_EXAMPLE_YAML)

TRIAL_EXAMPLES = {
    "one": {"summary": "One share, all of the study's seeds", "value": {"sft_share": 0.64}},
    "many": {
        "summary": "Several mixtures",
        "value": [
            {"sft_share": 0.55, "seed": 7},
            {"shares": {"python_topics": 0.4, "arithmetic": 0.6}},
        ],
    },
}
