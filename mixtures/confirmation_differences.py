"""Differences between a confirmation's mixtures, seed by seed, and what was promised of them."""

from collections.abc import Mapping
from dataclasses import dataclass

from mixtures.confirmation import Confirmation, Interval, NamedMixture, PromisedDifference
from mixtures.confirmation_found import Difference, Held, Told
from mixtures.paired import turned
from mixtures.paired_test import CONFIDENCE, PairedTest, holm, paired_test
from mixtures.study import StudySpec

LEVEL = 1 - CONFIDENCE


@dataclass(frozen=True, kw_only=True, slots=True)
class _Pair:
    """The first mixture's losses less the other's, by the seeds that both have."""

    other: NamedMixture
    by_seed: dict[int, float]
    test: PairedTest | None


def differences_of(
    study: StudySpec, asked: Confirmation, losses: Mapping[str, Mapping[int, float]]
) -> tuple[Difference, ...]:
    """The first mixture's objective less each other's, Holm over those that have a t test."""
    own, *others = asked.mixtures
    pairs = [_pair(study, losses[own.name], losses[other.name], other) for other in others]
    tested = [one.test.p_t for one in pairs if one.test is not None and one.test.p_t is not None]
    adjusted = iter(holm(tested))
    promised = {one.other: one for one in asked.differences}
    found = []
    for pair in pairs:
        has_p = pair.test is not None and pair.test.p_t is not None
        promise = next((promised[name] for name in pair.other.names if name in promised), None)
        found.append(_difference(study, own, pair, next(adjusted) if has_p else None, promise))
    return tuple(found)


def _pair(
    study: StudySpec, own: Mapping[int, float], theirs: Mapping[int, float], other: NamedMixture
) -> _Pair:
    by_seed = {s: own[s] - theirs[s] for s in study.seeds if s in own and s in theirs}
    test = paired_test(list(by_seed.values())) if by_seed else None
    return _Pair(other=other, by_seed=by_seed, test=test)


def _difference(
    study: StudySpec,
    own: NamedMixture,
    pair: _Pair,
    p_holm: float | None,
    promise: PromisedDifference | None,
) -> Difference:
    sign, test = study.objective.loss_sign, pair.test
    mean = sign * test.mean if test else None
    interval = signed(sign, test.interval) if test else None
    told: Told = "not told apart"
    if test is not None and p_holm is not None and p_holm <= LEVEL:
        told = "better" if test.mean < 0 else "worse"
    return Difference(
        one=own.name,
        other=pair.other.name,
        difference=mean,
        interval=interval,
        sd=test.sd if test else None,
        num_pairs=len(pair.by_seed),
        left_out=tuple(seed for seed in study.seeds if seed not in pair.by_seed),
        by_seed={seed: sign * value for seed, value in pair.by_seed.items()},
        p_t=test.p_t if test else None,
        p_holm=p_holm,
        p_sign_flip=test.p_sign_flip if test else None,
        told=told,
        promised=promise,
        is_promised_lead=_is_lead(sign, promise),
        held=held_by(promise.interval, mean, interval) if promise else None,
    )


def _is_lead(sign: float, promise: PromisedDifference | None) -> bool:
    """Whether the study said that the first is better, with an interval without zero."""
    if promise is None or promise.interval is None:
        return False
    return max(sign * end for end in promise.interval) < 0


def signed(sign: float, interval: Interval | None) -> Interval | None:
    """Turned, where there is one."""
    return None if interval is None else turned(sign, interval)


def held_by(promised: Interval | None, mean: float | None, found: Interval | None) -> Held | None:
    """Whether what was promised holds what was found; None where either is not known."""
    if promised is None or mean is None:
        return None
    low, high = promised
    if low <= mean <= high:
        return "inside"
    is_touched = found is not None and found[0] <= high and low <= found[1]
    return "overlaps" if is_touched else "outside"
