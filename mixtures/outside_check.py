"""A study that is trained outside, run dry: tokens, how often each source is read, GPU hours, disk.

Nothing is read: all of it is arithmetic on what the study says. A token costs 6 FLOP a parameter
(Kaplan et al., arXiv 2001.08361, section 2.1), attention left out, so hours are a lower estimate.
"""

from mixtures.design import first_trials
from mixtures.proxy import Proxy
from mixtures.repetition import Epochs, epochs_of, repetition_notes
from mixtures.study import StudySpec
from mixtures.value import Value

FLOP_PER_PARAMETER = 6
# An H100's peak in bfloat16 without sparsity, and the part of it that good training code reaches.
GPU_FLOP_PER_SECOND, UTILISATION = 989e12, 0.4
# Weights in bfloat16; with fp32 weights and AdamW's two moments beside them.
WEIGHT_BYTES, STATE_BYTES = 2, 14


class OutsideCheck(Value):
    """`epochs` by mixture and source, where the study says how many tokens there are. The last
    three are of all trials, None without a size: hours of an H100 at 40 % of its peak, final
    weights, and the one checkpoint with its optimiser's state that decays begin at.
    """

    name: str
    num_trials: int
    num_trials_at_most: int
    tokens_per_trial: int
    tokens: int
    epochs: dict[str, dict[str, Epochs]]
    notes: tuple[str, ...]
    num_parameters: int | None = None
    gpu_hours: float | None = None
    weights_bytes: int | None = None
    checkpoint_bytes: int | None = None


def check_outside(study: StudySpec, size: Proxy | None) -> OutsideCheck:
    """`size` is the model that is trained, of which the study does not speak."""
    trials = first_trials(study, "", {})
    mixtures = {name: one.shares for name, one in study.baseline_mixtures.items()}
    for trial in trials:
        mixtures.setdefault(f"{trial.sft_share:.6g}", trial.mixture.shares)
    epochs = {
        name: epochs_of(shares, study.decay, study.full_run, study.known_tokens)
        for name, shares in mixtures.items()
    }
    # Of each source the mixture that reads it most often.
    most: dict[str, Epochs] = {}
    for one in epochs.values():
        for name, read in one.items():
            if name not in most or read.proxy > most[name].proxy:
                most[name] = read
    tokens = sum(trial.decay.tokens for trial in trials)
    found = OutsideCheck(
        name=study.name,
        num_trials=len(trials),
        num_trials_at_most=study.budget.max_trials if study.search else len(trials),
        tokens_per_trial=study.tokens_per_trial,
        tokens=tokens,
        epochs=epochs,
        notes=tuple(repetition_notes(most, study.max_epochs)),
    )
    if size is None:
        return found
    flop = FLOP_PER_PARAMETER * size.num_parameters * tokens
    return found.model_copy(
        update={
            "num_parameters": size.num_parameters,
            "gpu_hours": flop / (GPU_FLOP_PER_SECOND * UTILISATION) / 3600,
            "weights_bytes": len(trials) * size.num_parameters * WEIGHT_BYTES,
            "checkpoint_bytes": size.num_parameters * STATE_BYTES,
        }
    )
