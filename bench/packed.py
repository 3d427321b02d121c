"""Packed trials beside one process each: how many tokens of training a second, on a GPU.

    python bench/packed.py

With an NVIDIA GPU: nano and tiny (vocabulary 2,048, 8 x 256 tokens a model and step), K models
packed in one process against as many processes as are fastest, each with one model, compiled and in
bfloat16 as well; the goal is for nano. Also memory and the share of the card's own bfloat16 matrix
product, measured here. Without a GPU a small shape runs on the CPU, to show that it works, and no
figure of it means anything for a GPU.
"""

import multiprocessing
import time
from typing import Any

import torch

from mixtures.phases import Optimiser
from mixtures.proxy import Proxy
from workers.packed import Packed
from workers.xmodel2 import Xmodel2

CONTEXT, VOCABULARY, SEQUENCES = 256, 2048, 8
TIMES_AS_MANY = 5.0
SECONDS = 20.0


def main() -> None:
    torch.set_num_threads(1)
    if not torch.cuda.is_available():
        return on_cpu()
    goals = []
    for preset, most in (("nano", 64), ("tiny", 16)):
        single = max(processes_rate(preset, number) for number in (1, 2, 4, 8))
        packed = max(report(preset, number) for number in (1, most // 4, most))
        ratio = packed / single
        print(f"{preset}: {ratio:.2f} times as many trials an hour packed as one process each")
        if preset == "nano":
            verdict = "met" if ratio >= TIMES_AS_MANY else "missed"
            goals.append(f"goal packed_nano_times_unpacked value={ratio:.2f} "
                         f"bound={TIMES_AS_MANY:g} {verdict}")  # fmt: skip
    print("\n".join(goals))


def on_cpu() -> None:
    """Four small models packed and one by one, as a sign of life."""
    packed = rate("pico", 4, "cpu", 6.0)
    single = rate("pico", 1, "cpu", 6.0)
    print(f"no GPU here: four pico models packed on a CPU train {packed:,.0f} tokens/s, one alone "
          f"in the same plain torch {single:,.0f}; no GPU figure exists yet")  # fmt: skip
    print("goal packed_nano_times_unpacked skipped: no GPU here")


def proxy_of(preset: str) -> Proxy:
    return Proxy.model_validate(
        {"preset": preset, "vocab_size": VOCABULARY, "context_tokens": CONTEXT}
    )


def rate(preset: str, number: int, device: str, seconds: float) -> float:
    """Tokens a second of all models together, compiling left out."""
    proxy = proxy_of(preset)
    models = []
    for seed in range(number):
        models.append(Xmodel2(proxy))
        models[-1].init_weights(seed)
    packed = Packed(models, Optimiser(batch_tokens=SEQUENCES * CONTEXT), device)
    tokens = torch.randint(0, VOCABULARY, (number, SEQUENCES, CONTEXT + 1), device=device)
    rates = [0.01 / (1 + index) for index in range(number)]
    for _ in range(3):
        packed.step(tokens, rates)
    wait(device)
    started, steps = time.perf_counter(), 0
    while time.perf_counter() - started < seconds:
        packed.step(tokens, rates)
        steps += 1
        wait(device)
    return steps * tokens[:, :, 1:].numel() / (time.perf_counter() - started)


def wait(device: str) -> None:
    if device == "cuda":
        torch.cuda.synchronize()


def report(preset: str, number: int) -> float:
    """The rate of `number` packed models on the GPU, with its memory and share of the card."""
    torch.cuda.reset_peak_memory_stats()
    found = rate(preset, number, "cuda", SECONDS)
    proxy = proxy_of(preset)
    flops = 6 * proxy.num_parameters + 6 * proxy.num_layers * CONTEXT * proxy.width
    share = found * flops / product_rate()
    gigabytes = torch.cuda.max_memory_allocated() / 1e9
    print(f"{preset}, {number} packed: {found:,.0f} tokens/s, {share:.0%} of the product's "
          f"rate, {gigabytes:.1f} GB", flush=True)  # fmt: skip
    return found


def product_rate() -> float:
    """FLOP/s of an 8192 x 8192 product in bfloat16."""
    a = torch.randn(8192, 8192, device="cuda", dtype=torch.bfloat16)
    for _ in range(3):
        a @ a
    torch.cuda.synchronize()
    started = time.perf_counter()
    for _ in range(20):
        a @ a
    torch.cuda.synchronize()
    return 20 * 2 * 8192**3 / (time.perf_counter() - started)


def processes_rate(preset: str, number: int) -> float:
    """The same of `number` processes at once, one model each."""
    context = multiprocessing.get_context("spawn")
    with context.Pool(number) as pool:
        rates: list[Any] = pool.starmap(rate, [(preset, 1, "cuda", SECONDS)] * number)
    print(f"{preset}, {number} processes: {sum(rates):,.0f} tokens/s", flush=True)
    return float(sum(rates))


if __name__ == "__main__":
    main()
