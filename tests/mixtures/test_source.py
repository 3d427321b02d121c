"""Sources: one place for the items, and the templates that the kind needs."""

from typing import Any

import pytest
from pydantic import ValidationError

from mixtures.source import Source

TEXT: dict[str, Any] = {
    "name": "a",
    "kind": "pretrain",
    "files": ["a.jsonl"],
    "text": "{{ text }}",
}
CHAT: dict[str, Any] = {
    "name": "a",
    "kind": "sft",
    "files": ["a.jsonl"],
    "prompt": "{{ q }}",
    "response": "{{ a }}",
}
GYM: dict[str, Any] = {"tasks": ["chain_sum"], "num_items": 10, "seed": 1}


@pytest.mark.parametrize(
    "source",
    [
        TEXT,
        CHAT,
        {"name": "a", "kind": "pretrain", "python_library": "topics"},
        {"name": "a", "kind": "sft", "reasoning_gym": GYM},
    ],
)
def test_a_source_with_one_place_is_taken(source: dict[str, Any]) -> None:
    assert Source.model_validate(source).name == "a"


@pytest.mark.parametrize(
    ("source", "words"),
    [
        (
            {"name": "a", "kind": "sft"},
            "gives none of files, saved, hub, python_library, reasoning_gym",
        ),
        ({**TEXT, "python_library": "topics"}, r"gives \['files', 'python_library'\]"),
        ({**CHAT, "reasoning_gym": GYM}, r"gives \['files', 'reasoning_gym'\]"),
        ({**TEXT, "kind": "sft"}, r"templates \['text'\], expected \['prompt', 'response'\]"),
        ({**CHAT, "kind": "pretrain"}, r"\['prompt', 'response'\], expected \['text'\]"),
        ({**CHAT, "response": None}, r"\['prompt'\], expected \['prompt', 'response'\]"),
        ({**CHAT, "text": "x"}, r"\['prompt', 'response', 'text'\], expected"),
        (
            {"name": "a", "kind": "sft", "reasoning_gym": GYM, "prompt": "x"},
            "only a source with files, saved or hub takes templates",
        ),
        ({"name": "a", "kind": "sft", "python_library": "source"}, "kind is 'pretrain'"),
        ({"name": "a", "kind": "pretrain", "reasoning_gym": GYM}, "kind is 'sft'"),
        ({**TEXT, "kind": "web"}, "'pretrain' or 'sft'"),
        ({**TEXT, "max_bytes": 0}, "max_bytes"),
        ({**TEXT, "python_library": "tests"}, "python_library"),
        ({"name": "a", "kind": "sft", "reasoning_gym": {**GYM, "tasks": []}}, "tasks"),
        ({"name": "a", "kind": "sft", "reasoning_gym": {**GYM, "num_items": 0}}, "num_items"),
        ({"name": "a", "kind": "sft", "reasoning_gym": {**GYM, "seed": -1}}, "seed"),
    ],
)
def test_what_does_not_fit_together_is_refused(source: dict[str, Any], words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        Source.model_validate(source)
