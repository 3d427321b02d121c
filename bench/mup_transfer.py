"""Does the best learning rate of a narrow proxy serve a wide one? muP against m = 1 everywhere.

    python bench/mup_transfer.py [--quick] [--workers N] [--folder var/bench] [--variant NAME]

Loss against learning rate at widths 64 to 512 (Tensor Programs V, arXiv 2203.03466, Figure 1): two
layers, heads of 32, ffn 2.5 times the width, 512 tokens a step, 300 steps of warm-up and constant
rate, on the text of Python's own library. Rates are a factor 2 apart.

- `mup` has dim_model_base 64, the narrowest width. `standard` has m = 1 at every width:
  initial weights, learning rate and logits do not know the width. At width 64 the two are one
  model, which is trained once.
- In one seed block all runs read the same tokens in the same order. The last fifth of the steps
  reads the same text in every run and the loss is its mean there: what differs between seeds is
  training, not the text that the loss is measured on.
- The optimum is the vertex of the parabola in log2(rate) through the best rate of the grid and its
  two neighbours. A best rate without two neighbours that finished is at the edge: missed.
- The interval of the shift is a bootstrap over seed blocks, all widths together: every resample.
- The penalty is what the target loses at the optimum of the narrowest width against its own, read
  off its curve, in standard deviations of one run over seeds.

Resumable: every finished run is a line of FOLDER/mup_transfer.jsonl and is not repeated.
"""

import argparse
import itertools
import json
import math
import multiprocessing
import os
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch

from mixtures.phases import Optimiser
from mixtures.proxy import Proxy
from mixtures.value import canonical_json, hash_text
from workers.optim import make_optimiser, set_learning_rate
from workers.python_library import docstring_documents, source_documents
from workers.stream import named_generator
from workers.tokenizer import END_ID, train_tokenizer
from workers.xmodel2 import Xmodel2

ROOT = Path(__file__).resolve().parent.parent

# Goals: octaves that the optimum moves over 8 times the width, and what the transferred rate costs
# in standard deviations over seeds.
MAX_SHIFT_OCTAVES, MAX_PENALTY_SDS = 0.5, 1.0

VOCAB, CONTEXT, BATCH, HEAD_WIDTH = 1024, 128, 4, 32  # 512 tokens a step
BASE_WIDTH = 64
# Every fourth module of the library makes 1.1 million tokens; a run reads 0.15 million.
TAKE_EVERY = 4

# log2 of the global rate. Without muP the optimum goes down with width, so its grid lies lower.
LOG2_RATES = {
    "standard": (-12, -11, -10, -9, -8, -7, -6),
    "mup": (-10, -9, -8, -7, -6, -5, -4),
}

# Where to look when the optimum drifts: fields of the proxy, fields of the optimiser.
VARIANTS: dict[str, tuple[dict[str, object], dict[str, object]]] = {
    "plain": ({}, {}),
    # The released configurations' base, and the same with the readout of base 64.
    "base_256": ({"dim_model_base": 256}, {}),
    "base_256_readout_64": ({"dim_model_base": 256, "output_multiplier": 0.25}, {}),
    "no_weight_decay": ({}, {"weight_decay": 0.0}),
    "attention_1_over_h": ({"attention_scale": "1/h"}, {}),
    "untied": ({"tied_embedding": False}, {}),
}


@dataclass(frozen=True)
class Setting:
    """How far the grids go."""

    widths: tuple[int, ...] = (64, 128, 256, 512)
    seeds: tuple[int, ...] = (0, 1, 2)
    steps: int = 300


QUICK = Setting(widths=(64, 128), seeds=(0, 1), steps=100)


@dataclass(frozen=True)
class Run:
    """One training run. Equal runs are trained once, whichever parametrisation asks."""

    width: int
    base_width: int
    log2_rate: int
    seed: int
    steps: int
    variant: str

    @property
    def key(self) -> str:
        return hash_text(canonical_json([asdict(self), VOCAB, CONTEXT, BATCH, torch.__version__]))


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--quick", action="store_true", help="widths 64, 128; 2 seeds; 100 steps")
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1, help="processes")
    parser.add_argument("--folder", type=Path, default=ROOT / "var" / "bench")
    parser.add_argument("--variant", choices=sorted(VARIANTS), default="plain")
    parser.add_argument("--only", choices=["mup", "standard"], help="leave the other out")
    arguments = parser.parse_args()
    setting = QUICK if arguments.quick else Setting()
    if arguments.quick:
        print("quick: fewer widths, seeds and steps than the goal is for; no answer to the goal")
    names = [arguments.only] if arguments.only else ["standard", "mup"]
    grids = {name: grid(setting, name, arguments.variant) for name in names}
    runs = sorted(
        {run for g in grids.values() for run in g.values()}, key=lambda run: (run.seed, run.width)
    )
    arguments.folder.mkdir(parents=True, exist_ok=True)
    losses = train_missing(runs, arguments.folder, arguments.workers)
    for name in names:
        shape = (len(setting.widths), len(LOG2_RATES[name]), len(setting.seeds))
        table = np.array([losses[run.key] for run in grids[name].values()]).reshape(shape)
        report(setting, name, table)


def grid(setting: Setting, parametrisation: str, variant: str) -> dict[tuple[int, int, int], Run]:
    """The runs by width, rate and seed, in this order."""
    return {
        (width, rate, seed): Run(
            width=width,
            base_width=BASE_WIDTH if parametrisation == "mup" else width,
            log2_rate=rate,
            seed=seed,
            steps=setting.steps,
            variant=variant,
        )
        for width, rate, seed in itertools.product(
            setting.widths, LOG2_RATES[parametrisation], setting.seeds
        )
    }


# Training


def train_missing(runs: list[Run], folder: Path, num_workers: int) -> dict[str, float]:
    """The final loss of every run by its key, infinite where it diverged."""
    file = folder / "mup_transfer.jsonl"
    losses = dict(finished(file))
    missing = [run for run in runs if run.key not in losses]
    print(f"{len(runs)} runs, {len(runs) - len(missing)} of them finished before", flush=True)
    if not missing:
        return losses
    tokens = tokenised(folder)
    context = multiprocessing.get_context("spawn")
    with (
        ProcessPoolExecutor(num_workers, mp_context=context) as executor,
        file.open("a", encoding="utf-8") as lines,
    ):
        lines.write("\n")  # where a kill cut the last line off
        started = time.monotonic()
        futures = {executor.submit(train, run, tokens): run for run in missing}
        for done, future in enumerate(as_completed(futures), start=1):
            run, (loss, seconds) = futures[future], future.result()
            losses[run.key] = loss
            line = {"key": run.key, **asdict(run), "seconds": round(seconds, 1)}
            line["loss"] = loss if math.isfinite(loss) else None
            lines.write(json.dumps(line) + "\n")
            lines.flush()
            minutes = (time.monotonic() - started) / 60
            print(f"{done}/{len(missing)} {minutes:.1f} min {run} loss {loss:.4f}", flush=True)
    return losses


def finished(file: Path) -> Iterator[tuple[str, float]]:
    """(key, loss) of the runs in `file`. A last line that was cut off is no run."""
    if file.exists():
        for text in file.read_text(encoding="utf-8").splitlines():
            try:
                line = json.loads(text)
            except json.JSONDecodeError:
                continue
            yield line["key"], math.inf if line["loss"] is None else line["loss"]


def tokenised(folder: Path) -> Path:
    """The text as one row of tokens, made once."""
    path = folder / f"mup_transfer_tokens_{VOCAB}.npy"
    if not path.exists():
        documents = [*source_documents(), *docstring_documents()][::TAKE_EVERY]
        encoded = train_tokenizer(documents, VOCAB).encode_batch(documents)
        np.save(path, np.array([i for text in encoded for i in [*text.ids, END_ID]], np.int32))
    return path


def train(run: Run, tokens: Path) -> tuple[float, float]:
    """(final loss, seconds). Diverged: not finite, or after a third no better than at first."""
    torch.set_num_threads(1)
    started = time.monotonic()
    proxy_fields, optimiser_fields = VARIANTS[run.variant]
    proxy = Proxy.model_validate(
        {
            "num_layers": 2,
            "width": run.width,
            "num_heads": run.width // HEAD_WIDTH,
            "num_kv_heads": run.width // HEAD_WIDTH,
            "ffn_width": 5 * run.width // 2,
            "vocab_size": VOCAB,
            "context_tokens": CONTEXT,
            "dim_model_base": run.base_width,
            **proxy_fields,
        }
    )
    spec = Optimiser.model_validate(
        {"peak_lr": 2.0**run.log2_rate, "batch_tokens": BATCH * CONTEXT, **optimiser_fields}
    )
    model = Xmodel2(proxy)
    model.init_weights(run.seed)
    optimiser = make_optimiser(model, spec)
    losses: list[float] = []
    for step, batch in enumerate(batches(np.load(tokens, mmap_mode="r"), run)):
        loss = model.loss(torch.from_numpy(batch))
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), spec.clip_norm)
        set_learning_rate(optimiser, spec.peak_lr * min(1.0, (step + 1) / (run.steps // 10)))
        optimiser.step()
        optimiser.zero_grad(set_to_none=True)
        losses.append(loss.item())
        is_late = len(losses) > run.steps // 3
        if not math.isfinite(losses[-1]) or (is_late and np.mean(losses[-20:]) > losses[0]):
            return math.inf, time.monotonic() - started
    return float(np.mean(losses[-(run.steps // 5) :])), time.monotonic() - started


def batches(tokens: np.ndarray, run: Run) -> np.ndarray:
    """int64 (steps, BATCH, CONTEXT + 1): the seed's own order, then the text that all end on."""
    windows = np.lib.stride_tricks.sliding_window_view(tokens, CONTEXT + 1)[::CONTEXT]
    order = named_generator("mup_transfer", "text").permutation(len(windows))
    last = BATCH * (run.steps // 5)
    own = named_generator("mup_transfer", "order", run.seed).permutation(order[last:])
    picked = np.concatenate([own[: BATCH * run.steps - last], order[:last]])
    return windows[picked.reshape(run.steps, BATCH)].astype(np.int64)


# What the losses say


@dataclass(frozen=True)
class Optimum:
    """Where a curve of losses is lowest, in log2(rate), and how low."""

    log2_rate: float
    loss: float
    is_inside: bool


def optimum(log2_rates: np.ndarray, losses: np.ndarray) -> Optimum:
    """The vertex of the parabola through the lowest point and its two neighbours."""
    best = int(np.argmin(losses))
    around = slice(best - 1, best + 2)
    if best in (0, len(losses) - 1) or not np.isfinite(losses[around]).all():
        return Optimum(float(log2_rates[best]), float(losses[best]), False)
    a, b, c = np.polyfit(log2_rates[around] - log2_rates[best], losses[around], 2)
    vertex = -b / (2 * a)
    return Optimum(float(log2_rates[best] + vertex), float(c - a * vertex**2), True)


def loss_at(log2_rate: float, log2_rates: np.ndarray, losses: np.ndarray) -> float:
    """The curve at any rate: the parabola through the three points nearest to it."""
    nearest = np.sort(np.argsort(np.abs(log2_rates - log2_rate), kind="stable")[:3])
    if not np.isfinite(losses[nearest]).all():
        return math.inf
    parabola = np.polyfit(log2_rates[nearest] - log2_rate, losses[nearest], 2)
    return float(parabola[-1])


def report(setting: Setting, name: str, table: np.ndarray) -> None:
    """Print the curves, the optima and what they mean. `table` is (widths, rates, seeds)."""
    rates = np.array(LOG2_RATES[name], dtype=float)
    means = table.mean(axis=2)
    optima = [optimum(rates, row) for row in means]
    print(f"\n{name}: mean final loss over {len(setting.seeds)} seeds, nats per token")
    print("width  " + "".join(f"{f'2^{rate}':>8}" for rate in LOG2_RATES[name]) + "    optimum")
    for width, row, at in zip(setting.widths, means, optima, strict=True):
        where = f"2^{at.log2_rate:.2f} {at.loss:.4f}" if at.is_inside else "at the edge: missed"
        print(f"{width:5}  " + "".join(f"{loss:8.3f}" for loss in row) + f"    {where}")

    shift = optima[-1].log2_rate - optima[0].log2_rate
    low, high = np.percentile(list(resampled_shifts(rates, table)), [2.5, 97.5])
    noise = seed_noise(table[-1])
    transferred = loss_at(optima[0].log2_rate, rates, means[-1])
    penalty = transferred - optima[-1].loss
    print(
        f"{name}: optimum moves {shift:+.2f} octaves (95 % {low:+.2f} to {high:+.2f}) from width "
        f"{setting.widths[0]} to {setting.widths[-1]}; range over widths "
        f"{np.ptp([at.log2_rate for at in optima]):.2f}"
    )
    print(
        f"{name}: transferred rate costs {penalty:.4f} nats at width {setting.widths[-1]}; "
        f"one run's standard deviation over seeds {noise:.4f}"
    )
    if name == "mup":
        num_missed = sum(not at.is_inside for at in optima)
        goal("mup_optima_at_the_edge", num_missed, 0)
        goal("mup_shift_octaves", abs(shift) if not num_missed else math.inf, MAX_SHIFT_OCTAVES)
        goal("mup_penalty_seed_sds", penalty / noise, MAX_PENALTY_SDS)


def resampled_shifts(rates: np.ndarray, table: np.ndarray) -> Iterator[float]:
    """The shift from the first to the last width in every resample of the seed blocks."""
    seeds = range(table.shape[2])
    for picked in itertools.product(seeds, repeat=len(seeds)):
        means = table[:, :, list(picked)].mean(axis=2)
        yield optimum(rates, means[-1]).log2_rate - optimum(rates, means[0]).log2_rate


def seed_noise(losses: np.ndarray) -> float:
    """One run's standard deviation over seeds, pooled over the best rate and its neighbours."""
    best = int(np.argmin(losses.mean(axis=1)))
    around = losses[max(0, best - 1) : best + 2]
    variances = around[np.isfinite(around).all(axis=1)].var(axis=1, ddof=1)
    return float(np.sqrt(variances.mean()))


def goal(name: str, value: float, bound: float) -> None:
    verdict = "met" if value <= bound else "missed"
    print(f"goal {name} value={value:.2f} bound={bound:g} {verdict}")


if __name__ == "__main__":
    main()
