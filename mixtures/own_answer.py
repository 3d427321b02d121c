"""From a team's own trials to a recommendation: what draws of the calibrated surrogates say.

The recommendation is chosen from a pool: the candidates where there are any, else the tried
mixtures and the best points between them (`tried_region.py`). All draws come from one seed.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mixtures.best_of_pool import BestOfPool, best_of_pool, contenders, draw
from mixtures.fitted_subset import fitted_subset
from mixtures.own_evidence import OwnEvidence, evidence_of
from mixtures.own_objective import fit_objective, outliers, without_outliers
from mixtures.own_tables import BadTable, Mixtures
from mixtures.own_trials import OwnTrials
from mixtures.row_posterior import TOP_K, probability_in_top
from mixtures.surrogates.objective_fit import ObjectiveFit
from mixtures.surrogates.seam import Array, Rows
from mixtures.tried_region import Allowed, best_of_region, contenders_of_region

# A stack's weights below this are not worth a word.
LEAST_WEIGHT = 0.005


@dataclass(frozen=True, kw_only=True, slots=True)
class Pool:
    """Mixtures that are compared with each other; means and sds of the noise-free loss."""

    ids: tuple[str, ...]
    shares: Array  # (P, K)
    mean: Array
    sd: Array
    best: BestOfPool
    top_k: Array  # probability of being among the TOP_K best
    clearest: float  # the most sds that one lies behind the choice

    @property
    def contenders(self) -> Rows:
        """Those that may be among the TOP_K best, by which all were compared; the choice first."""
        return contenders(self.mean, self.sd, TOP_K)

    @property
    def tie_ids(self) -> list[str]:
        """Most probable first."""
        tied = np.flatnonzero(self.best.is_tied).tolist()
        tied.sort(key=lambda row: (-self.best.p_best[row], self.mean[row]))
        return [self.ids[row] for row in tied]

    @property
    def ranks(self) -> Array:
        """(P,) from 1, by posterior mean."""
        ranks = np.empty(len(self.ids), dtype=int)
        ranks[np.argsort(self.mean, kind="stable")] = np.arange(1, len(self.ids) + 1)
        return ranks


@dataclass(frozen=True, kw_only=True, slots=True)
class OwnAnswer:
    """`sign` times a loss is the objective as the team measures it. The tie group is of the
    candidates where there are any, else of the trials.
    """

    trials: OwnTrials
    sign: float
    fit: ObjectiveFit
    of_trials: Pool
    of_candidates: Pool | None
    chosen_from: Pool
    evidence: OwnEvidence
    subset: str | None = None  # what was fitted, where that is not all

    @property
    def tie_group(self) -> list[str]:
        return (self.of_candidates or self.of_trials).tie_ids

    @property
    def mixture(self) -> dict[str, float]:
        chosen = self.chosen_from.shares[self.chosen_from.best.choice]
        return dict(zip(self.trials.sources, chosen.tolist(), strict=True))

    @property
    def intervals(self) -> dict[str, tuple[float, float]]:
        """Per source where the best mixture lies in 95 % of the draws; the choice is inside."""
        pool = self.chosen_from
        chosen = pool.shares[pool.best.choice]
        low, high = np.quantile(pool.shares[pool.best.best], [0.025, 0.975], axis=0)
        return {
            source: (float(min(low[k], chosen[k])), float(max(high[k], chosen[k])))
            for k, source in enumerate(self.trials.sources)
        }

    @property
    def surrogate_weights(self) -> dict[str, float]:
        """Mean over the metrics of each surrogate's weight in the stack, largest first."""
        if not self.fit.stacks:
            return {}
        mean = np.mean([stack.weights for stack in self.fit.stacks], axis=0)
        pairs = zip(self.fit.stacks[0].names, mean.tolist(), strict=True)
        return dict(sorted(pairs, key=lambda pair: -pair[1]))


def answer_own(
    trials: OwnTrials,
    *,
    is_loss: bool,
    candidates: Mixtures | None,
    num_samples: int,
    seed: int,
    is_allowed: Allowed | None = None,
) -> OwnAnswer:
    """Raises BadTable where too few mixtures have scores to leave any out.

    `is_allowed`, a mask of (P, K) mixtures, says which may be recommended; BadTable where none of
    the tried ones may.
    """
    sign = 1.0 if is_loss else -1.0
    trials, subset = fitted_subset(trials, sign, seed)
    fit = fit_objective(trials, sign, seed)
    far = outliers(fit)
    if far:
        trials = without_outliers(trials, far)
        fit = fit_objective(trials, sign, seed)

    rng = np.random.default_rng([seed, 1])
    ids, own = tuple(trials.point_of), trials.shares[list(trials.point_of.values())]
    of_trials = compare(fit, ids, own, num_samples, rng)
    of_candidates = None
    if candidates is not None:
        of_candidates = compare(fit, candidates.ids, candidates.shares, num_samples, rng)
        chosen_from = of_candidates
    else:
        rows = _worth_a_look(of_trials, np.isfinite(fit.targets), trials)
        ids, own = tuple(ids[row] for row in rows), own[rows]
        chosen_from = _region_pool(trials, fit, ids, own, num_samples, seed, rng, is_allowed)
    tied = of_candidates or of_trials
    return OwnAnswer(
        trials=trials,
        sign=sign,
        fit=fit,
        of_trials=of_trials,
        of_candidates=of_candidates,
        chosen_from=chosen_from,
        evidence=evidence_of(fit, int(tied.best.is_tied.sum()), len(tied.ids), tied.clearest),
        subset=subset,
    )


def _worth_a_look(of_trials: Pool, is_fitted: NDArray[np.bool_], trials: OwnTrials) -> Rows:
    """Rows of the trials' pool that may be the best, and those that were fitted: where only a part
    of them was, looking again and again at all of 50,000 took minutes.
    """
    fitted = is_fitted[list(trials.point_of.values())]
    return np.union1d(np.flatnonzero(fitted), of_trials.contenders)


def _region_pool(
    trials: OwnTrials,
    fit: ObjectiveFit,
    ids: tuple[str, ...],
    own: Array,
    num_samples: int,
    seed: int,
    rng: np.random.Generator,
    is_allowed: Allowed | None,
) -> Pool:
    """The tried mixtures that may be recommended, the best between them, and what else there may be
    the best."""
    tried = trials.shares[np.isfinite(fit.targets)]
    if is_allowed is not None:
        may = is_allowed(own)
        ids, own = tuple(np.array(ids)[may].tolist()), own[may]
        if not len(own) or not is_allowed(tried).any():
            raise BadTable("no mixture that was tried keeps the rules of the space")
    between = best_of_region(fit, tried, np.random.default_rng([seed, 2]), is_allowed)
    others = contenders_of_region(
        fit, between[0], tried, np.random.default_rng([seed, 7]), is_allowed
    )
    between = np.vstack([between, others])
    names = (*ids, *(f"between trials {i}" for i in range(len(between))))
    return compare(fit, names, np.vstack([own, between]), num_samples, rng)


def compare(
    fit: ObjectiveFit,
    ids: Sequence[str],
    shares: Array,
    num_samples: int,
    rng: np.random.Generator,
) -> Pool:
    """The pool of these mixtures, compared by `num_samples` joint draws."""
    mean, sd = fit.predict(shares)
    drawn = contenders(mean, sd, TOP_K)
    draws = draw(*fit.joint(shares[drawn]), num_samples, rng, fit.calibration.df)
    behind = draws - draws[:, [0]]
    spread = behind.std(axis=0)
    sds = behind.mean(axis=0)[spread > 0] / spread[spread > 0]
    return Pool(
        ids=tuple(ids),
        shares=shares,
        mean=mean,
        sd=sd,
        best=best_of_pool(mean, draws, drawn),
        top_k=probability_in_top(draws, drawn, len(ids), TOP_K),
        clearest=float(sds.max(initial=0.0)),
    )


def surrogate_words(answer: OwnAnswer) -> str:
    """`stack of gp .51, gp_additive .48, ridge .01`."""
    weights = answer.surrogate_weights
    if not weights:
        return "none: no metric moves"
    named = [f"{name} {w:.2f}" for name, w in weights.items() if w >= LEAST_WEIGHT]
    return f"stack of {', '.join(named)}"
