"""AdamW with muP parameter groups, and Muon for the hidden matrices of a decay.

| group | AdamW's rate | weight decay | Muon in the decay |
|---|---|---|---|
| tables (embedding, untied head) | global | yes | stays with AdamW |
| hidden matrices | global / m | yes | global / sqrt(m), see `muon_lr_multiplier` |
| norm gains | global | no | stays with AdamW |

As in the authors' training script, where the embedding's rate is `decoupled`: .01, and .01 / 6 for
the hidden matrices of width 1,536 over base width 256.
"""

from collections.abc import Callable
from typing import Any

import torch

from mixtures.phases import Decay, Optimiser
from workers.mup import hidden_lr_multiplier, muon_lr_multiplier
from workers.xmodel2 import Xmodel2


class MuonWithAdamW(torch.optim.Optimizer):
    """Two optimisers with one state and one list of groups, so that a checkpoint sees one.

    `torch.optim.Muon` (Jordan et al. 2024; Liu et al., arXiv 2502.16982) moves the hidden matrices,
    AdamW the rest.
    """

    def __init__(self, adamw: torch.optim.AdamW, muon: torch.optim.Muon) -> None:
        # The groups are the same objects as in the two, so a rate set here is set there.
        super().__init__([*adamw.param_groups, *muon.param_groups], {})
        self._adamw, self._muon = adamw, muon
        adamw.state = muon.state = self.state

    def step(self, closure: Callable[[], float] | None = None) -> None:  # type: ignore[override]
        """One step of both; there is no closure to call again."""
        assert closure is None
        self._adamw.step()
        self._muon.step()  # type: ignore[no-untyped-call]

    def forget_moments_of_matrices(self) -> None:
        """After loading a stable checkpoint: Muon's momentum starts at zero, without AdamW's."""
        for group in self._muon.param_groups:
            for weight in group["params"]:
                self.state.pop(weight, None)


def make_optimiser(
    model: Xmodel2, spec: Optimiser, decay: Decay | None = None
) -> torch.optim.Optimizer:
    """AdamW, or what `decay.optimiser` says.

    Groups carry `lr_multiplier`; `set_learning_rate` applies it at every step.
    """
    tables, hidden, gains = _groups(model, spec)
    if decay is None or decay.optimiser == "adamw":
        return _adamw([tables, hidden, gains], spec)
    hidden["lr_multiplier"] = muon_lr_multiplier(model.proxy)
    # match_rms_adamw: an update has the size of AdamW's, so AdamW's rate can be gone on with.
    muon = torch.optim.Muon([hidden], lr=spec.peak_lr, adjust_lr_fn="match_rms_adamw")
    return MuonWithAdamW(_adamw([tables, gains], spec), muon)


def set_learning_rate(optimiser: torch.optim.Optimizer, learning_rate: float) -> None:
    """Set every group to `learning_rate` times its own multiplier."""
    for group in optimiser.param_groups:
        group["lr"] = learning_rate * group["lr_multiplier"]


def _groups(model: Xmodel2, spec: Optimiser) -> list[dict[str, Any]]:
    """Tables, hidden matrices, gains, in the order of the model."""
    tables, hidden, gains = [], [], []
    for name, weight in model.named_parameters():
        if weight.dim() == 1:
            gains.append(weight)
        elif name in ("model.embed_tokens.weight", "lm_head.weight"):
            tables.append(weight)
        else:
            hidden.append(weight)
    return [
        {"params": tables, "weight_decay": spec.weight_decay, "lr_multiplier": 1.0},
        {
            "params": hidden,
            "weight_decay": spec.weight_decay,
            "lr_multiplier": hidden_lr_multiplier(model.proxy),
        },
        {"params": gains, "weight_decay": 0.0, "lr_multiplier": 1.0},
    ]


def _adamw(groups: list[dict[str, Any]], spec: Optimiser) -> torch.optim.AdamW:
    return torch.optim.AdamW(
        groups, lr=spec.peak_lr, betas=(spec.beta1, spec.beta2), eps=spec.epsilon, fused=True
    )
