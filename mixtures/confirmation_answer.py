"""What fresh seeds say of what a study promised: who won, by how much, and was the interval honest.

Every difference is taken seed by seed: trials with one seed read each source in one order, so what
a seed does to all mixtures cancels (`paired_test.py`). The verdict goes by the t test after Holm's
adjustment over the differences from the mixture that is to be confirmed; the exact flips of signs
stand beside it, since eight seeds cannot bring theirs below .0078 and Holm over seven of them would
never find anything.
"""

from collections.abc import Mapping, Sequence

from mixtures.confirmation import Confirmation, NamedMixture
from mixtures.confirmation_differences import differences_of, held_by, signed
from mixtures.confirmation_found import (
    ConfirmationAnswer,
    Difference,
    MissingTrial,
    MixtureFound,
    StandingTrial,
    Verdict,
)
from mixtures.confirmation_winner import winner_of, winners_curse_of
from mixtures.confirmation_words import notes_of, sentences_of
from mixtures.mixture import Mixture, sft_share
from mixtures.observation import Observation, complete_observations, mixture_key
from mixtures.paired import MixtureTrials
from mixtures.paired_test import paired_test
from mixtures.rank import mixtures_of
from mixtures.study import StudySpec


def confirmation_answer(
    study: StudySpec,
    study_id: str,
    trials: Sequence[StandingTrial],
    observations: Sequence[Observation],
    others: Sequence[str] = (),
) -> ConfirmationAnswer:
    """Of a study with a `confirmation`; `trials` are all that it has, in whatever state.

    `others` are ids of further confirmations of the same study.
    """
    asked = study.confirmation
    assert asked is not None
    complete, left_out = complete_observations(study, observations)
    by_key = {one.key: one for one in mixtures_of(study, complete)}
    losses = {
        one.name: _by_seed(study, by_key.get(mixture_key(one.shares, one.factors)))
        for one in asked.mixtures
    }
    missing = _missing(study, asked, trials, losses)
    is_complete = not any(one.is_to_come for one in missing)
    mixtures = tuple(
        _mixture(study, one, by_key.get(mixture_key(one.shares, one.factors)), losses[one.name])
        for one in asked.mixtures
    )
    differences = differences_of(study, asked, losses)
    verdict = _verdict(differences, is_complete)
    winner = winner_of(study, losses)
    curse = winners_curse_of(study, asked, losses)
    answer = ConfirmationAnswer(
        id=study_id,
        asked=asked,
        others=tuple(others),
        metric=study.objective.metric,
        direction=study.objective.direction,
        seeds=study.seeds,
        is_complete=is_complete,
        num_trials=len(trials),
        num_complete=len(complete),
        mixtures=mixtures,
        differences=differences,
        winner=winner,
        winners_curse=curse,
        missing=missing,
        verdict=verdict,
        sentence="",
        notes=(),
    )
    first, *more = sentences_of(answer)
    return answer.model_copy(
        update={"sentence": first, "notes": (*more, *notes_of(answer), *left_out)}
    )


def _by_seed(study: StudySpec, trials: MixtureTrials | None) -> dict[int, float]:
    """Losses by those of the confirmation's seeds that have one."""
    found = trials.by_seed if trials is not None else {}
    return {seed: found[seed] for seed in study.seeds if seed in found}


def _missing(
    study: StudySpec,
    asked: Confirmation,
    trials: Sequence[StandingTrial],
    losses: Mapping[str, Mapping[int, float]],
) -> tuple[MissingTrial, ...]:
    standing = {(mixture_key(one.shares, one.factors), one.seed): one for one in trials}
    found = []
    for mixture in asked.mixtures:
        for seed in study.seeds:
            if seed in losses[mixture.name]:
                continue
            trial = standing.get((mixture_key(mixture.shares, mixture.factors), seed))
            found.append(
                MissingTrial(
                    mixture=mixture.name,
                    seed=seed,
                    trial_id=trial.trial_id if trial else None,
                    state=trial.state if trial else None,
                    message=trial.message if trial else None,
                )
            )
    return tuple(found)


def _mixture(
    study: StudySpec,
    mixture: NamedMixture,
    trials: MixtureTrials | None,
    losses: Mapping[int, float],
) -> MixtureFound:
    sign, promise = study.objective.loss_sign, mixture.promise
    test = paired_test(list(losses.values())) if losses else None
    mean = None if test is None else sign * test.mean
    interval = signed(sign, test.interval) if test else None
    return MixtureFound(
        names=mixture.names,
        shares=mixture.shares,
        sft_share=sft_share(Mixture(shares=mixture.shares), study.sources),
        factors=mixture.factors,
        promise=promise,
        num_seeds=len(losses),
        mean=mean,
        sd=test.sd if test else None,
        interval=interval,
        by_seed={seed: sign * loss for seed, loss in losses.items()},
        held=held_by(promise.interval, mean, interval),
        shortfall=shortfall_of(sign, promise.mean, mean),
        raw_shortfall=shortfall_of(sign, promise.raw_mean, mean),
        trial_ids=tuple(one.trial_id for one in trials.trials) if trials else (),
    )


def _verdict(differences: Sequence[Difference], is_complete: bool) -> Verdict:
    """By the leads that were promised, or by all differences where none was.

    Nothing is said before the last trial has ended: to look at each and stop at a good moment is to
    choose by luck again.
    """
    if not is_complete:
        return "undecided"
    leads = [one for one in differences if one.is_promised_lead] or list(differences)
    is_gone = any(
        one.is_promised_lead and one.told == "not told apart" and one.held == "outside"
        for one in differences
    )
    if is_gone or any(one.told == "worse" for one in differences):
        return "not confirmed"
    return "confirmed" if all(one.told == "better" for one in leads) else "undecided"


def shortfall_of(sign: float, promised: float | None, found: float | None) -> float | None:
    """How much worse than promised; below 0 it is better."""
    return None if promised is None or found is None else sign * (found - promised)
