"""The next trials of a study that searches, from the scores so far.

Candidates come from all over the space and are refined where the posterior is low
(`candidates.py`); `acquisition.py` chooses among them and the mixtures tried, which it may repeat
with another seed. A proposal keeps to a deadline: where time is short it takes the hyperparameters
of last time. Where there is nothing to learn from yet it fills the space, and says so.
"""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from mixtures.acquisition import choose, expected_regret
from mixtures.candidates import candidates
from mixtures.design import request_of
from mixtures.polytope import Array, Region
from mixtures.rank import Key, Observation, complete_observations, mixture_key
from mixtures.search_data import SearchData, search_data
from mixtures.search_gp import Posterior, posterior_of
from mixtures.space_filling import draw, named_rng, regions_of, space_filling
from mixtures.study import StudySpec
from mixtures.trial import TrialRequest
from mixtures.value import Value

# Above this a fit takes a part of the trials, and names it.
MOST_MIXTURES = 2_000
# Mixtures below which nothing is learned from them.
LEAST_MIXTURES = 4
# Seeds of one mixture, beyond which a further one says little.
MOST_SEEDS = 8
_POOL = 768
_LEADERS = 160
_STEPS = 30
# Nothing to gain: an expected regret below these parts of one trial's noise, of the scores' spread.
OF_NOISE, OF_SPREAD = 0.05, 0.003

Pending = Sequence[tuple[Mapping[str, float], int]]


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
                draw([region], num if region.dimension else 1, rng) for region in self.regions
            ]


def propose(
    study: StudySpec,
    observations: Sequence[Observation],
    pending: Pending,
    num: int,
    deadline_seconds: float = np.inf,
    memory: Memory | None = None,
) -> Proposal:
    """Up to `num` trials; `pending` are mixture and seed of those that wait or run."""
    assert study.search is not None
    started = time.monotonic()
    memory = memory or Memory()
    memory.prepare(study, study.search.seed)
    complete, _ = complete_observations(study, observations)
    data = search_data(study, complete, MOST_MIXTURES)
    if data is None or len(data.shares) < LEAST_MIXTURES:
        return fill(study, complete, pending, num, "too few mixtures have scores")
    rng = named_rng("propose", study.search.seed, len(complete), len(pending))
    left = deadline_seconds - (time.monotonic() - started)
    posterior = _posterior(data, memory, left)
    new = candidates(posterior, memory.regions, memory.pool, data.shares, rng)
    kept = _leaders(data, posterior, memory.regions)
    old = data.shares[kept]
    waiting = _rows(study, [shares for shares, _ in pending])
    points = np.concatenate([old, waiting, new])
    mean, covariance = posterior.mean(points), posterior.covariance(points)
    regret = expected_regret(mean, covariance, rng)
    stop = _why_stop(study, posterior, mean, regret)
    requests: tuple[TrialRequest, ...] = ()
    if stop is None:
        choice = choose(
            mean,
            covariance,
            posterior.noise_variance,
            num,
            pending=range(len(old), len(old) + len(waiting)),
            allowed=np.array(
                [
                    *(len(data.seeds[index]) < MOST_SEEDS for index in kept),
                    *(False for _ in waiting),
                    *(True for _ in new),
                ]
            ),
            is_repeat=np.arange(len(points)) < len(old),
        )
        wanted = [
            TrialRequest(shares=data.mixtures[kept[index]])
            if index < len(old)
            else request_of(study, points[index])
            for index in choice.indices
        ]
        requests = _seeded(study, wanted, complete, pending)
    return Proposal(
        requests=requests,
        chosen_by="search",
        stop=stop,
        expected_regret=regret,
        num_trials=len(complete),
        subset=data.subset,
    )


def fill(
    study: StudySpec, complete: Sequence[Observation], pending: Pending, num: int, why: str
) -> Proposal:
    """Mixtures far from all that were tried, without a look at any score."""
    assert study.search is not None
    tried = _rows(study, [*(one.shares for one in complete), *(shares for shares, _ in pending)])
    points = space_filling(regions_of(study), num, study.search.seed, tried)
    return Proposal(
        requests=_seeded(study, [request_of(study, row) for row in points], complete, pending),
        chosen_by=f"space_filling: {why}",
        num_trials=len(complete),
    )


def _leaders(data: SearchData, posterior: Posterior, regions: Sequence[Region]) -> list[int]:
    """Rows of the mixtures tried inside the space that could still be the best: the others would
    cost time in squares and change nothing.
    """
    inside = [
        row
        for row, shares in enumerate(data.shares)
        if any(region.contains(shares, 1e-5) for region in regions)
    ]
    mean = posterior.mean(data.shares[inside])
    return [inside[place] for place in np.sort(np.argsort(mean)[:_LEADERS])]


def _rows(study: StudySpec, mixtures: Sequence[Mapping[str, float]]) -> Array:
    names = [source.name for source in study.sources]
    found = [[shares.get(name, 0.0) for name in names] for shares in mixtures]
    return np.array(found).reshape(len(mixtures), len(names))


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


def _why_stop(study: StudySpec, posterior: Posterior, mean: Array, regret: float) -> str | None:
    search = study.search
    assert search is not None
    if search.stop_regret is not None and regret < search.stop_regret:
        return (
            f"the expected regret {regret:.3g} is below search.stop_regret {search.stop_regret:g}"
        )
    least = max(OF_NOISE * posterior.noise_variance**0.5, OF_SPREAD * float(np.ptp(mean)))
    if search.stops_early and regret < least:
        return (
            f"nothing is left to gain: the expected regret is {regret:.2g}, the noise of one trial "
            f"{posterior.noise_variance**0.5:.2g}"
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
    for shares, seed in (*((one.shares, one.seed) for one in complete), *pending):
        taken.setdefault(mixture_key(dict(shares)), set()).add(seed)
    found = []
    for request in requests:
        seeds = taken.setdefault(mixture_key(request.mixture(study.recipe).shares), set())
        order = (*study.seeds, *range(len(seeds) + 1))
        seed = next(one for one in order if one not in seeds)
        seeds.add(seed)
        found.append(request.model_copy(update={"seed": seed}))
    return tuple(found)
