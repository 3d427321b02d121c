"""The examples in the OpenAPI document; tests submit them as they stand."""

from typing import Any

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

# The bodies of other operations, by operation id.
BODY_EXAMPLES: dict[str, Any] = {
    "change_study": {"note": "Rerun with more seeds.", "tags": ["pilot"], "is_paused": True},
    "extend_study": {"max_trials": 200, "seeds": [2], "sft_share": [0.55]},
    "confirm_study": {"num_seeds": 8},
    "repeat_trial": {"seed": 7},
    "change_trial": {"note": "Its loss jumps at the end.", "tags": ["odd"]},
    "ask_trials": {"num": 4, "worker": "ann", "lease_seconds": 3600, "key": "wish-1"},
    "renew_lease": {"attempt": 1, "lease_seconds": 3600},
    "tell_trial": {
        "attempt": 1,
        "scores": [{"benchmark": "gsm8k", "metric": "bits_per_byte", "value": 1.4}],
    },
    "create_token": {"name": "ann", "scopes": ["submit"], "expires_in_days": 90},
    "prune_home": {"is_dry": True, "days": 30},
    "add_benchmark": "task: mine\ndataset_path: json\ndataset_kwargs: {data_files: mine.jsonl}\n",
    "add_source": '{"question": "2 + 3?", "answer": "5"}\n',
}
# What a problem looks like, by status.
PROBLEM_EXAMPLES: dict[str, Any] = {
    "404": {
        "type": "about:blank",
        "title": "Not Found",
        "status": 404,
        "detail": "there is no study 0123456789abcdef; GET /v1/studies lists them",
        "errors": [],
    },
    "422": {
        "type": "about:blank",
        "title": "Unprocessable Content",
        "status": 422,
        "detail": "seeds.1 = -1: Input should be greater than or equal to 0",
        "errors": [
            {
                "pointer": "/seeds/1",
                "field": "seeds.1",
                "value": -1,
                "message": "Input should be greater than or equal to 0",
            }
        ],
    },
}
