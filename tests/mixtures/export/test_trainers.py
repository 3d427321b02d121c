"""Each trainer's file, key by key, against what the trainer's own source says."""

import ast
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from mixtures.export.hugging_face import load_call, python
from mixtures.export.trainer_format import Part
from tests.mixtures.export.made import DOCUMENT_WEIGHTS, TOKEN_WEIGHTS, answer, exported

PATHS = {"web": ("w",), "chat": ("c",), "proofs": ("p",)}


def from_yaml(format: str, **options: Any) -> Any:
    return yaml.safe_load(exported(format, **options).text)


def tables_in(text: str) -> dict[str, Any]:
    """The plain assignments of a module."""
    found = {}
    for node in ast.parse(text).body:
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            found[node.targets[0].id] = ast.literal_eval(node.value)
    return found


def test_olmo_core_gets_ratios_of_tokens_and_the_studys_cap_on_repetition() -> None:
    assert from_yaml("olmo-core", paths={**PATHS, "web": ("a/*.npy", "b.npy")}) == {
        "sources": [
            {
                "source_name": "web",
                "target_ratio": 0.4,
                "paths": ["a/*.npy", "b.npy"],
                "max_repetition_ratio": 4.0,
            },
            {
                "source_name": "chat",
                "target_ratio": 0.35,
                "paths": ["c"],
                "max_repetition_ratio": 4.0,
            },
            {
                "source_name": "proofs",
                "target_ratio": 0.25,
                "paths": ["p"],
                "max_repetition_ratio": 4.0,
            },
        ]
    }


def test_megatron_gets_weight_and_prefix_in_turn_for_training_alone() -> None:
    content = json.loads(exported("megatron", paths=PATHS).text)
    assert content["train"] == ["0.4", "w", "0.35", "c", "0.25", "p"]
    # An even number, or the weights would be taken for prefixes.
    one = answer({"web": 1.0, "books": 0.0, "chat": 0.0, "proofs": 0.0})
    assert json.loads(exported("megatron", one).text)["train"][0] == "1.0"
    assert content["valid"] is None and content["test"] is None
    assert list(content) == ["train", "valid", "test", "_provenance"]


def test_nemo_gets_prefixes_and_weights_and_no_split_of_thirds() -> None:
    assert from_yaml("nemo", paths=PATHS) == {
        "dataset": {
            "blend": [["w", "c", "p"], [0.4, 0.35, 0.25]],
            "blend_per_split": None,
            "split": "9999,8,2",
        }
    }


def test_nanotron_gets_folders_and_weights_of_a_nanoset() -> None:
    assert from_yaml("nanotron", paths=PATHS) == {
        "data": {
            "dataset": {
                "dataset_folder": ["w", "c", "p"],
                "dataset_weights": [0.4, 0.35, 0.25],
            },
            "seed": 0,
        }
    }


def test_levanter_gets_components_and_their_weights() -> None:
    content = from_yaml("levanter", paths={**PATHS, "web": ("w1", "w2")})
    assert content["data"]["train_weights"] == TOKEN_WEIGHTS
    assert content["data"]["components"] == {
        "web": {"source": {"type": "url", "train_urls": ["w1", "w2"]}},
        "chat": {"source": {"type": "url", "train_urls": ["c"]}},
        "proofs": {"source": {"type": "url", "train_urls": ["p"]}},
    }


def test_mosaicml_gets_proportions_of_what_a_sample_is() -> None:
    paths = {**PATHS, "chat": ("s3://bucket/chat",)}
    assert from_yaml("mosaicml", paths=paths) == {
        "streams": {
            "web": {"local": "w", "proportion": 0.4},
            "chat": {"remote": "s3://bucket/chat", "proportion": 0.35},
            "proofs": {"local": "p", "proportion": 0.25},
        }
    }
    streams = from_yaml("mosaicml", paths=paths, counts="documents")["streams"]
    found = {name: one["proportion"] for name, one in streams.items()}
    assert found == pytest.approx(DOCUMENT_WEIGHTS)


def test_litdata_gets_weights_of_blocks_or_of_documents() -> None:
    text = exported("litdata", paths=PATHS).text
    assert tables_in(text)["WEIGHTS"] == TOKEN_WEIGHTS
    assert tables_in(text)["PATHS"] == {"web": "w", "chat": "c", "proofs": "p"}
    assert "item_loader=TokensLoader(block_size=block_size)" in text
    assert "iterate_over_all=False" in text
    text = exported("litdata", paths=PATHS, counts="documents").text
    assert tables_in(text)["WEIGHTS"] == pytest.approx(DOCUMENT_WEIGHTS)
    assert "TokensLoader" not in text


def test_torchtitan_gets_its_data_sets_by_name_and_their_weights() -> None:
    text = exported("torchtitan", paths={**PATHS, "web": ("w.jsonl",)}).text
    assert tables_in(text)["WEIGHTS"] == TOKEN_WEIGHTS
    (web,) = [node for node in ast.parse(text).body if "decaymix:web" in ast.unparse(node)]
    assert ast.unparse(web) == ast.unparse(
        ast.parse(
            'DATASETS["decaymix:web"] = DatasetConfig(path="w.jsonl", loader=lambda path: '
            'load_dataset("json", data_files=path, split="train", streaming=True), '
            "sample_processor=text_of)"
        )
    )


@pytest.mark.parametrize(
    ("paths", "call"),
    [
        (("a.jsonl",), 'load_dataset("json", data_files=["a.jsonl"]'),
        (("a/*.JSONL.gz", "b.json"), 'load_dataset("json", data_files=["a/*.JSONL.gz", "b.json"]'),
        (("a.tsv",), 'load_dataset("csv", sep="\\t", data_files=["a.tsv"]'),
        (("a.parquet",), 'load_dataset("parquet", data_files=["a.parquet"]'),
        (("a.txt.zst",), 'load_dataset("text", data_files=["a.txt.zst"]'),
        (("allenai/c4",), 'load_dataset("allenai/c4"'),
    ],
)
def test_a_path_is_read_by_the_builder_of_its_suffix(paths: tuple[str, ...], call: str) -> None:
    part = Part(name="web", share=1.0, weight=1.0, paths=paths)
    assert load_call(part) == f'{call}, split="train", streaming=True)'


@pytest.mark.parametrize("text", ["a", "it's", 'say "a"', "'\"", "\\", "ü\n\u2028\U0001f600\x00"])
def test_a_text_is_the_same_after_python_has_read_it(text: str) -> None:
    assert ast.literal_eval(python(text)) == text
    assert python(text).isprintable()


DRAWING = """
import collections, importlib, json, sys
module = importlib.import_module(sys.argv[1])
drawn = collections.Counter()
for row in module.mixture().take(8_000):
    words = row["text"].split()
    drawn[words[0]] += len(words)
print(json.dumps([module.PROBABILITIES, drawn]))
"""


def test_datasets_draws_the_tokens_in_the_shares_of_the_mixture(tmp_path: Path) -> None:
    """By Hugging Face datasets itself: documents of 2, 20 and 5 words for 40, 35 and 25 %."""
    lengths = {"web": 2, "chat": 20, "proofs": 5}
    for name, length in lengths.items():
        line = json.dumps({"text": " ".join([name] * length)}) + "\n"
        (tmp_path / f"{name} é.jsonl").write_text(line * 600, encoding="utf-8")
    file = exported(
        "datasets",
        paths={name: (str(tmp_path / f"{name} é.jsonl"),) for name in lengths},
        tokens_per_document={name: float(length) for name, length in lengths.items()},
    )
    (tmp_path / file.file_name).write_text(file.text, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-c", DRAWING, file.file_name.removesuffix(".py")],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        # Or else it tells a server of each data set that it opens.
        env={**os.environ, "HF_HUB_OFFLINE": "1", "HF_HOME": str(tmp_path / "home")},
    )
    assert done.returncode == 0, done.stderr
    probabilities, drawn = json.loads(done.stdout)
    # 0.4 / 2, 0.35 / 20 and 0.25 / 5 of 0.2675.
    assert probabilities == pytest.approx(
        {"web": 0.2 / 0.2675, "chat": 0.0175 / 0.2675, "proofs": 0.05 / 0.2675}
    )
    # Far more than 600 documents of web: a source that ends starts again.
    assert drawn["web"] > 5_000 * 2
    total = sum(drawn.values())
    # Four standard errors: of 523 draws of chat, 4.4 % of them and 2.9 % of all tokens' shares.
    for name, share in TOKEN_WEIGHTS.items():
        assert drawn[name] / total == pytest.approx(share, abs=0.04)
