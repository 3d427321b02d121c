"""The first trials of a study: a sweep, or mixtures that fill the space; baselines; repeats."""

from collections.abc import Sequence

import numpy as np

from mixtures.polytope import Array
from mixtures.space_filling import regions_of, space_filling
from mixtures.study import StudySpec
from mixtures.trial import TrialRequest, TrialSpec

_DIGITS = 6


def first_trials(study: StudySpec, study_id: str, data_hashes: dict[str, str]) -> list[TrialSpec]:
    """Of a sweep: every share of the space and of the baselines, once with each seed.

    Seed by seed, and inside a seed from coarse to fine (`_coarse_to_fine`), so that a study that
    is watched, or stopped early, shows the whole curve before it refines it. Of any other space:
    the baselines, then mixtures that fill it, coarse to fine too, once; then repeats of some.
    """
    requests = _sweep(study) if study.space.is_sweep else _filling(study)
    specs = []
    for request in requests:
        specs += trials_of_request(request, study, study_id, data_hashes)
    return specs


def trials_of_request(
    request: TrialRequest, study: StudySpec, study_id: str, data_hashes: dict[str, str]
) -> list[TrialSpec]:
    """One spec for each seed asked for; raises InvalidField where the mixture does not fit."""
    mixture = request.mixture(study.recipe)
    seeds = study.seeds if request.seed is None else (request.seed,)
    return [
        TrialSpec(
            study_id=study_id,
            recipe=study.recipe,
            data_hashes=data_hashes,
            mixture=mixture,
            decay=study.decay,
            full_run=study.full_run,
            seed=seed,
            resources=study.resources,
            keep_weights=study.keeps_weights,
        )
        for seed in seeds
    ]


def _sweep(study: StudySpec) -> list[TrialRequest]:
    shares = _coarse_to_fine(sorted({*study.space.sft_share, *study.baselines.values()}))
    current = study.current_mixture
    return [
        request
        for seed in study.seeds
        for request in (
            *(TrialRequest(sft_share=share, seed=seed) for share in shares),
            *([] if current is None else [TrialRequest(shares=current, seed=seed)]),
        )
    ]


def _filling(study: StudySpec) -> list[TrialRequest]:
    """Each mixture with the first seed; then `num_repeated` of them with each further seed.

    Baselines are repeated first, in turn with mixtures of the space, because noise depends on the
    mixture, and a comparison is worth what is known of both sides.
    """
    baselines = _each_once(
        study, [TrialRequest(shares=one.shares) for one in study.baseline_mixtures.values()]
    )
    points = space_filling(regions_of(study), study.num_design_mixtures, study.design.seed)
    mixtures = _each_once(study, [*baselines, *(request_of(study, row) for row in points)])
    turns = _in_turn(baselines, mixtures[len(baselines) :])
    seeds, repeated = study.seeds, turns[: study.design.num_repeated]
    return [
        request.model_copy(update={"seed": seed})
        for seed, requests in ((seeds[0], mixtures), *((seed, repeated) for seed in seeds[1:]))
        for request in requests
    ]


def request_of(study: StudySpec, point: Array) -> TrialRequest:
    """A request for the mixture (n,) in six digits, which a person can write down.

    Each group's sum is rounded first and its largest share takes what the others leave, so that an
    SFT share of 0.6 stays one. Where the space is a line, it is asked for by its SFT share.
    """
    is_sft = np.array([source.kind == "sft" for source in study.sources])
    sft = round(float(point[is_sft].sum()), _DIGITS)
    if study.space.is_line:
        return TrialRequest(sft_share=sft)
    shares = np.zeros(len(point))
    for members, total in ((is_sft, sft), (~is_sft, round(1 - sft, _DIGITS))):
        if members.any():
            shares[members] = _rounded(point[members], total)
    names = [source.name for source in study.sources]
    return TrialRequest(shares=dict(zip(names, shares.tolist(), strict=True)))


def _rounded(shares: Array, total: float) -> Array:
    found = np.round(np.clip(shares, 0.0, 1.0), _DIGITS)
    largest = int(np.argmax(found))
    found[largest] = 0.0
    found[largest] = max(0.0, round(total - float(found.sum()), _DIGITS))
    return np.asarray(found)


def _each_once(study: StudySpec, requests: Sequence[TrialRequest]) -> list[TrialRequest]:
    """The first of those that ask for one mixture."""
    found: dict[str, TrialRequest] = {}
    for request in requests:
        found.setdefault(request.mixture(study.recipe).canonical(), request)
    return list(found.values())


def _in_turn(first: Sequence[TrialRequest], second: Sequence[TrialRequest]) -> list[TrialRequest]:
    pairs = [list(pair) for pair in zip(first, second, strict=False)]
    short = min(len(first), len(second))
    return [*(one for pair in pairs for one in pair), *first[short:], *second[short:]]


def _coarse_to_fine(ordered: list[float]) -> list[float]:
    """Ends first, then the middle, then the middles of the halves: a breadth-first bisection."""
    picked = [0, len(ordered) - 1]
    gaps = [(0, len(ordered) - 1)]
    while gaps:
        low, high = gaps.pop(0)
        if high - low > 1:
            middle = (low + high) // 2
            picked.append(middle)
            gaps += [(low, middle), (middle, high)]
    return [ordered[index] for index in dict.fromkeys(picked)]
