"""The task files that come with Decaymix: each loads on records with the fields that it names."""

import re
from pathlib import Path
from typing import Any

import pytest

from mixtures.benchmark import Benchmark
from tests.workers.byte_tokenizer import byte_tokenizer
from tests.workers.tiny_study import write_lines
from workers.config import WorkerConfig
from workers.files import DataError
from workers.harness import load_benchmark
from workers.harness_load import SHIPPED
from workers.harness_set import HarnessSet, choose, make_set

pytest.importorskip("lm_eval", reason="lm-evaluation-harness is not installed (extra lm-eval)")

CHOICE = {"query": "Question: Which is red?", "choices": ["a rose", "the sky"], "gold": 0}
CODE = {
    "prompt": "def one():\n",
    "canonical_solution": "    return 1\n",
    "test": "def check(f):\n    assert f() == 1\n",
    "entry_point": "one",
}
# A record, what its first request or prompt ends with, and a text that is right.
EXAMPLES: dict[str, tuple[dict[str, Any], str, str]] = {
    **{
        name: (CHOICE, "Question: Which is red?\nAnswer: a rose", "")
        for name in ("arc_challenge", "arc_easy", "openbookqa", "piqa", "sciq")
    },
    "hellaswag": ({**CHOICE, "query": "He opens it and"}, "He opens it and a rose", ""),
    "boolq": ({**CHOICE, "query": "P.\nQuestion: q?"}, "P.\nQuestion: q?\nAnswer: a rose", ""),
    "winogrande": (
        {"context_options": ["Ann", "Eve"], "continuation": "won.", "gold": 1},
        "Ann won.",
        "",
    ),
    "mmlu": (
        {"question": "1+1?", "choices": ["1", "2", "3", "4"], "answer": "B", "subject": "x"},
        "Question: 1+1?\nAnswer: 1",
        "",
    ),
    "triviaqa": ({"question": "Who?", "answers": ["Ada L.", "Ada"]}, "Who?\nAnswer: Ada L.", "ada"),
    "gsm8k": (
        {"question": "1+1?", "answer": "It is 2.\n#### 1,002"},
        "1+1?\nAnswer: It is 2.\n#### 1,002",
        "So\n#### 1002",
    ),
    "math": (
        {"problem": "Half?", "solution": r"$\boxed{\frac{1}{2}}$"},
        "Problem: Half?\nSolution: $\\boxed{\\frac{1}{2}}$",
        r"It is \boxed{\frac12} or \boxed{\frac{1}{2}}",
    ),
    "bbh": (
        {"input": "not True is", "target": "False", "task": "b", "examples": "Q: x\nA: y"},
        "Q: x\nA: y\n\nQ: not True is\nA: False",
        "It is True, so the answer is False.",
    ),
    "humaneval": (CODE, "def one():\n    return 1\n", "    return 2 - 1\n"),
    "mbpp": (
        {"text": "One.", "code": "def one(): return 1", "test_list": ["assert one() == 1"]},
        "def one(): return 1",
        "def one():\n    return 1",
    ),
    "hotpotqa": (
        {"question": "Who?", "answer": "The Queen"},
        "Question: Who?\nThought 1: The Queen",
        " Hm.\nAction 1: Finish[queen]",
    ),
    "fever": (
        {"claim": "It is.", "label": "SUPPORTS"},
        "Claim: It is.\nThought 1: SUPPORTS",
        " Yes.\nAction 1: Finish[SUPPORTS]",
    ),
}
NAMES = sorted(path.stem for path in SHIPPED.glob("[!_]*.yaml"))


def test_every_file_that_is_shipped_has_an_example() -> None:
    assert set(NAMES) == set(EXAMPLES)


def shipped(name: str, root: Path) -> HarnessSet:
    """Of five records, so that there are four others to show as examples."""
    record = EXAMPLES[name][0]
    write_lines(root / "mine.jsonl", [{**record, "id": i} for i in range(5)])
    write_lines(root / "sft" / "gsm8k_train.jsonl", [{**record, "id": i} for i in range(5)])
    benchmark = Benchmark(name=name, task=name, files=("mine.jsonl",), num_fewshot=0)
    config = WorkerConfig(home=root / "home", data_roots=(root,), run_code=True)
    source = load_benchmark(benchmark, config)
    tokenizer = byte_tokenizer()
    return make_set(source, choose(source, range(5), tokenizer, 2048, 0), tokenizer, 2048, 0)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "sft").mkdir()
    return tmp_path


@pytest.mark.parametrize("name", NAMES)
def test_a_record_is_asked_as_the_file_says(name: str, root: Path) -> None:
    if name == "gsm8k":
        # Its examples come from a file of their own, which has to be there.
        import gzip

        write_lines(root / "train.jsonl", [EXAMPLES[name][0]] * 5)
        (root / "sft" / "gsm8k_train.jsonl.gz").write_bytes(
            gzip.compress((root / "train.jsonl").read_bytes())
        )
    made = shipped(name, root)
    _, end, right = EXAMPLES[name]
    text = made.tokenizer.decode(list(made.requests[0].tokens[1:]))
    assert text.endswith(end)
    if not right:
        assert made.prompts == ()
        return
    nats = [1.0] * len(made.requests)
    import numpy as np

    answers = [made.text(i, made.tokenizer.encode(right).ids) for i in range(5)]
    scores = made.estimates(np.array(nats), [False] * len(nats), answers)
    metric = "pass_at_1" if name in ("humaneval", "mbpp") else "exact_match"
    metric += ",strict-match" if name == "gsm8k" else ""
    assert scores[metric].value == 1.0
    nothing = made.estimates(np.array(nats), [False] * len(nats), ["I do not know"] * 5)
    assert nothing[metric].value == 0.0


def test_worked_examples_may_be_missing(root: Path) -> None:
    records = [{"input": f"{i} is", "target": "x", "task": "b"} for i in range(3)]
    write_lines(root / "bare.jsonl", records)
    benchmark = Benchmark(name="bbh", task="bbh", files=("bare.jsonl",), stratum="{{ task }}")
    source = load_benchmark(benchmark, WorkerConfig(home=root / "home", data_roots=(root,)))
    assert source.asked([0], 0)[0].pairs == (("Q: 0 is\nA:", " x"),)


@pytest.mark.parametrize("name", NAMES)
def test_each_file_names_its_fields(name: str) -> None:
    text = (SHIPPED / f"{name}.yaml").read_text(encoding="utf-8")
    comment = " ".join(line[2:] for line in text.split("\n") if line.startswith("# "))
    assert re.search(r"Fields( of both files)?: ", comment)
    for field in EXAMPLES[name][0]:
        if field not in ("task", "subject"):
            assert field in comment, field


def test_an_unknown_name_is_answered_with_those_there_are(tmp_path: Path) -> None:
    benchmark = Benchmark(name="x", task="arc")
    with pytest.raises(DataError, match="there are arc_challenge, arc_easy"):
        load_benchmark(benchmark, WorkerConfig(home=tmp_path, data_roots=()))
