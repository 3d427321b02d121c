"""How fast training is, as ratios to what a user would otherwise reach for, measured in one run.

    python bench/train.py [--quick]

- a training step (data, forward, backward, clip, optimiser) on one thread in fp32 beside that of
  transformers' `Trainer` with `GraniteForCausalLM`: same shape, batch, data and settings, in
  processes of their own that take turns; and its share of this machine's own 1024 x 1024 sgemm
- the trials of an hour on both cores beside one process a trial with `Trainer` and then
  lm-evaluation-harness's `HFLM` on the same items, with the study of the demo
- memory of a worker, the start of a trial on a warm one, two trials on two cores
- where a step's time goes, in plain torch and in our kernels (bench/train_parts.py)
- packed trials (bench/packed.py), which are for a GPU

`--quick` takes fewer rounds, a short stable phase and one trial a core. Needs the extra `test`, and
`lm-eval` for the second; what cannot be measured is skipped and says why. Nothing else should run.
"""

import argparse
import importlib.util
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
import yaml

from bench import train_parts
from bench.train_child import CONTEXT, proxy_of
from mixtures.design import trials_of_request
from mixtures.proxy import Proxy
from mixtures.study import StudySpec
from mixtures.trial import TrialRequest, TrialSpec
from workers.benchmarks import RequestSet
from workers.check import check_data
from workers.checkpoint import load_checkpoint
from workers.config import WorkerConfig
from workers.decay import matched_sequences
from workers.hf_export import export_hf
from workers.prepare import Prepared, prepare
from workers.stable import WEIGHTS, stable_checkpoint, start_of_training
from workers.stream import Stream
from workers.train import num_steps

ROOT = Path(__file__).resolve().parent.parent
CHILD = [sys.executable, str(ROOT / "bench" / "train_child.py")]
ENVIRONMENT = {
    **os.environ,
    "PYTHONPATH": os.pathsep.join([str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]),
    "OMP_NUM_THREADS": "1",
    "HF_HUB_OFFLINE": "1",
}
# Name, sequences of a batch, timed steps of a process, goal: times as fast as Trainer.
STEPS = [("pico", 16, 24, 1.5), ("nano", 8, 8, 1.15)]
TRIALS_GOAL, START_SECONDS, TWO_CORES = 2.5, 0.5, 1.9
MEMORY_GB = {"pico": 0.9, "nano": 2.0}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--only", choices=["steps", "parts", "trials", "nano-memory"])
    called = parser.parse_args()
    torch.set_num_threads(1)
    goals: list[str] = []
    if called.only in (None, "steps"):
        for preset, batch, steps, bound in STEPS:
            ratio = step_ratio(preset, batch, steps, rounds=3 if called.quick else 7)
            goals.append(goal(f"{preset}_step_times_trainer", ratio, bound, ratio >= bound))
    if called.only in (None, "parts"):
        for preset, *_ in STEPS:
            train_parts.show(proxy_of(preset), repeats=5 if called.quick else 15)
    if called.only in (None, "trials"):
        goals += trial_goals(called.quick)
    if called.only in (None, "nano-memory"):
        goals.append(memory_goal("nano", worker_memory_at_nano()))
    if called.only is None:
        subprocess.run([sys.executable, ROOT / "bench" / "packed.py"], env=ENVIRONMENT, check=True)
    print("\n".join(goals))


def goal(name: str, value: float, bound: float, is_met: bool) -> str:
    return f"goal {name} value={value:.3f} bound={bound:g} {'met' if is_met else 'missed'}"


def memory_goal(preset: str, peak_bytes: float) -> str:
    size, bound = peak_bytes / 1e9, MEMORY_GB[preset]
    return goal(f"{preset}_worker_peak_gb", size, bound, size <= bound)


def step_ratio(preset: str, batch: int, steps: int, rounds: int) -> float:
    """Times as fast as Trainer: the median over rounds of the ratio of median step times."""
    ratios, ours_best, sgemm = [], float("inf"), 0.0
    for _ in range(rounds):
        ours, theirs = (
            child(f"steps-{who}", preset, str(batch), str(steps)) for who in ("ours", "trainer")
        )
        ratios.append(statistics.median(theirs["seconds"]) / statistics.median(ours["seconds"]))
        sgemm = max(sgemm, ours["sgemm"], theirs["sgemm"])
        ours_best = min(ours_best, statistics.median(ours["seconds"]))
        print(
            f"{preset}, batch {batch} x {CONTEXT}: {rate(ours, batch):,.0f} tokens/s, Trainer "
            f"{rate(theirs, batch):,.0f}, ratio {ratios[-1]:.3f}; sgemm {ours['sgemm'] / 1e9:.1f} "
            "GFLOP/s",
            flush=True,
        )
    share = flops_per_token(proxy_of(preset)) * batch * CONTEXT / ours_best / sgemm
    print(f"{preset}: the step is {share:.0%} of the sgemm rate; ratios {min(ratios):.3f} to "
          f"{max(ratios):.3f}")  # fmt: skip
    return statistics.median(ratios)


def rate(result: dict[str, Any], batch: int) -> float:
    return batch * CONTEXT / statistics.median(result["seconds"])


def flops_per_token(proxy: Proxy) -> float:
    """6 for each parameter, the shared embedding once, and attention's two causal products.

    Scores and weighted values are 2 T D each over half of the positions, and twice that backward.
    """
    return 6 * proxy.num_parameters + 6 * proxy.num_layers * proxy.context_tokens * proxy.width


def trial_goals(is_quick: bool) -> list[str]:
    """The demo's study at pico: trials an hour, memory, start, two cores; all take turns."""
    workers: list[dict[str, Any]] = []
    both_cores, times_peer = [], []
    is_peer_here = importlib.util.find_spec("lm_eval") is not None
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        study, prepared = prepared_study(home, "pico", 100_000 if is_quick else 800_000)
        write_peer(home, study, prepared)
        for _ in range(2 if is_quick else 3):
            one, two = run_workers(home, [1]), run_workers(home, [1, 1])
            workers += [*one, *two]
            alone, beside = (
                max(sum(worker["laps"][0].values()) for worker in ran) for ran in (one, two)
            )
            both_cores.append(2 * alone / beside)
            print(f"one trial alone {alone:.1f} s, beside another {beside:.1f} s; {one[0]['laps']}")
            if is_peer_here:
                theirs = peer_seconds(home)
                times_peer.append(theirs / beside)
                print(
                    f"trials an hour on two cores: {2 * 3600 / beside:.0f}, Trainer and HFLM "
                    f"{2 * 3600 / theirs:.0f}",
                    flush=True,
                )
    start = max(max(worker["first_steps"]) for worker in workers)
    speed_up = statistics.median(both_cores)
    goals = [
        memory_goal("pico", max(worker["peak_bytes"] for worker in workers)),
        goal("warm_start_seconds", start, START_SECONDS, start < START_SECONDS),
        goal("two_cores_times_one", speed_up, TWO_CORES, speed_up >= TWO_CORES),
    ]
    name = "trials_per_hour_times_trainer"
    if not is_peer_here:
        return [*goals, f"goal {name} skipped: lm-eval is not installed"]
    ratio = statistics.median(times_peer)
    return [*goals, goal(name, ratio, TRIALS_GOAL, ratio >= TRIALS_GOAL)]


def prepared_study(
    home: Path, preset: str, stable_tokens: int, **changes: Any
) -> tuple[StudySpec, Prepared]:
    """The demo's study with this proxy, its data and stable checkpoint built under `home`."""
    demo = yaml.safe_load((ROOT / "studies" / "demo.yaml").read_text(encoding="utf-8"))
    demo["proxy"] = proxy_of(preset).model_dump(mode="json")
    demo["stable"] = {"tokens": stable_tokens, "warmup_tokens": stable_tokens // 10}
    study = StudySpec.model_validate({**demo, **changes})
    (home / "study.json").write_text(study.model_dump_json(), encoding="utf-8")
    config = WorkerConfig(home=home, data_roots=())
    hashes = check_data(study.recipe, config).data_hashes
    prepared = prepare(study.recipe, hashes, config, lambda done, total: None)
    stable_checkpoint(prepared, config, lambda step, total: None)
    return study, prepared


def bench_trial(home: Path, study: StudySpec, seed: int) -> TrialSpec:
    hashes = check_data(study.recipe, WorkerConfig(home=home, data_roots=())).data_hashes
    return trials_of_request(TrialRequest(sft_share=0.5, seed=seed), study, "bench", hashes)[0]


def run_workers(home: Path, trials: list[int]) -> list[dict[str, Any]]:
    """One warm worker process for each entry, all started at once on that many trials."""
    started = []
    for index, number in enumerate(trials):
        command = [*CHILD, "trials-ours", str(home), str(home / "study.json")]
        command += [str(100 * (index + len(trials) * 10)), str(number)]
        started.append(
            subprocess.Popen(
                command,
                env=ENVIRONMENT,
                text=True,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
            )
        )
    for process in started:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    results = []
    for process in started:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    for process in started:
        out, _ = process.communicate()
        results.append(json.loads(out))
    return results


def write_peer(home: Path, study: StudySpec, prepared: Prepared) -> None:
    """What the user's script reads: the stable model, a trial's sequences, the items."""
    spec = bench_trial(home, study, 0)
    config = WorkerConfig(home=home, data_roots=())
    folder = home / "peer"
    folder.mkdir()
    model, optimiser = start_of_training(spec.recipe)
    checkpoint = stable_checkpoint(prepared, config, lambda step, total: None)
    load_checkpoint(checkpoint / WEIGHTS, model, optimiser)
    export_hf(model, prepared.tokenizer_path, folder / "model")
    stream = Stream(
        prepared.sources, spec.mixture.shares, 0, subsets=matched_sequences(spec, prepared)
    )
    steps = num_steps(spec.decay.tokens, spec.recipe.optimiser.batch_tokens)
    sequences = steps * spec.recipe.optimiser.batch_tokens // CONTEXT
    np.save(folder / "rows.npy", stream.next_batch(sequences)[:, :CONTEXT])
    requests = [
        [request.tokens, request.answer_start]
        for benchmark in prepared.benchmarks
        if isinstance(benchmark, RequestSet)
        for request in benchmark.requests
    ]
    (folder / "requests.json").write_text(json.dumps(requests), encoding="utf-8")


def peer_seconds(home: Path) -> float:
    """Wall seconds from start to end of two processes of the user's script at once."""
    command = [*CHILD, "trial-peer", str(home / "peer")]
    started = time.perf_counter()
    pair = [
        subprocess.Popen(command, env=ENVIRONMENT, text=True, stdout=subprocess.PIPE)
        for _ in range(2)
    ]
    outputs = [process.communicate()[0] for process in pair]
    assert all(process.returncode == 0 for process in pair)
    print(f"Trainer and HFLM: {outputs[0].splitlines()[-1]}")
    return time.perf_counter() - started


def worker_memory_at_nano() -> float:
    """Peak bytes of a worker over a real, short trial at nano, evaluation included."""
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        prepared_study(home, "nano", 8192, decay={"tokens": 16_384}, full_run=None)
        return float(run_workers(home, [1])[0]["peak_bytes"])


def child(*arguments: str) -> dict[str, Any]:
    out = subprocess.run(
        [*CHILD, *arguments], env=ENVIRONMENT, check=True, text=True, stdout=subprocess.PIPE
    ).stdout
    result: dict[str, Any] = json.loads(out.splitlines()[-1])
    return result


if __name__ == "__main__":
    main()
