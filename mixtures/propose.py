"""The next trials of a study that searches, from the scores so far.

Candidates come from all over the space and are refined where the posterior is low
(`candidates.py`); `acquisition.py` chooses among them and the mixtures tried, which it may repeat
with another seed, and shorter decays, where these tell more for their tokens (`search_points.py`).
A proposal keeps to a deadline: where time is short it takes the hyperparameters of last time. Where
there is nothing to learn from yet it fills the space, and says so.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from mixtures.acquisition import choose, expected_regret
from mixtures.design import request_of
from mixtures.factor_design import level_table
from mixtures.factor_levels import SHORT
from mixtures.observation import Key, Observation, complete_observations, mixture_key
from mixtures.polytope import Array, Region
from mixtures.search_data import SearchData, points_of, search_data
from mixtures.search_gp import Posterior, posterior_of
from mixtures.search_points import Pending, Points, held_in_turn, points_to_choose_from
from mixtures.space_filling import draw, named_rng, regions_of, space_filling
from mixtures.study import StudySpec
from mixtures.trial import TrialRequest
from mixtures.value import Value

# Above this a fit takes a part of the trials, and names it.
MOST_MIXTURES = 2_000
# Mixtures below which nothing is learned from them.
LEAST_MIXTURES = 4
_POOL = 768
_STEPS = 30
# Nothing to gain: an expected regret below these parts of one trial's noise, of the scores' spread.
OF_NOISE, OF_SPREAD = 0.05, 0.003


class Proposal(Value):
    """What to run next. `chosen_by` says how: `search`, or `space_filling` and why.

    `stop` is the reason to run nothing more; then there are no requests. `expected_regret` is what
    the mixture of lowest posterior mean is expected to lose to the best of the space, in units of
    the objective. `subset` names the trials that were fitted, where not all were.
    """

    requests: tuple[TrialRequest, ...]
    chosen_by: str
    stop: str | None = None
    expected_regret: float | None = None
    num_trials: int
    subset: str | None = None


@dataclass(slots=True)
class Memory:
    """What one proposal leaves for the next of its study: drawn mixtures, hyperparameters."""

    regions: list[Region] = field(default_factory=list)
    pool: list[Array] = field(default_factory=list)
    modes: dict[str, Array] = field(default_factory=dict)
    fit_seconds: float = 0.0

    def prepare(self, study: StudySpec, seed: int) -> None:
        if not self.regions:
            self.regions = regions_of(study)
            num = max(_POOL // len(self.regions), 64)
            rng = named_rng("pool", seed)
            self.pool = [
                draw([region], num if region.dimension or study.axes else 1, rng)
                for region in self.regions
            ]


def propose(
    study: StudySpec,
    observations: Sequence[Observation],
    pending: Pending,
    num: int,
    deadline_seconds: float = np.inf,
    memory: Memory | None = None,
) -> Proposal:
    """Up to `num` trials; `pending` are mixture, seed and levels of those that wait or run."""
    assert study.search is not None
    started = time.monotonic()
    memory = memory or Memory()
    memory.prepare(study, study.search.seed)
    complete, _ = complete_observations(study, observations, with_short=True)
    data = search_data(study, complete, MOST_MIXTURES)
    if data is None or np.sum(~data.layout.is_short(data.points)) < LEAST_MIXTURES:
        return fill(study, complete, pending, num, "too few mixtures have scores")
    rng = named_rng("propose", study.search.seed, len(complete), len(pending))
    left = deadline_seconds - (time.monotonic() - started)
    posterior = _posterior(data, memory, left)
    spaces = memory.regions, memory.pool
    regrets, stop = [], None
    requests: tuple[TrialRequest, ...] = ()
    for held in held_in_turn(study, data, pending):
        found = points_to_choose_from(study, data, posterior, spaces, held, pending, rng)
        mean, covariance = posterior.mean(found.points), posterior.covariance(found.points)
        counts = found.counts
        regrets.append(expected_regret(mean[counts], covariance[np.ix_(counts, counts)], rng))
        stop = _why_stop(study, posterior, found.points[counts], mean[counts], regrets[-1])
        if stop is None:
            wanted = _chosen(study, data, posterior, found, (mean, covariance), num)
            requests = _seeded(study, wanted, complete, pending)
            break
    return Proposal(
        requests=requests,
        chosen_by="search",
        stop=stop,
        expected_regret=max(regrets),
        num_trials=len(complete),
        subset=data.subset,
    )


def _chosen(
    study: StudySpec,
    data: SearchData,
    posterior: Posterior,
    found: Points,
    belief: tuple[Array, Array],
    num: int,
) -> list[TrialRequest]:
    is_short = data.layout.is_short(found.points)
    part = (study.short_tokens or 0) / study.decay.tokens
    choice = choose(
        *belief,
        posterior.noise_variance(found.points),
        num,
        pending=found.pending,
        allowed=found.allowed,
        is_repeat=found.is_repeat,
        counts=found.counts,
        cost=np.where(is_short, part, 1.0),
        trained=_has_run(found) if data.layout.has_short else None,
    )
    wanted = []
    for index in choice.indices:
        if index < len(found.kept):
            row = found.kept[index]
            wanted.append(TrialRequest(shares=data.mixtures[row], factors=data.factors[row]))
        else:
            wanted.append(_request_at(study, found.points[index], bool(is_short[index])))
    return wanted


def _has_run(found: Points) -> NDArray[np.bool_]:
    """Those tried before and those that run now."""
    rows = np.arange(len(found.points))
    return np.asarray(rows < found.pending.stop)


def _request_at(study: StudySpec, point: Array, is_short: bool) -> TrialRequest:
    """For a point (K + F,) of the search."""
    num = len(study.sources)
    levels = {axis.name: axis.decode(float(point[num + i])) for i, axis in enumerate(study.axes)}
    short = {SHORT: study.short_tokens} if is_short else {}
    return request_of(study, point[:num]).model_copy(update={"factors": {**levels, **short}})


def fill(
    study: StudySpec, complete: Sequence[Observation], pending: Pending, num: int, why: str
) -> Proposal:
    """Mixtures far from all that were tried, without a look at any score."""
    assert study.search is not None
    both = [(one.shares, one.factors) for one in complete]
    both += [(dict(shares), dict(levels)) for shares, _, levels in pending]
    tried = points_of(study, both)[:, : len(study.sources)]
    points = space_filling(regions_of(study), num, study.search.seed, tried)
    table = level_table(study.axes, points, study.search.seed + len(tried))
    requests = [
        request_of(study, row).model_copy(update={"factors": levels})
        for row, levels in zip(points, table, strict=True)
    ]
    return Proposal(
        requests=_seeded(study, requests, complete, pending),
        chosen_by=f"space_filling: {why}",
        num_trials=len(complete),
    )


def _posterior(data: SearchData, memory: Memory, seconds_left: float) -> Posterior:
    """With new hyperparameters where there is time, else with those of last time."""
    names = list(data.parts)
    started = time.monotonic()
    has_time = memory.fit_seconds < 0.5 * seconds_left or not memory.modes
    found = posterior_of(
        [data.parts[name] for name in names],
        [memory.modes.get(name) for name in names],
        max_steps=_STEPS if has_time else 0,
    )
    if has_time:
        memory.fit_seconds = time.monotonic() - started
    memory.modes = {name: part.mode for name, (_, part) in zip(names, found.parts, strict=True)}
    return found


def _why_stop(
    study: StudySpec, posterior: Posterior, points: Array, mean: Array, regret: float
) -> str | None:
    search = study.search
    assert search is not None
    noise_sd = float(posterior.noise_variance(points[:1])[0]) ** 0.5
    if search.stop_regret is not None and regret < search.stop_regret:
        return (
            f"the expected regret {regret:.3g} is below search.stop_regret {search.stop_regret:g}"
        )
    least = max(OF_NOISE * noise_sd, OF_SPREAD * float(np.ptp(mean)))
    if search.stops_early and regret < least:
        return (
            f"nothing is left to gain: the expected regret is {regret:.2g}, the noise of one trial "
            f"{noise_sd:.2g}"
        )
    return None


def _seeded(
    study: StudySpec,
    requests: Sequence[TrialRequest],
    complete: Sequence[Observation],
    pending: Pending,
) -> tuple[TrialRequest, ...]:
    """A new mixture with the study's first seed; an old one with the next that it has not had."""
    taken: dict[Key, set[int]] = {}
    for one in complete:
        taken.setdefault(one.key, set()).add(one.seed)
    for shares, seed, levels in pending:
        taken.setdefault(mixture_key(shares, levels), set()).add(seed)
    found = []
    for request in requests:
        key = mixture_key(request.mixture(study.recipe).shares, request.factors)
        seeds = taken.setdefault(key, set())
        order = (*study.seeds, *range(len(seeds) + 1))
        seed = next(one for one in order if one not in seeds)
        seeds.add(seed)
        found.append(request.model_copy(update={"seed": seed}))
    return tuple(found)
