"""The WSD learning rate (MiniCPM, arXiv 2404.06395, Eq. 1) as factors of the peak rate.

Pure functions of tokens; a step's rate is taken where the step starts, so that the first decay
step still runs at the peak and the last one before the end of the decay.
"""

import math

from mixtures.phases import Decay, StablePhase


def stable_factor(tokens: int, phase: StablePhase) -> float:
    """Linear warm-up to 1 over `warmup_tokens`, then 1. `tokens` counts those seen at step end."""
    return min(1.0, tokens / phase.warmup_tokens) if phase.warmup_tokens else 1.0


def decay_factor(tokens: int, decay: Decay) -> float:
    """The factor after `tokens` of the decay: 1 at 0, the form's floor at its end.

    exponential: 0.5^(t / half_life), the report's form read as a half-life (section 2.2);
    linear, 1-sqrt (Haegele et al. 2405.18392) and cosine run from 1 to `min_lr_ratio`.
    """
    r = min(1.0, tokens / decay.tokens)
    if decay.form == "exponential":
        return max(math.pow(0.5, tokens / decay.half_life), decay.min_lr_ratio)
    shape = {
        "linear": 1.0 - r,
        "1-sqrt": 1.0 - math.sqrt(r),
        "cosine": 0.5 * (1.0 + math.cos(math.pi * r)),
    }[decay.form]
    return decay.min_lr_ratio + (1.0 - decay.min_lr_ratio) * shape
