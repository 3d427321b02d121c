"""The coordinate check: do activations keep their size when the model gets wider, while it learns?

    python bench/mup_coordinates.py [--quick] [--rate 0.0055]

Mean |x| of the embedding's output, of each attention and MLP, of the residual stream at its end and
of the logits, at the start and after each of ten steps, at widths 64 to 512 and depths 4 to 32
(Tensor Programs V, arXiv 2203.03466, appendix D.1; microsoft/mup's tests hold such sizes within a
factor 1.2). Means over five seeds or more. At each depth the largest size over the smallest, among
widths, must be at most 1.2; the standard parametrisation, m = 1 at every width, must fail the same
check, for which one seed is enough.

- Ten steps at the full rate on one batch, without warm-up: harder than training, where they are the
  first third of the warm-up. Tokens are drawn by Zipf's law, as those of text nearly are.
- Logits of a random readout shrink as 1 / sqrt(width), as theory has them, until it has learned.
  microsoft/mup starts the readout at zero for this check. A tied readout cannot start there, so
  logits are those of a second model, untied, whose readout does.
"""

import argparse
from functools import partial

import numpy as np
import torch
from torch import Tensor

from mixtures.phases import Optimiser
from mixtures.proxy import Proxy
from workers.optim import make_optimiser, set_learning_rate
from workers.xmodel2 import Xmodel2

MAX_RATIO = 1.2
DEPTHS, STEPS = (4, 8, 16, 32), 10
# Narrow models have few heads, so that their sizes differ more from seed to seed.
NUM_SEEDS_OF_WIDTH = {64: 16, 128: 12, 256: 8, 512: 5}
VOCAB, CONTEXT, BATCH, HEAD_WIDTH = 512, 32, 8, 32
# The narrowest width is the base, where muP and standard are one model.
BASE_WIDTH = 64
# The best rate of `mup_transfer.py`, 2^-7.5.
RATE = 0.0055

# Mean |x| by part of the model.
Sizes = dict[str, float]


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--quick", action="store_true", help="widths 64, 256; depth 4")
    parser.add_argument("--rate", type=float, default=RATE, help="global learning rate")
    arguments = parser.parse_args()
    num_seeds, depths = NUM_SEEDS_OF_WIDTH, DEPTHS
    if arguments.quick:
        num_seeds, depths = {64: 4, 256: 2}, (4,)
        print("quick: fewer widths, depths and seeds than the goal is for; no answer to the goal")
    torch.set_num_threads(1)
    largest: dict[str, list[float]] = {"mup": [], "standard": []}
    for depth in depths:
        for name, ratios_of_depths in largest.items():
            is_mup = name == "mup"
            traces = [
                mean_sizes(
                    check_proxy(width, depth, is_mup=is_mup), arguments.rate, n if is_mup else 1
                )
                for width, n in num_seeds.items()
            ]
            ratios = ratios_across_width(traces)
            worst = max(ratios, key=lambda part: ratios[part])
            ratios_of_depths.append(ratios[worst])
            print(f"depth {depth:2} {name:8} largest ratio {ratios[worst]:7.2f} in {worst}")
            for part in dict.fromkeys(("embedding", "residual", "logits", worst)):
                sizes_of_steps = (
                    f"step {step}: " + " ".join(f"{trace[step][part]:.3f}" for trace in traces)
                    for step in (0, 1, 3, STEPS)
                )
                print(f"    {part:16}" + " | ".join(sizes_of_steps), flush=True)
    mup, standard = max(largest["mup"]), min(largest["standard"])
    verdict = "met" if mup <= MAX_RATIO else "missed"
    print(f"goal coordinates_mup value={mup:.2f} bound={MAX_RATIO:g} {verdict}")
    verdict = "met" if standard > MAX_RATIO else "missed"
    print(f"goal coordinates_standard_fails value={standard:.2f} bound={MAX_RATIO:g} {verdict}")


def check_proxy(width: int, num_layers: int, *, is_mup: bool) -> Proxy:
    """Heads of one width, so that only their number grows; m = 1 where it is not muP."""
    return Proxy.model_validate(
        {
            "num_layers": num_layers,
            "width": width,
            "num_heads": width // HEAD_WIDTH,
            "num_kv_heads": width // HEAD_WIDTH,
            "ffn_width": 5 * width // 2,
            "vocab_size": VOCAB,
            "context_tokens": CONTEXT,
            "dim_model_base": BASE_WIDTH if is_mup else width,
        }
    )


def mean_sizes(proxy: Proxy, learning_rate: float, num_seeds: int) -> list[Sizes]:
    """Sizes after 0 to STEPS steps, averaged over seeds; the logits are of the zero readout."""
    untied = proxy.model_copy(update={"tied_embedding": False})
    traces = []
    for seed in range(num_seeds):
        trace = sizes_by_step(proxy, learning_rate, seed)
        from_zero = sizes_by_step(untied, learning_rate, seed, is_readout_zero=True)
        for sizes, others in zip(trace, from_zero, strict=True):
            sizes["logits"] = others["logits"]
        traces.append(trace)
    return [
        {part: float(np.mean([sizes[part] for sizes in at_step])) for part in at_step[0]}
        for at_step in zip(*traces, strict=True)
    ]


def sizes_by_step(
    proxy: Proxy, learning_rate: float, seed: int, *, is_readout_zero: bool = False
) -> list[Sizes]:
    """Sizes after 0 to STEPS steps. The batch is the seed's own and the same at every width."""
    law = 1.0 / torch.arange(1, VOCAB + 1)
    generator = torch.Generator().manual_seed(seed)
    tokens = torch.multinomial(
        law, BATCH * (CONTEXT + 1), replacement=True, generator=generator
    ).view(BATCH, CONTEXT + 1)
    spec = Optimiser(peak_lr=learning_rate)
    model = Xmodel2(proxy)
    model.init_weights(seed)
    if is_readout_zero:
        torch.nn.init.zeros_(model.lm_head.weight)
    optimiser = make_optimiser(model, spec)
    set_learning_rate(optimiser, learning_rate)
    trace = [sizes_of(model, tokens[:, :-1])]
    for _ in range(STEPS):
        model.loss(tokens).backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), spec.clip_norm)
        optimiser.step()
        optimiser.zero_grad(set_to_none=True)
        trace.append(sizes_of(model, tokens[:, :-1]))
    return trace


@torch.no_grad()
def sizes_of(model: Xmodel2, tokens: Tensor) -> Sizes:
    """Mean |x| of every part in one forward pass."""
    sizes: Sizes = {}

    def keep(name: str, x: Tensor) -> None:
        sizes[name] = x.abs().mean().item()

    decoder = model.model
    hooks = [
        decoder.layers[0].register_forward_pre_hook(lambda _, args: keep("embedding", args[0])),
        decoder.norm.register_forward_pre_hook(lambda _, args: keep("residual", args[0])),
    ]
    for index, layer in enumerate(decoder.layers):
        for name, part in (("attention", layer.self_attn), ("mlp", layer.mlp)):
            named = partial(keep, f"{name}_{index}")
            hooks.append(part.register_forward_hook(lambda _, args, x, named=named: named(x)))
    keep("logits", model(tokens))
    for hook in hooks:
        hook.remove()
    return sizes


def ratios_across_width(traces: list[list[Sizes]]) -> Sizes:
    """Largest over smallest size of each part at its worst step; `traces` are one a width."""
    ratios: Sizes = {}
    for part in traces[0][0]:
        at_steps = [[trace[step][part] for trace in traces] for step in range(STEPS + 1)]
        # All logits are zero at the start.
        ratios[part] = max(max(sizes) / min(sizes) for sizes in at_steps if min(sizes) > 0)
    return ratios


if __name__ == "__main__":
    main()
