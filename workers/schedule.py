"""Learning rates as factors of the peak rate: pure functions of tokens, no state.

| phase | factor |
|---|---|
| warm-up | tokens / warmup_tokens (MiniCPM, arXiv 2404.06395, Eq. 1) |
| stable | 1 |
| decay, exponential | 0.5^(tokens / half-life): MiniCPM section 6.2, Xmodel-2 section 2.2 |
| decay, linear | 1 - r (Bergsma et al., arXiv 2502.15938, decay it to zero) |
| decay, 1-sqrt | 1 - sqrt(r) (Haegele et al., arXiv 2405.18392) |
| decay, cosine | (1 + cos(pi r)) / 2 (Loshchilov and Hutter, arXiv 1608.03983, Eq. 5) |
| whole run | warm-up, then linear or cosine over all that is left |

r is the share of the phase that is over. A step takes the rate at which it starts: the first decay
step still runs at the peak, and the floor is where a step after the last would start. Warm-up
alone counts the step's own tokens, because a first step at rate zero would teach nothing.
"""

import math

from mixtures.phases import Decay, StablePhase, WholeRun


def stable_factor(tokens: int, phase: StablePhase) -> float:
    """Linear warm-up to 1 over `warmup_tokens`, then 1. `tokens` counts those seen at step end."""
    return _warmup(tokens, phase.warmup_tokens)


def decay_factor(tokens: int, decay: Decay) -> float:
    """The factor of the step that starts after `tokens` of the decay; `lr_ratio` at 0, mostly 1.

    linear, 1-sqrt and cosine are stretched to reach `min_lr_ratio` at the end of the decay. The
    exponential form has no end: it keeps its half-life and stops at `min_lr_ratio` when it gets
    there, because stretching it would make the half-life mean something else at each floor.
    """
    if decay.form == "exponential":
        fall = max(math.pow(0.5, tokens / decay.half_life), decay.min_lr_ratio)
    else:
        fall = _fall(decay.form, tokens / decay.tokens, decay.min_lr_ratio)
    return decay.lr_ratio * fall


def whole_run_factor(tokens: int, batch_tokens: int, run: WholeRun) -> float:
    """The factor of the step of `batch_tokens` that starts after `tokens` of the run."""
    left = run.tokens - run.warmup_tokens
    r = max(0, tokens - run.warmup_tokens) / left
    warmup = _warmup(tokens + batch_tokens, run.warmup_tokens)
    return warmup * _fall(run.form, r, run.min_lr_ratio)


def _warmup(tokens_at_end: int, warmup_tokens: int) -> float:
    return min(1.0, tokens_at_end / warmup_tokens) if warmup_tokens else 1.0


def _fall(form: str, r: float, floor: float) -> float:
    """From 1 at r = 0 to `floor` at r = 1 and after."""
    r = min(1.0, r)
    shape = {
        "linear": 1.0 - r,
        "1-sqrt": 1.0 - math.sqrt(r),
        "cosine": 0.5 * (1.0 + math.cos(math.pi * r)),
    }[form]
    return floor + (1.0 - floor) * shape
