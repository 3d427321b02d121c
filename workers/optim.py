"""AdamW with muP parameter groups: the embedding at the global rate, hidden weights at rate / m.

Norm gains take no weight decay and the global rate, as in the authors' training script.
"""

import torch

from mixtures.phases import Optimiser
from workers.mup import hidden_lr_multiplier
from workers.xmodel2 import Xmodel2


def make_optimiser(model: Xmodel2, spec: Optimiser) -> torch.optim.AdamW:
    """Groups carry `lr_multiplier`; `set_learning_rate` applies it at every step."""
    tables, hidden, gains = [], [], []
    for name, weight in model.named_parameters():
        if weight.dim() == 1:
            gains.append(weight)
        elif name in ("model.embed_tokens.weight", "lm_head.weight"):
            tables.append(weight)
        else:
            hidden.append(weight)
    groups = [
        {"params": tables, "weight_decay": spec.weight_decay, "lr_multiplier": 1.0},
        {
            "params": hidden,
            "weight_decay": spec.weight_decay,
            "lr_multiplier": hidden_lr_multiplier(model.proxy),
        },
        {"params": gains, "weight_decay": 0.0, "lr_multiplier": 1.0},
    ]
    return torch.optim.AdamW(
        groups, lr=spec.peak_lr, betas=(spec.beta1, spec.beta2), eps=1e-8, foreach=True
    )


def set_learning_rate(optimiser: torch.optim.Optimizer, learning_rate: float) -> None:
    """Set every group to `learning_rate` times its own multiplier."""
    for group in optimiser.param_groups:
        group["lr"] = learning_rate * group["lr_multiplier"]
