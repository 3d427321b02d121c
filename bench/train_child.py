"""The processes that bench/train.py times: our training and what a user would write instead.

Each is one process on one thread. Results go to standard output as one line of JSON.

The peer is transformers' `Trainer` with `GraniteForCausalLM`, which is the same function: fp32,
`sdpa` attention, no evaluation, no saving, no logging, its own fused AdamW with our settings; then
lm-evaluation-harness's `HFLM` on the same items, which is even given their tokens.
"""

import argparse
import json
import math
import os
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch

from bench.peak_memory import peak_bytes
from mixtures.phases import Optimiser
from mixtures.proxy import Proxy

CONTEXT, VOCABULARY = 256, 2048
# Steps before the clock runs: caches, threads and optimiser state are there then.
WARM_STEPS = 2
# HFLM's fastest of 1, 8, 32 and 128 on these items (bench/evaluate.py).
HFLM_BATCH = 8


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "what", choices=["steps-ours", "steps-trainer", "trials-ours", "trial-peer"]
    )
    parser.add_argument("arguments", nargs="*")
    called = parser.parse_args()
    torch.set_num_threads(1)
    function = {
        "steps-ours": steps_ours,
        "steps-trainer": steps_trainer,
        "trials-ours": trials_ours,
        "trial-peer": trial_peer,
    }[called.what]
    print(json.dumps(function(*called.arguments)), flush=True)


def proxy_of(preset: str) -> Proxy:
    """The preset with the vocabulary and context of a study on CPUs."""
    return Proxy.model_validate(
        {"preset": preset, "vocab_size": VOCABULARY, "context_tokens": CONTEXT}
    )


def optimiser_of(batch_sequences: int) -> Optimiser:
    return Optimiser(peak_lr=0.005, batch_tokens=batch_sequences * CONTEXT)


def sgemm_rate() -> float:
    """FLOP/s of a 1024 x 1024 product in fp32 on one thread: the best of some."""
    a, b = torch.randn(1024, 1024), torch.randn(1024, 1024)
    best = math.inf
    for _ in range(20):
        started = time.perf_counter()
        a @ b
        best = min(best, time.perf_counter() - started)
    return 2 * 1024**3 / best


def steps_ours(preset: str, batch_sequences: str, steps: str) -> dict[str, Any]:
    """Seconds of each step of the real loop, on a real stream over made-up tokens."""
    from workers.freed_memory import keep_freed_memory
    from workers.optim import make_optimiser
    from workers.stream import Stream
    from workers.tokenised import TokenisedSource
    from workers.train import train
    from workers.xmodel2 import Xmodel2

    keep_freed_memory()
    spec = optimiser_of(int(batch_sequences))
    model = Xmodel2(proxy_of(preset))
    model.init_weights(0)
    tokens = np.random.default_rng(0).integers(0, VOCABULARY, 500_001, dtype=np.int32)
    sources = {name: TokenisedSource(tokens, CONTEXT) for name in "abc"}
    stream = Stream(sources, {"a": 0.5, "b": 0.3, "c": 0.2}, 0)
    seconds = []
    started = time.perf_counter()
    total = WARM_STEPS + int(steps)
    for _ in train(model, make_optimiser(model, spec), stream, spec, total, lambda index: 1.0):
        seconds.append(time.perf_counter() - started)
        started = time.perf_counter()
    return {"seconds": seconds[WARM_STEPS:], "sgemm": sgemm_rate()}


def steps_trainer(preset: str, batch_sequences: str, steps: str) -> dict[str, Any]:
    """The same by `Trainer`; the gap between the ends of two steps is one step's time."""
    from transformers import GraniteForCausalLM

    from workers.hf_config import granite_config

    config = GraniteForCausalLM.config_class(**granite_config(proxy_of(preset), 0))
    config._attn_implementation, config.use_cache = "sdpa", False
    model = GraniteForCausalLM(config).float()
    rng = np.random.default_rng(0)
    rows = rng.integers(0, VOCABULARY, ((WARM_STEPS + int(steps)) * int(batch_sequences), CONTEXT))
    ends = run_trainer(model, rows, int(batch_sequences), "constant")
    return {"seconds": list(np.diff(ends)[WARM_STEPS - 1 :]), "sgemm": sgemm_rate()}


def run_trainer(model: Any, rows: Any, batch_sequences: int, schedule: str) -> list[float]:
    """Train on the rows in order; when each step ended."""
    from transformers import Trainer, TrainerCallback, TrainingArguments

    spec = optimiser_of(batch_sequences)
    ends: list[float] = []

    class Clock(TrainerCallback):
        def on_step_end(self, *args: Any, **kwargs: Any) -> None:
            ends.append(time.perf_counter())

    class Rows(torch.utils.data.Dataset[dict[str, torch.Tensor]]):
        def __len__(self) -> int:
            return len(rows)

        def __getitem__(self, index: int) -> dict[str, torch.Tensor]:
            tokens = torch.from_numpy(rows[index])
            return {"input_ids": tokens, "labels": tokens}

    with tempfile.TemporaryDirectory() as folder:
        arguments = TrainingArguments(
            output_dir=folder,
            per_device_train_batch_size=batch_sequences,
            max_steps=len(rows) // batch_sequences,
            learning_rate=spec.peak_lr,
            weight_decay=spec.weight_decay,
            adam_beta1=spec.beta1,
            adam_beta2=spec.beta2,
            max_grad_norm=spec.clip_norm,
            lr_scheduler_type=schedule,
            logging_strategy="no",
            save_strategy="no",
            report_to="none",
            use_cpu=True,
            disable_tqdm=True,
        )
        sys.stdout, out = sys.stderr, sys.stdout  # it prints a summary at its end
        Trainer(model=model, args=arguments, train_dataset=Rows(), callbacks=[Clock()]).train()
        sys.stdout = out
    return ends


def trials_ours(home: str, study: str, first_seed: str, num_trials: str) -> dict[str, Any]:
    """One trial to warm the worker, then, at a line on standard input, `num_trials` more."""
    from mixtures.design import trials_of_request
    from mixtures.study import StudySpec
    from mixtures.trial import Progress, TrialRequest
    from workers.check import check_data
    from workers.config import WorkerConfig
    from workers.run import TrialRunner

    config = WorkerConfig(home=Path(home), data_roots=())
    spec = StudySpec.model_validate_json(Path(study).read_text(encoding="utf-8"))
    hashes = check_data(spec.recipe, config).data_hashes
    runner = TrialRunner(config)
    first_steps: list[float] = []

    def run(seed: int) -> dict[str, float]:
        request = TrialRequest(sft_share=0.5, seed=seed)
        trial = trials_of_request(request, spec, "bench", hashes)[0]
        started, is_training = time.perf_counter(), False

        def listen(progress: Progress) -> None:
            nonlocal is_training
            if progress.phase == "decay" and progress.done and not is_training:
                is_training = True
                first_steps.append(time.perf_counter() - started)

        return dict(runner.run(trial, 1, listen).wall_seconds)

    laps = [run(int(first_seed))]
    print("ready", flush=True)
    sys.stdin.readline()
    laps += [run(int(first_seed) + 1 + index) for index in range(int(num_trials))]
    return {"first_steps": first_steps[1:], "laps": laps[1:], "peak_bytes": peak_bytes()}


def trial_peer(folder: str) -> dict[str, Any]:
    """A user's script for one trial: load, train on the rows, score the items."""
    from lm_eval.models.huggingface import HFLM
    from transformers import AutoModelForCausalLM, AutoTokenizer

    os.environ["HF_HUB_OFFLINE"] = "1"
    started = time.perf_counter()
    place = Path(folder)
    model = AutoModelForCausalLM.from_pretrained(place / "model", attn_implementation="sdpa")
    run_trainer(model, np.load(place / "rows.npy"), 8, "linear")
    trained = time.perf_counter()
    harness = HFLM(
        pretrained=model.eval(),
        tokenizer=AutoTokenizer.from_pretrained(place / "model"),
        device="cpu",
        batch_size=HFLM_BATCH,
        max_length=CONTEXT,
    )
    requests = json.loads((place / "requests.json").read_text(encoding="utf-8"))
    encoded = [(("", ""), tokens[:start], tokens[start:]) for tokens, start in requests]
    harness._loglikelihood_tokens(encoded, disable_tqdm=True)
    return {"train": trained - started, "evaluate": time.perf_counter() - trained}


if __name__ == "__main__":
    main()
