"""Benchmarks: one place for the items, and the templates that files need."""

from typing import Any

import pytest
from pydantic import ValidationError

from mixtures.benchmark import Benchmark

FILES: dict[str, Any] = {
    "name": "b",
    "files": ["b.jsonl"],
    "prompt": "{{ q }}",
    "answer": "{{ a }}",
}
GYM: dict[str, Any] = {"tasks": ["chain_sum"], "num_items": 10, "seed": 1}


@pytest.mark.parametrize(
    ("benchmark", "is_continuation"),
    [
        (FILES, False),
        ({**FILES, "style": "continuation"}, True),
        ({"name": "b", "reasoning_gym": GYM}, False),
        ({"name": "b", "human_eval": True}, True),
        ({"name": "b", "held_out": "web"}, False),
    ],
)
def test_a_benchmark_with_one_place_is_taken(
    benchmark: dict[str, Any], is_continuation: bool
) -> None:
    assert Benchmark.model_validate(benchmark).is_continuation is is_continuation


@pytest.mark.parametrize(
    ("benchmark", "words"),
    [
        ({"name": "b"}, "gives none of files, reasoning_gym, human_eval, held_out"),
        ({**FILES, "held_out": "web"}, r"gives \['files', 'held_out'\]"),
        (
            {**FILES, "answer": None},
            "files need prompt with either answer or both choices and gold",
        ),
        (
            {**FILES, "prompt": None},
            "files need prompt with either answer or both choices and gold",
        ),
        (
            {"name": "b", "held_out": "web", "prompt": "x", "answer": "y"},
            "nothing else takes them",
        ),
        ({**FILES, "num_items": 1}, "num_items"),
        ({**FILES, "style": "chat"}, "style"),
        ({"name": "b", "human_eval": False}, "human_eval"),
    ],
)
def test_what_does_not_fit_together_is_refused(benchmark: dict[str, Any], words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        Benchmark.model_validate(benchmark)
