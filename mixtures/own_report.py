"""What `decaymix fit` writes: recommendation.json, trials.csv and candidates.csv."""

import csv
import io
import json
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from mixtures.choice_rule import ChoiceRule
from mixtures.csv_cell import guarded
from mixtures.own_answer import OwnAnswer, Pool, surrogate_words
from mixtures.own_transfer import OwnTransfer, own_transfer, transfer_ranks
from mixtures.own_trials import DataWarning

# Beside what was agreed on, at the end of each table.
TRANSFER_COLUMNS = ("transfer_mean", "transfer_rank")


def files_of(answer: OwnAnswer, choice_rule: ChoiceRule = "lowest_mean") -> dict[str, str]:
    """Name to content of every file; `choice_rule` is the one by which `answer` has its choice."""
    transfer = own_transfer(answer)
    found = {
        **recommendation(answer),
        "transfer": _transfer(answer, transfer),
        "choice_rule": choice_rule,
    }
    files = {
        "recommendation.json": json.dumps(found, indent=2, allow_nan=False) + "\n",
        "trials.csv": _trials(answer, transfer),
    }
    if answer.of_candidates is not None:
        files["candidates.csv"] = _candidates(answer, answer.of_candidates, transfer)
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
        "data_warnings": [*_subset(answer), *(one.as_json() for one in answer.trials.warnings)],
    }


def _transfer(answer: OwnAnswer, transfer: OwnTransfer | None) -> dict[str, Any] | None:
    """The second objective: its weights, and the best of what was compared by its mean."""
    if transfer is None:
        return None
    pool = answer.of_candidates or answer.of_trials
    means = transfer.means(pool.shares)
    best = int(np.argmin(transfer.sign * means))
    return {
        "weights": transfer.weights,
        "r_squared": transfer.r_squared,
        "best": pool.ids[best],
        "predicted_mean": float(means[best]),
    }


def _subset(answer: OwnAnswer) -> list[dict[str, str | float | None]]:
    """That not all trials were fitted, and which were."""
    if answer.subset is None:
        return []
    words = f"too many mixtures to fit: fitted to {answer.subset}"
    return [DataWarning(id=None, column="(all)", reason=words).as_json()]


def _trials(answer: OwnAnswer, transfer: OwnTransfer | None) -> str:
    """Best first; the raw mean is empty where a trial has no usable score."""
    pool = answer.of_trials
    extra = _transfer_columns(pool, transfer)
    raw = [answer.trials.objective.get(identity, ()) for identity in pool.ids]
    rows = [
        [
            pool.ids[row],
            repr(float(np.mean(raw[row]))) if raw[row] else "",
            *_posterior(answer, pool, row),
            int(pool.ranks[row]),
            "true" if pool.best.is_tied[row] else "false",
            *extra[row],
        ]
        for row in np.argsort(pool.ranks)
    ]
    header = ["id", "raw_mean", "posterior_mean", "posterior_sd", "p_best", "rank", "tie_group"]
    return _csv([*header, *TRANSFER_COLUMNS], rows)


def _candidates(answer: OwnAnswer, pool: Pool, transfer: OwnTransfer | None) -> str:
    extra = _transfer_columns(pool, transfer)
    rows = [
        [pool.ids[row], *_posterior(answer, pool, row), int(pool.ranks[row]), *extra[row]]
        for row in np.argsort(pool.ranks)
    ]
    header = ["id", "posterior_mean", "posterior_sd", "p_best", "rank"]
    return _csv([*header, *TRANSFER_COLUMNS], rows)


def _transfer_columns(pool: Pool, transfer: OwnTransfer | None) -> list[list[str]]:
    """Of each row of the pool: mean and rank by the transfer score, empty where there is none."""
    if transfer is None:
        return [["", ""] for _ in pool.ids]
    means = transfer.means(pool.shares)
    ranks = transfer_ranks(means, transfer.sign)
    return [[repr(float(mean)), str(rank)] for mean, rank in zip(means, ranks, strict=True)]


def _posterior(answer: OwnAnswer, pool: Pool, row: int) -> list[str]:
    values = (answer.sign * pool.mean[row], pool.sd[row], pool.best.p_best[row])
    return [repr(float(value)) for value in values]


def _csv(header: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(header)
    writer.writerows([guarded(cell) for cell in row] for row in rows)
    return out.getvalue()
