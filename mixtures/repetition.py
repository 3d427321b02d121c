"""How often each source is read: in a trial's decay, and in the full run that it stands for.

Reading a small source many times is a training of its own kind. So the proxy repeats a source as
often as the full run will (Repetition Mismatch, arXiv 2606.07597), both numbers are shown for every
trial, and more than a few times is warned of: Olmix caps at four (arXiv 2602.12237).
"""

from collections.abc import Mapping

from mixtures.phases import Decay, FullRun
from mixtures.value import Value

MAX_EPOCHS = 4.0
# What is cut to fewer is no set any more: what a trial learns is of these few, not of the source.
FEWEST_DOCUMENTS = 10


class Epochs(Value):
    """Times that a source is read. `full_run` is None where the study has no full run."""

    proxy: float
    full_run: float | None


def matched_tokens(available: int, decay: Decay, full_run: FullRun | None, source: str) -> float:
    """How many tokens of a source the proxy may read, so that it repeats like the full run.

    unique_tokens * decay.tokens / full_run.decay_tokens, at most what is there.
    """
    if full_run is None:
        return available
    unique = full_run.unique_tokens.get(source, available)
    return min(float(available), unique * decay.tokens / full_run.decay_tokens)


def epochs_of(
    shares: Mapping[str, float],
    decay: Decay,
    full_run: FullRun | None,
    available_tokens: Mapping[str, int],
) -> dict[str, Epochs]:
    """Of the sources with a share. `available_tokens` are those of each source's own files."""
    found = {}
    for name, share in shares.items():
        if share <= 0 or name not in available_tokens:
            continue
        available = available_tokens[name]
        full = None
        if full_run is not None:
            unique = full_run.unique_tokens.get(name, available)
            full = share * full_run.decay_tokens / unique
        read = matched_tokens(available, decay, full_run, name)
        found[name] = Epochs(proxy=share * decay.tokens / read, full_run=full)
    return found


def repetition_notes(epochs: Mapping[str, Epochs], max_epochs: float) -> list[str]:
    """A sentence on each source that is read too often, or not as often as in the full run."""
    notes = []
    for name, one in sorted(epochs.items()):
        often = one.proxy if one.full_run is None else one.full_run
        where = "a trial's decay" if one.full_run is None else "the full run"
        if often > max_epochs:
            notes.append(
                f"{name} is read {often:,.1f} times in {where}, more than max_epochs of "
                f"{max_epochs:g}: give it less share, or more text."
            )
        if one.full_run is not None and one.proxy > 1.1 * one.full_run and one.proxy > 1:
            notes.append(
                f"{name} is read {one.proxy:.1f} times by the proxy and {one.full_run:.1f} times "
                "in the full run: its own files are too small to match that, so its share is "
                "judged too low."
            )
    return notes


def worst_notes(epochs: Mapping[str, Mapping[str, Epochs]], max_epochs: float) -> list[str]:
    """Of every mixture by its label: each source's notes once, where it is read most often."""
    found = []
    for source in sorted({source for read in epochs.values() for source in read}):
        own = {label: {source: read[source]} for label, read in epochs.items() if source in read}
        warned = {label: repetition_notes(read, max_epochs) for label, read in own.items()}
        warned = {label: notes for label, notes in warned.items() if notes}
        if not warned:
            continue
        label = max(warned, key=lambda one: _often(own[one][source]))
        others = len(warned) - 1
        also = f" Too often in {others} more of {len(epochs)} mixtures." if others else ""
        found += [f"{label}: {note}{also}" for note in warned[label]]
    return found


def _often(one: Epochs) -> tuple[float, float]:
    return one.full_run or one.proxy, one.proxy


def cut_notes(
    available: Mapping[str, int],
    tokens_per_document: Mapping[str, float],
    decay: Decay,
    full_run: FullRun | None,
) -> list[str]:
    """A sentence on each source that is cut, to repeat alike, to a few documents: no set any more.

    `available` are the training tokens of each source's own files.
    """
    notes = []
    for name, tokens in sorted(available.items()):
        left = matched_tokens(tokens, decay, full_run, name)
        if left >= tokens or left >= FEWEST_DOCUMENTS * tokens_per_document[name]:
            continue
        notes.append(
            f"{name} is cut to {left:,.0f} tokens, to be read as often as in the full run: fewer "
            f"than {FEWEST_DOCUMENTS} of its documents. Make decay.tokens larger, or ask the "
            "question of a smaller full_run.decay_tokens."
        )
    return notes


def share_caps(
    max_epochs: float, decay: Decay, full_run: FullRun | None, tokens: Mapping[str, int]
) -> dict[str, tuple[float, str]]:
    """The highest share of each source that is read at most `max_epochs` times, and the reason.

    In the full run, or where there is none in a trial's decay. Of the sources whose `tokens` are
    known; a cap of 1 or more is none.
    """
    total = decay.tokens if full_run is None else full_run.decay_tokens
    where = "the decay" if full_run is None else "the full run"
    caps = {}
    for name, own in tokens.items():
        cap = max_epochs * own / total
        if cap < 1:
            caps[name] = (
                cap,
                f"{name} at most {cap:.4g} (max_epochs {max_epochs:g} of {own:,} tokens "
                f"in {where})",
            )
    return caps
