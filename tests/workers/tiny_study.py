"""A study that trains in a second: two small files and a model of two layers."""

import json
from pathlib import Path
from typing import Any

import numpy as np

from mixtures.design import trials_of_request
from mixtures.proxy import Proxy
from mixtures.study import StudySpec
from mixtures.trial import TrialRequest, TrialResult, TrialSpec
from workers.check import check_data
from workers.config import WorkerConfig
from workers.run import TrialRunner

TINY_PROXY: dict[str, Any] = {
    "num_layers": 2,
    "width": 32,
    "num_heads": 2,
    "num_kv_heads": 1,
    "ffn_width": 64,
    "vocab_size": 400,
    "context_tokens": 32,
    "dim_model_base": 16,
}
SYLLABLES = ("ba", "co", "di", "fu", "ge", "la", "mo", "ne", "ri", "su", "ta", "ve")


def tiny_proxy(**changes: Any) -> Proxy:
    return Proxy.model_validate({**TINY_PROXY, **changes})


def write_data(root: Path) -> Path:
    """`text.jsonl` (200 documents), `sums.jsonl` (150 items) and `test_sums.jsonl` (20 items)."""
    root.mkdir(parents=True)
    rng = np.random.default_rng(7)
    words = ["".join(rng.choice(SYLLABLES, size=size)) for size in (1, 2, 3) for _ in range(90)]
    texts = [{"text": " ".join(rng.choice(words, size=20))} for _ in range(200)]
    write_lines(root / "text.jsonl", texts)
    for name, start, size in (("sums", 0, 150), ("test_sums", 1000, 20)):
        items = [
            {"question": f"What is {i} + {i + 1}?", "answer": str(2 * i + 1)}
            for i in range(start, start + size)
        ]
        write_lines(root / f"{name}.jsonl", items)
    return root


def write_lines(path: Path, records: list[dict[str, Any]]) -> None:
    path.write_text("".join(json.dumps(record) + "\n" for record in records), encoding="utf-8")


def tiny_study(**changes: Any) -> StudySpec:
    """Over the files of `write_data`: ten stable steps, five decay steps of eight sequences."""
    spec = {
        "name": "tiny",
        "proxy": TINY_PROXY,
        "sources": [
            {"name": "text", "kind": "pretrain", "files": ["text.jsonl"], "text": "{{ text }}"},
            {
                "name": "sums",
                "kind": "sft",
                "files": ["sums.jsonl"],
                "prompt": "{{ question }}",
                "response": "{{ answer }}",
            },
        ],
        "benchmarks": [
            {
                "name": "test_sums",
                "files": ["test_sums.jsonl"],
                "prompt": "{{ question }}",
                "answer": "{{ answer }}",
                "num_items": 12,
            },
            {"name": "held_out", "held_out": "text", "num_items": 8},
        ],
        "stable": {"tokens": 2560, "warmup_tokens": 512},
        "decay": {"tokens": 1280},
        "optimiser": {"batch_tokens": 256},
        "space": {"sft_share": [0.0, 0.5]},
        **changes,
    }
    return StudySpec.model_validate(spec)


def tiny_config(home: Path, root: Path) -> WorkerConfig:
    return WorkerConfig(home=home, data_roots=(root,))


def tiny_trial(config: WorkerConfig, share: float, seed: int, **changes: Any) -> TrialSpec:
    study = tiny_study(**changes)
    hashes = check_data(study.recipe, config).data_hashes
    return trials_of_request(TrialRequest(sft_share=share, seed=seed), study, "s", hashes)[0]


def run_tiny_trial(home: Path, root: Path, share: float, seed: int) -> TrialResult:
    """One trial in a home of its own; also called in another process."""
    config = tiny_config(home, root)
    return TrialRunner(config).run(tiny_trial(config, share, seed), 1, lambda progress: None)
