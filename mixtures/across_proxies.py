"""Whether a small proxy says what a larger one says, and what both say of the full model.

Studies that tried the same mixtures on models of different size are compared in pairs: how alike
they order the mixtures, and what it costs at the larger one to take the mixture that the smaller
one likes best. Figures from what was measured get an interval by resampling mixtures (bootstrap,
percentiles); figures from the posteriors get theirs from joint draws of both, which leave the noise
of single runs out.

From three sizes on the best SFT share is carried to the full model (`size_extrapolation.py`).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mixtures.fitted import Fitted
from mixtures.named_objectives import objective_weights
from mixtures.observation import Key, Observation, mixture_key
from mixtures.proxy import Proxy
from mixtures.rank_correlation import rank_correlation
from mixtures.recommendation import NotEnoughTrials
from mixtures.share_profiles import lowest_along, reference_profile
from mixtures.size_extrapolation import FEWEST_SIZES, Extrapolation, extrapolation_of
from mixtures.study import StudySpec
from mixtures.study_fits import StudyFits, fit_study
from mixtures.surrogates.seam import Array
from mixtures.value import InvalidField, Share, Value

Interval = tuple[float, float]
NUM_DRAWS, NUM_RESAMPLES, SEED = 2000, 2000, 0
# Fewer mixtures in common order each other by chance.
FEWEST_COMMON = 4
FULL_PARAMETERS = Proxy.model_validate("1.2b").num_non_embedding_parameters


@dataclass(frozen=True, kw_only=True, slots=True)
class ProxyStudy:
    """One study's trials and the size of the model that they trained, without its embedding."""

    id: str
    study: StudySpec
    observations: tuple[Observation, ...]
    parameters: int


class ProxyBest(Value):
    """One study. `lowest_point` is the 95 % credible interval of the best SFT share; both are None
    where the SFT share does not move.
    """

    study_id: str
    study: str
    proxy: str
    parameters: int
    num_mixtures: int
    best_sft_share: Share | None
    lowest_point: Interval | None


class ProxyPair(Value):
    """The smaller study against the larger one, on the mixtures that both tried.

    `spearman` is of what was measured, with a bootstrap interval; `posterior_spearman` of the
    noise-free objectives, by joint draws. `regret` is what the smaller one's choice loses at the
    larger one, in the objective's unit, 0 or more; `relative_regret` that over (median - best) of
    the larger one. `probability_same_best` is that its choice is the larger one's best.
    """

    smaller: str
    larger: str
    num_mixtures: int
    spearman: float | None
    spearman_interval: Interval | None
    posterior_spearman: float
    posterior_spearman_interval: Interval
    choice: dict[str, float]
    raw_regret: float
    regret: float
    regret_interval: Interval
    relative_regret: float | None
    probability_same_best: float


class AcrossProxies(Value):
    """Studies by size, smallest first. `no_extrapolation` says in words why there is none."""

    metric: str
    studies: tuple[ProxyBest, ...]
    pairs: tuple[ProxyPair, ...]
    extrapolation: Extrapolation | None
    no_extrapolation: str | None
    notes: tuple[str, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class _Fitted:
    given: ProxyStudy
    fits: StudyFits
    objective: Fitted
    raw: dict[Key, float]
    rows: dict[Key, int]
    best_sft_share: float | None
    lowest: Array | None  # (S,) draws of the best SFT share


def across_proxies(
    given: Sequence[ProxyStudy], full_parameters: int = FULL_PARAMETERS
) -> AcrossProxies:
    """Of two studies or more. Raises NotEnoughTrials where one has too few trials or two have
    fewer than FEWEST_COMMON mixtures in common, InvalidField where they are not of one question.
    """
    require_comparable(given)
    notes: list[str] = []
    fitted = [_fit(one, notes) for one in sorted(given, key=lambda one: (one.parameters, one.id))]
    pairs = [
        _pair(smaller, larger)
        for place, smaller in enumerate(fitted)
        for larger in fitted[place + 1 :]
    ]
    known = [(one.given.parameters, one.lowest) for one in fitted if one.lowest is not None]
    num_sizes = len({parameters for parameters, _ in known})
    why = None
    if num_sizes < FEWEST_SIZES:
        why = (
            f"{num_sizes} sizes with a best SFT share, expected {FEWEST_SIZES} or more: through "
            "two points there is always a line, and nothing says whether it goes on"
        )
    tokens = {one.study.decay.tokens for one in given}
    if len(tokens) > 1:
        notes.append(
            f"The studies decay on different numbers of tokens ({sorted(tokens)}): what differs "
            "between them is not the size alone."
        )
    return AcrossProxies(
        metric=given[0].study.objective.metric,
        studies=tuple(_best(one) for one in fitted),
        pairs=tuple(pairs),
        extrapolation=None if why else extrapolation_of(known, full_parameters),
        no_extrapolation=why,
        notes=tuple(notes),
    )


def require_comparable(given: Sequence[ProxyStudy]) -> None:
    """Raises InvalidField: fewer than two, one twice, other metrics, benchmarks or sources."""
    ids = [one.id for one in given]
    if len(given) < 2 or len(set(ids)) < len(ids):
        raise InvalidField("study", ids, "expected two different studies or more")
    first = given[0].study
    for one in given[1:]:
        for what, mine, other in (
            ("metric", first.objective.metric, one.study.objective.metric),
            ("sources", _sources(first), _sources(one.study)),
            ("weights of benchmarks", _weights(first), _weights(one.study)),
        ):
            if mine != other:
                raise InvalidField(
                    "study",
                    ids,
                    f"{one.id} has other {what} than {given[0].id} ({other}, not {mine}); only "
                    "studies of one question can be compared",
                )


def bootstrap_spearman(first: Array, second: Array) -> Interval | None:
    """95 % percentiles over mixtures drawn with replacement; None where nothing can be ordered."""
    rng = np.random.default_rng(SEED)
    found = []
    for _ in range(NUM_RESAMPLES):
        rows = rng.integers(len(first), size=len(first))
        rho = rank_correlation(first[rows], second[rows])
        if rho is not None:
            found.append(rho)
    if not found:
        return None
    low, high = np.quantile(found, [0.025, 0.975])
    return float(low), float(high)


def _fit(given: ProxyStudy, notes: list[str]) -> _Fitted:
    try:
        fits = fit_study(given.study, given.observations)
    except NotEnoughTrials as error:
        raise NotEnoughTrials(f"study {given.id}: {error}") from error
    notes += [f"{given.id}: {note}" for note in fits.notes]
    weights = objective_weights(given.study, fits.parts)
    objective = fits.of(weights)
    raw = fits.raw_of(weights)
    keys = [mixture_key(dict(zip(fits.sources, row, strict=True))) for row in fits.shares.tolist()]
    best_sft_share, lowest = None, None
    try:
        best = lowest_along(objective, reference_profile(fits, notes))
        best_sft_share, lowest = best.share, best.lowest_points
    except NotEnoughTrials as error:
        notes.append(f"{given.id}: {error}.")
    return _Fitted(
        given=given,
        fits=fits,
        objective=objective,
        raw=dict(zip(keys, raw.tolist(), strict=True)),
        rows={key: row for row, key in enumerate(keys)},
        best_sft_share=best_sft_share,
        lowest=lowest,
    )


def _pair(smaller: _Fitted, larger: _Fitted) -> ProxyPair:
    common = sorted(smaller.raw.keys() & larger.raw.keys())
    if len(common) < FEWEST_COMMON:
        raise NotEnoughTrials(
            f"studies {smaller.given.id} and {larger.given.id} have {len(common)} mixtures with "
            f"scores in common, expected {FEWEST_COMMON} or more"
        )
    raw = [np.array([one.raw[key] for key in common]) for one in (smaller, larger)]
    draws, means = [], []
    for seed, one in enumerate((smaller, larger)):
        shares = one.fits.shares[[one.rows[key] for key in common]]
        # Two studies' errors are independent: each draws from a seed of its own.
        draws.append(one.objective.draws(shares, NUM_DRAWS, SEED + seed))
        means.append(one.objective.joint(shares)[0])
    choice = int(np.argmin(means[0]))
    regret = draws[1][:, choice] - draws[1].min(axis=1)
    spearman = rank_correlation(raw[0], raw[1])
    truth = row_spearman(draws[0], draws[1])
    room = float(np.median(means[1]) - means[1].min())
    return ProxyPair(
        smaller=smaller.given.id,
        larger=larger.given.id,
        num_mixtures=len(common),
        spearman=spearman,
        spearman_interval=bootstrap_spearman(raw[0], raw[1]) if spearman is not None else None,
        posterior_spearman=float(truth.mean()),
        posterior_spearman_interval=_interval(truth),
        choice=dict(common[choice]),
        raw_regret=float(raw[1][np.argmin(raw[0])] - raw[1].min()),
        regret=float(regret.mean()),
        regret_interval=_interval(regret),
        relative_regret=float(regret.mean()) / room if room > 0 else None,
        probability_same_best=float(np.mean(regret <= 0)),
    )


def row_spearman(first: Array, second: Array) -> Array:
    """(S,) rank correlation of each row of `first` (S, P) with the same row of `second`."""
    # Not above: scipy.stats is 70 MB, which a controller at rest does without.
    from scipy.stats import rankdata

    a, b = (rankdata(one, axis=1) for one in (first, second))
    a, b = (one - one.mean(axis=1, keepdims=True) for one in (a, b))
    scale = np.sqrt((a**2).sum(axis=1) * (b**2).sum(axis=1))
    found: Array = (a * b).sum(axis=1) / np.where(scale > 0, scale, 1.0)
    return found


def _best(one: _Fitted) -> ProxyBest:
    return ProxyBest(
        study_id=one.given.id,
        study=one.given.study.name,
        proxy=(
            "outside" if one.given.study.trained_by == "outside" else one.given.study.proxy.title
        ),
        parameters=one.given.parameters,
        num_mixtures=len(one.fits.shares),
        best_sft_share=one.best_sft_share,
        lowest_point=None if one.lowest is None else _interval(one.lowest),
    )


def _sources(study: StudySpec) -> list[str]:
    return sorted(source.name for source in study.sources)


def _weights(study: StudySpec) -> dict[str, float]:
    names = [benchmark.name for benchmark in study.ranked_benchmarks]
    weights = objective_weights(study, names)
    return {name: round(weights[name], 9) for name in sorted(weights)}


def _interval(draws: Array) -> Interval:
    low, high = np.quantile(draws, [0.025, 0.975])
    return float(low), float(high)
