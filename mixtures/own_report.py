"""What `decaymix fit` writes: recommendation.json, trials.csv and candidates.csv."""

import csv
import io
import json
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from mixtures.own_answer import OwnAnswer, Pool

# A stack's weights below this are not worth a word.
LEAST_WEIGHT = 0.005


def files_of(answer: OwnAnswer) -> dict[str, str]:
    """Name to content of every file."""
    files = {
        "recommendation.json": json.dumps(recommendation(answer), indent=2, allow_nan=False) + "\n",
        "trials.csv": _trials(answer),
    }
    if answer.of_candidates is not None:
        files["candidates.csv"] = _candidates(answer, answer.of_candidates)
    return files


def recommendation(answer: OwnAnswer) -> dict[str, Any]:
    """Means are of the noise-free objective, in its own direction; a regret is 0 or more."""
    pool, choice = answer.chosen_from, answer.chosen_from.best.choice
    return {
        "mixture": answer.mixture,
        "interval": {source: list(ends) for source, ends in answer.intervals.items()},
        "predicted_mean": float(answer.sign * pool.mean[choice]),
        "predicted_sd": float(pool.sd[choice]),
        "p_best": float(pool.best.p_best[choice]),
        "expected_regret": float(pool.best.expected_regret[choice]),
        "tie_group": answer.tie_group,
        "surrogate": surrogate_words(answer),
        "out_of_fold_spearman": answer.evidence.spearman,
        "enough_evidence": answer.evidence.is_enough,
        "data_warnings": [warning.as_json() for warning in answer.trials.warnings],
    }


def surrogate_words(answer: OwnAnswer) -> str:
    """`stack of gp .51, gp_additive .48, ridge .01`."""
    weights = answer.surrogate_weights
    if not weights:
        return "none: no metric moves"
    named = [f"{name} {w:.2f}" for name, w in weights.items() if w >= LEAST_WEIGHT]
    return f"stack of {', '.join(named)}"


def _trials(answer: OwnAnswer) -> str:
    """Best first; the raw mean is empty where a trial has no usable score."""
    pool = answer.of_trials
    raw = [answer.trials.objective.get(identity, ()) for identity in pool.ids]
    rows = [
        [
            pool.ids[row],
            repr(float(np.mean(raw[row]))) if raw[row] else "",
            *_posterior(answer, pool, row),
            int(pool.ranks[row]),
            "true" if pool.best.is_tied[row] else "false",
        ]
        for row in np.argsort(pool.ranks)
    ]
    return _csv(
        ["id", "raw_mean", "posterior_mean", "posterior_sd", "p_best", "rank", "tie_group"], rows
    )


def _candidates(answer: OwnAnswer, pool: Pool) -> str:
    rows = [
        [pool.ids[row], *_posterior(answer, pool, row), int(pool.ranks[row])]
        for row in np.argsort(pool.ranks)
    ]
    return _csv(["id", "posterior_mean", "posterior_sd", "p_best", "rank"], rows)


def _posterior(answer: OwnAnswer, pool: Pool, row: int) -> list[str]:
    values = (answer.sign * pool.mean[row], pool.sd[row], pool.best.p_best[row])
    return [repr(float(value)) for value in values]


def _csv(header: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(rows)
    return out.getvalue()
