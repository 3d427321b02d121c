"""The first trials of a study: a sweep, or mixtures that fill the space; baselines; repeats."""

from collections.abc import Sequence

import numpy as np

from mixtures.confirmation import Confirmation
from mixtures.design_size import num_short_design
from mixtures.factor_design import level_table
from mixtures.factor_levels import (
    MATCHED,
    SHORT,
    at_levels,
    levels_for_baselines,
    levels_of_request,
)
from mixtures.factors import combinations
from mixtures.polytope import Array
from mixtures.space_filling import regions_of, space_filling
from mixtures.study import StudySpec
from mixtures.trial import TrialRequest, TrialSpec
from mixtures.value import canonical_json

_DIGITS = 6


def first_trials(study: StudySpec, study_id: str, data_hashes: dict[str, str]) -> list[TrialSpec]:
    """Of a sweep: every share of the space and of the baselines, once with each seed.

    Seed by seed, and inside a seed from coarse to fine (`_coarse_to_fine`), so that a study that
    is watched, or stopped early, shows the whole curve before it refines it; each share at every
    combination of the factors' levels. Of any other space: the baselines, then mixtures that fill
    it, coarse to fine too, once; some are repeated before the rest, because until there is noise
    to go by, nothing can be read from a score. Levels are balanced over the mixtures. Of a
    confirmation: the mixtures that it names, seed by seed.
    """
    if study.confirmation is not None:
        requests = _confirming(study, study.confirmation)
    else:
        requests = _sweep(study) if study.space.is_sweep else _filling(study)
    specs = []
    for request in requests:
        specs += trials_of_request(request, study, study_id, data_hashes)
    return specs


def trials_of_request(
    request: TrialRequest, study: StudySpec, study_id: str, data_hashes: dict[str, str]
) -> list[TrialSpec]:
    """One spec for each seed asked for; raises InvalidField where the mixture or a level does not
    fit.
    """
    mixture = request.mixture(study.recipe)
    levels = levels_of_request(study, request.factors)
    recipe, decay = at_levels(study.recipe, study.decay, levels, study.proxies)
    seeds = study.seeds if request.seed is None else (request.seed,)
    return [
        TrialSpec(
            study_id=study_id,
            recipe=recipe,
            data_hashes=data_hashes,
            mixture=mixture,
            decay=decay,
            full_run=study.full_run if levels.get(MATCHED, True) else None,
            seed=seed,
            resources=study.resources,
            keep_weights=study.keeps_weights_of(recipe.proxy),
            factors=levels,
            data_seed=study.data_seed_of(seed),
        )
        for seed in seeds
    ]


def _confirming(study: StudySpec, asked: Confirmation) -> list[TrialRequest]:
    return [
        TrialRequest(shares=one.shares, seed=seed, factors=one.factors)
        for seed in study.seeds
        for one in asked.mixtures
    ]


def _sweep(study: StudySpec) -> list[TrialRequest]:
    shares = _coarse_to_fine(sorted({*study.space.sft_share, *study.baselines.values()}))
    current = study.current_mixture
    mixtures = [
        *(TrialRequest(sft_share=share) for share in shares),
        *([] if current is None else [TrialRequest(shares=current)]),
    ]
    return [
        request.model_copy(update={"seed": seed, "factors": levels})
        for seed in study.seeds
        for request in mixtures
        for levels in combinations(study.axes)
    ]


def _filling(study: StudySpec) -> list[TrialRequest]:
    """Baselines and the mixtures to be repeated, their repeats, then all other mixtures; before
    these the same as short decays, where the search may take such.

    Baselines are repeated first, in turn with mixtures of the space, because noise depends on the
    mixture, and a comparison is worth what is known of both sides.
    """
    baselines = _each_once(
        study,
        [
            TrialRequest(shares=one.shares, factors=levels)
            for levels in levels_for_baselines(study)
            for one in study.baseline_mixtures.values()
        ],
    )
    points = space_filling(regions_of(study), study.num_design_mixtures, study.design.seed)
    table = level_table(study.axes, points, study.design.seed)
    filling = [
        request_of(study, row).model_copy(update={"factors": levels})
        for row, levels in zip(points, table, strict=True)
    ]
    mixtures = _each_once(study, [*baselines, *filling])
    turns = _in_turn(baselines, mixtures[len(baselines) :])
    repeated = turns[: study.design.num_repeated]
    early = [*baselines, *(request for request in repeated if request not in baselines)]
    late = [request for request in mixtures if request not in early]
    first, *further = study.seeds
    short = [
        request.model_copy(update={"factors": {**request.factors, SHORT: study.short_tokens}})
        for request in filling[: num_short_design(study)]
    ]
    return [
        request.model_copy(update={"seed": seed})
        for seed, requests in (
            (first, early),
            *((seed, repeated) for seed in further),
            (first, [*short, *late]),
        )
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
    """The first of those that ask for one mixture at one level of each factor."""
    found: dict[str, TrialRequest] = {}
    for request in requests:
        levels = canonical_json(request.factors)
        found.setdefault(request.mixture(study.recipe).canonical() + levels, request)
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
