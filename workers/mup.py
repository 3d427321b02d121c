"""muP scale rules (Xmodel-2, Table 6, the same as MiniCPM, Table 7), with m = width / base width.

| what | rule |
|---|---|
| embedding output | times scale_emb (in the model) |
| residual branch | times scale_depth / sqrt(num_layers) (in the model) |
| logits | divided by m (in the model) |
| init std of 2-D hidden weights | init_std / sqrt(m) |
| learning rate of 2-D hidden weights | global rate / m |
| the same under Muon | global rate / sqrt(m): ours, see `muon_lr_multiplier` |
"""

import math

from mixtures.proxy import Proxy


def hidden_init_std(proxy: Proxy) -> float:
    """Standard deviation of a linear layer's initial weights."""
    return proxy.init_std / math.sqrt(proxy.width_ratio)


def output_init_std(proxy: Proxy) -> float:
    """The same of o_proj and down_proj: see `Proxy.output_init`."""
    if proxy.output_init == "by_depth":
        return proxy.init_std / math.sqrt(2 * proxy.num_layers)
    return hidden_init_std(proxy)


def hidden_lr_multiplier(proxy: Proxy) -> float:
    """What the global learning rate is multiplied with for a linear layer's weights."""
    return 1.0 / proxy.width_ratio


def muon_lr_multiplier(proxy: Proxy) -> float:
    """The same where Muon moves the weights, with its `match_rms_adamw`: 1 / sqrt(m).

    What a layer's output moves by is the update's spectral norm (Yang et al., arXiv 2310.17813).
    Adam's entries are all near the rate and line up with the input, so the norm grows with m and
    the rate must fall as 1 / m. Muon's update is orthogonal: its norm is the rate alone, and
    match_rms_adamw, which gives it the size of Adam's entries, multiplies by sqrt(width). At m = 1
    both optimisers have one rate.
    """
    return 1.0 / math.sqrt(proxy.width_ratio)
