"""The first trials of a study: the sweep, its baselines and its seeds."""

from mixtures.study import StudySpec
from mixtures.trial import TrialRequest, TrialSpec


def first_trials(study: StudySpec, study_id: str, data_hashes: dict[str, str]) -> list[TrialSpec]:
    """Every share of the space and of the baselines, once with each seed.

    Seed by seed, and inside a seed from coarse to fine (`_coarse_to_fine`), so that a study that
    is watched, or stopped early, shows the whole curve before it refines it.
    """
    shares = _coarse_to_fine(sorted({*study.space.sft_share, *study.baselines.values()}))
    specs = []
    for seed in study.seeds:
        for share in shares:
            request = TrialRequest(sft_share=share, seed=seed)
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
