"""Does matching repetition carry the best SFT share from a short decay to one eight times longer?

    python bench/repetition.py DATA [--quick] [--processes N]

DATA is a data root with sft/gsm8k_train.jsonl.gz, benchmarks/gsm8k_test.jsonl.gz and three files
of pretrain/: openstax_physics, python_peps and c4_demo. All decays start from one stable
checkpoint. The long one reads a small SFT source many times at a high share; the short one, left
alone, reads it less than once, and so judges it too well (Repetition Mismatch, arXiv 2606.07597).
With `full_run` it reads a subset as often as the long one reads the whole. The best share of each
is that of the recommendation, from nine shares and three seeds. Goal: matched, it lies at most half
as far from the long decay's best share as unmatched.
"""

import argparse
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from mixtures.design import trials_of_request
from mixtures.metric import BITS_PER_BYTE
from mixtures.rank import Observation
from mixtures.recommend import recommend
from mixtures.repetition import epochs_of
from mixtures.study import StudySpec
from mixtures.trial import TrialRequest, TrialSpec
from workers.check import check_data
from workers.config import WorkerConfig
from workers.run import TrialRunner

HALF_AS_FAR = 0.5
TIMES_LONGER = 8
SHARES, SEEDS = (0.0, 0.05, 0.1, 0.2, 0.35, 0.5, 0.65, 0.8, 1.0), (0, 1, 2)
SHORT_TOKENS, STABLE_TOKENS = 75_000, 800_000
# About 49,000 tokens: the long decay reads them 6 times at a share of a half, the short one .8.
SFT_BYTES = 120_000
QUICK = {"tokens": 10_000, "stable": 60_000, "shares": (0.0, 0.1, 0.3, 0.6, 1.0), "seeds": (0,)}


def study(tokens: int, full_run: int | None, is_quick: bool) -> StudySpec:
    """One recipe, whatever the decay, so that the stable checkpoint is one."""
    texts = ("openstax_physics", "python_peps", "c4_demo")
    benchmarks: list[dict[str, Any]] = [
        {
            "name": "gsm8k_test",
            "files": ["benchmarks/gsm8k_test.jsonl.gz"],
            "prompt": "{{ question }}",
            "answer": "{{ answer }}",
            "num_items": 200,
        },
        *({"name": f"held_out_{name}", "held_out": name, "num_items": 60} for name in texts),
    ]
    sources: list[dict[str, Any]] = [
        {
            "name": name,
            "kind": "pretrain",
            "files": [f"pretrain/{name}.jsonl.gz"],
            "text": "{{ text }}",
            "max_bytes": 3_000_000,
        }
        for name in texts
    ]
    sources.append(
        {
            "name": "gsm8k_train",
            "kind": "sft",
            "files": ["sft/gsm8k_train.jsonl.gz"],
            "prompt": "{{ question }}",
            "response": "{{ answer }}",
            "max_bytes": SFT_BYTES,
        }
    )
    stable = QUICK["stable"] if is_quick else STABLE_TOKENS
    return StudySpec.model_validate(
        {
            "name": "repetition",
            "sources": sources,
            "benchmarks": benchmarks,
            # Held-out text weighs as much as the benchmark.
            "objective": {"weights": {f"held_out_{name}": 1 / 3 for name in texts}},
            "stable": {"tokens": stable, "warmup_tokens": stable // 10},
            "optimiser": {"peak_lr": 0.005, "batch_tokens": 2048},
            "decay": {"tokens": tokens},
            "full_run": None if full_run is None else {"decay_tokens": full_run},
            "space": {"sft_share": QUICK["shares"] if is_quick else SHARES},
            "baselines": {},
            "seeds": QUICK["seeds"] if is_quick else SEEDS,
        }
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path, help="a data root")
    parser.add_argument("--quick", action="store_true", help="a minute or two, and no answer")
    parser.add_argument("--processes", type=int, default=2)
    arguments = parser.parse_args()
    short = QUICK["tokens"] if arguments.quick else SHORT_TOKENS
    assert isinstance(short, int)
    long = TIMES_LONGER * short
    studies = {
        "long": study(long, None, arguments.quick),
        "unmatched": study(short, None, arguments.quick),
        "matched": study(short, long, arguments.quick),
    }
    with tempfile.TemporaryDirectory() as home:
        config = WorkerConfig(home=Path(home), data_roots=(arguments.data.absolute(),))
        hashes = check_data(studies["long"].recipe, config).data_hashes
        specs = [
            (name, spec)
            for name, one in studies.items()
            for share in one.space.sft_share
            for spec in trials_of_request(TrialRequest(sft_share=share), one, name, hashes)
        ]
        # The first alone: it builds what the others share.
        results = [run(config, *specs[0])]
        with ProcessPoolExecutor(arguments.processes, get_context("spawn")) as pool:
            jobs = [pool.submit(run, config, *one) for one in specs[1:]]
            started = time.monotonic()
            for job in jobs:
                results.append(job.result())
                minutes = (time.monotonic() - started) / 60
                print(f"{len(results)}/{len(specs)} after {minutes:.1f} min", file=sys.stderr)
    available = results[0][2]
    best = {}
    for name, one in studies.items():
        found = recommend(one, [observation for label, observation, _ in results if label == name])
        best[name] = found.sft_share
        epochs = epochs_of({"gsm8k_train": 0.5}, one.decay, one.full_run, available)
        low, high = found.best_share_interval
        print(
            f"{name:10} {one.decay.tokens:>8,} tokens  best share {found.sft_share:.3f} "
            f"({low:.3f} to {high:.3f})  at a half the SFT source is read "
            f"{epochs['gsm8k_train'].proxy:.2f} times"
        )
    matched, unmatched = (abs(best[name] - best["long"]) for name in ("matched", "unmatched"))
    # A hundredth is the step of the curve that the best share is read from.
    value = matched / max(unmatched, 0.01)
    print(f"distance from the long decay's best share: matched {matched:.3f}, not {unmatched:.3f}")
    verdict = "met" if value <= HALF_AS_FAR else "missed"
    print(f"goal matched_over_unmatched_distance value={value:.3f} bound={HALF_AS_FAR:g} {verdict}")


def run(
    config: WorkerConfig, label: str, spec: TrialSpec
) -> tuple[str, Observation, dict[str, int]]:
    """One trial, in any process."""
    result = TrialRunner(config).run(spec, 1, lambda progress: None)
    scores = {one.benchmark: one.value for one in result.scores if one.metric == BITS_PER_BYTE}
    observation = Observation(
        trial_id=spec.trial_id,
        shares=spec.mixture.shares,
        sft_share=spec.sft_share,
        seed=spec.seed,
        scores=scores,
    )
    return label, observation, result.available_tokens


if __name__ == "__main__":
    main()
