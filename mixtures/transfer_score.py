"""The transfer score: a second objective, in which a benchmark counts as far as it is predictable.

What a surrogate cannot predict on mixtures that it has not seen is, at this size, mostly noise, and
noise does not carry over to a larger model. So each benchmark's weight is multiplied with its
out-of-fold R2, 0 where that is negative. On 460 published runs 256 mixtures ranked at 0.5B by the
mean of 17 scores agreed with 3B and 7B at .61 and .57 raw, at .68 and .62 by a posterior for each
benchmark, and at .71 and .68 with these weights (FACTS, section 6).

It is another objective and never replaces the study's own: its weights are chosen after scores were
seen, and a benchmark that one cares about may be one that a small model says nothing of.
"""

from collections.abc import Mapping, Sequence

from mixtures.named_objectives import objective_weights
from mixtures.objective import Objective
from mixtures.observation import Observation
from mixtures.rank import Leaderboard
from mixtures.rank_correlation import rank_correlation
from mixtures.recommendation import NotEnoughTrials
from mixtures.study import StudySpec
from mixtures.study_answer import answer_study
from mixtures.study_fits import StudyFits, fit_study
from mixtures.value import Name, Value

# Below this many mixtures an out-of-fold R2 is itself a rough number.
FEW_MIXTURES = 16


class BenchmarkTransfer(Value):
    """`weight` is the objective's, `transfer_weight` the transfer score's; each sums to 1.

    `r_squared` is None where the benchmark has one score at all mixtures.
    """

    benchmark: Name
    r_squared: float | None
    weight: float
    transfer_weight: float


class TransferObjective(Value):
    """The objective to rank by, and what it rests on.

    `agreement` is the rank correlation over the tried mixtures between the two weightings of what
    was measured, None where one of them is constant. `subset` names the mixtures that were fitted,
    where these are not all.
    """

    objective: Objective
    benchmarks: tuple[BenchmarkTransfer, ...]
    num_mixtures: int
    agreement: float | None
    surrogate: str
    as_of: str
    subset: str | None = None
    notes: tuple[str, ...]


def transfer_objective(study: StudySpec, observations: Sequence[Observation]) -> TransferObjective:
    """From the completed trials. Raises NotEnoughTrials, also where nothing is predictable."""
    return transfer_of(fit_study(study, observations))


def transfer_of(fits: StudyFits) -> TransferObjective:
    """The same, of surrogates that are there; their parts are the study's benchmarks."""
    own = objective_weights(fits.study, fits.parts)
    r_squared = {name: fits.of({name: 1.0}).r_squared for name in own}
    weights = transfer_weights(own, r_squared)
    if not weights:
        raise NotEnoughTrials(
            "no transfer score yet: left-out trials are predicted no better than by their mean on "
            "any benchmark that the objective weighs, so nothing says which of them carries over"
        )
    notes = list(fits.notes)
    silent = [name for name in own if name not in weights]
    if silent:
        notes.append(
            f"{', '.join(silent)}: predicted no better than by the mean, so of no weight here; the "
            "study's own objective weighs them still."
        )
    if len(fits.shares) < FEW_MIXTURES:
        notes.append(
            f"{len(fits.shares)} mixtures: an R2 from so few is rough, and these weights with it."
        )
    return TransferObjective(
        objective=fits.study.objective.model_copy(
            update={"weights": weights, "default_weight": 0.0}
        ),
        benchmarks=tuple(
            BenchmarkTransfer(
                benchmark=name,
                r_squared=r_squared[name],
                weight=own[name],
                transfer_weight=weights.get(name, 0.0),
            )
            for name in own
        ),
        num_mixtures=len(fits.shares),
        agreement=rank_correlation(fits.raw_of(own), fits.raw_of(weights)),
        surrogate=fits.surrogate,
        as_of=fits.as_of,
        subset=fits.subset,
        notes=tuple(notes),
    )


def transfer_leaderboard(
    study: StudySpec,
    observations: Sequence[Observation],
    available_tokens: Mapping[str, int] | None = None,
) -> Leaderboard:
    """The leaderboard of a study whose objective were the transfer score. Raises NotEnoughTrials.

    `available_tokens` are those of each source, as the trials found them.
    """
    transfer = transfer_objective(study, observations)
    by_transfer = study.model_copy(update={"objective": transfer.objective})
    board = answer_study(by_transfer, observations, available_tokens).leaderboard
    weights = ", ".join(f"{one.benchmark} {one.transfer_weight:.2f}" for one in transfer.benchmarks)
    words = (
        f"By the transfer score, not by the study's own objective: benchmarks weigh {weights}, as "
        "far as left-out trials are predicted on them."
    )
    return board.model_copy(
        update={"objective": "transfer", "notes": (words, *transfer.notes, *board.notes)}
    )


def transfer_weights(
    weights: Mapping[str, float], r_squared: Mapping[str, float | None]
) -> dict[str, float]:
    """Weight times R2, summing to 1, of those with an R2 above 0; empty where there is none."""
    scaled = {name: weight * max(r_squared[name] or 0.0, 0.0) for name, weight in weights.items()}
    total = sum(scaled.values())
    return {name: weight / total for name, weight in scaled.items() if weight > 0}
