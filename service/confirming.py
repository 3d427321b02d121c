"""Asks for a confirmation of a study and reads one: the route, the page and the CLI come here."""

from collections.abc import Sequence
from dataclasses import dataclass

from pydantic import Field, ValidationError

from db.confirmations import confirmations_of, largest_seed
from db.database import Session
from db.scores import observations
from db.studies import StoredStudy, UnknownStudy, get_study, has_study, insert_study, study_id_of
from db.trial_pages import all_trials
from db.trials import StoredTrial, UnknownTrial, get_trial, insert_trials
from mixtures.confirmation import (
    DEFAULT_SEEDS,
    LEAST_SEEDS,
    MOST_SEEDS,
    Confirmation,
    Promise,
)
from mixtures.confirmation_answer import confirmation_answer
from mixtures.confirmation_found import ConfirmationAnswer, StandingTrial
from mixtures.confirmation_plan import AlsoAsked, confirmation_of, confirming_study, fresh_seeds
from mixtures.design import first_trials
from mixtures.recommendation import NotEnoughTrials, Recommendation
from mixtures.study import StudySpec
from mixtures.study_answer import StudyAnswer
from mixtures.value import InvalidField, Value, canonical_json
from service.answers import ANSWER_SECONDS, Answers
from service.errors import BadInput
from service.fit import Fit

# More than the study's own mixtures; each costs a trial a seed.
_MOST_TRIALS, _MOST_STUDIES = 16, 8
# A seed is kept in 32 bits with sign.
_LARGEST_SEED = 2**31 - 1


class ConfirmationWish(Value):
    """How many fresh seeds, and which mixtures beside the recommended one, the raw top and the
    baselines: those of trials, and what other studies over the same sources recommend.
    """

    num_seeds: int = Field(default=DEFAULT_SEEDS, ge=LEAST_SEEDS, le=MOST_SEEDS)
    trials: tuple[str, ...] = Field(default=(), max_length=_MOST_TRIALS, description="ids")
    studies: tuple[str, ...] = Field(default=(), max_length=_MOST_STUDIES, description="ids")


class NoConfirmation(LookupError):
    """Nobody has asked for a confirmation of this study."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Asked:
    """A wish with all that it names; `fits` are of the study and of the others, in their order."""

    study: StoredStudy
    trials: tuple[tuple[StoredTrial, StoredStudy], ...]
    others: tuple[StoredStudy, ...]
    fits: tuple[Fit, ...]

    def answers(self, seconds: float = ANSWER_SECONDS) -> list[StudyAnswer]:
        """Without a session: a fit may take long. Raises FitNotReady and NotEnoughTrials."""
        found: list[StudyAnswer] = [fit.result(seconds) for fit in self.fits]
        for study, answer in zip((self.study, *self.others), found, strict=True):
            if answer.recommendation is None:
                raise NotEnoughTrials(f"{study.spec.name}: {answer.no_recommendation}")
        return found


def asked_of(
    session: Session, answers: Answers, study: StoredStudy, wish: ConfirmationWish
) -> Asked:
    """Raises BadInput where the wish names what is not there, or is of other data."""
    if study.spec.confirmation is not None:
        raise BadInput(
            "study_id", study.id, "this is a confirmation itself; ask for one of the study it is of"
        )
    trials: list[tuple[StoredTrial, StoredStudy]] = []
    others: list[StoredStudy] = []
    for index, trial_id in enumerate(dict.fromkeys(wish.trials)):
        trial = _trial(session, f"trials.{index}", trial_id)
        of = get_study(session, trial.study_id)
        _require_same_data(study, of, f"trials.{index}", trial_id)
        trials.append((trial, of))
    for index, study_id in enumerate(dict.fromkeys(wish.studies)):
        field = f"studies.{index}"
        try:
            of = get_study(session, study_id)
        except UnknownStudy as error:
            raise BadInput(field, study_id, "there is no such study") from error
        _require_same_data(study, of, field, study_id)
        others.append(of)
    fits = [answers.fit_of(session, one) for one in (study, *others)]
    return Asked(study=study, trials=tuple(trials), others=tuple(others), fits=tuple(fits))


def planned(asked: Asked, found: Sequence[StudyAnswer]) -> Confirmation:
    """What is to be confirmed, with what was promised of it. Raises BadInput."""
    own, *theirs = found
    also = [
        AlsoAsked(
            name=f"trial-{trial.id}"[:64],
            shares=trial.spec.mixture.shares,
            factors=trial.spec.factors if of.id == asked.study.id else {},
        )
        for trial, of in asked.trials
    ]
    for of, answer in zip(asked.others, theirs, strict=True):
        assert answer.recommendation is not None
        also.append(_recommended_by(of, answer.recommendation, asked.study))
    assert own.recommendation is not None
    try:
        return confirmation_of(
            asked.study.id, asked.study.spec, own.recommendation, own.leaderboard, also
        )
    except ValidationError as error:
        names = [one.name for one in also]
        raise BadInput("studies", names, error.errors()[0]["msg"]) from error


def _recommended_by(of: StoredStudy, found: Recommendation, study: StoredStudy) -> AlsoAsked:
    """What another study recommends, with its promise where it measures the same."""
    measures = [(one.spec.objective, one.spec.benchmarks) for one in (of, study)]
    promise = None
    if measures[0] == measures[1]:
        promise = Promise(mean=found.predicted_mean, interval=found.predicted_interval)
    return AlsoAsked(
        name=f"from-{of.spec.name}"[:64],
        shares=found.mixture.shares,
        factors={},
        promise=promise,
    )


def asked_before(
    session: Session, study_id: str, asked: Confirmation, num_seeds: int
) -> StoredStudy | None:
    """The same question of the same scores: then it is that one, whatever came of it."""
    for one in confirmations_of(session, study_id):
        before = one.spec.confirmation
        assert before is not None
        is_same = before.as_of == asked.as_of and _names(before) == _names(asked)
        if is_same and len(one.spec.seeds) == num_seeds:
            return one
    return None


def inserted(session: Session, asked: Asked, wanted: Confirmation, num_seeds: int) -> StoredStudy:
    """The follow-up study with its trials, on the data as the study found them.

    Seeds are fresh for every study that a mixture was chosen in, and for its confirmations.
    """
    study = asked.study
    chosen_in = [study, *(of for _, of in asked.trials), *asked.others]
    seen = {one.id for one in chosen_in}
    seen |= {one.id for of in chosen_in for one in confirmations_of(session, of.id)}
    spec = _spec(study.spec, wanted, fresh_seeds(largest_seed(session, seen), num_seeds))
    hashes = study.data_report["data_hashes"]
    study_id = study_id_of(spec, hashes)
    if not has_study(session, study_id):
        insert_study(session, study_id, spec, canonical_json(study.data_report))
        insert_trials(session, first_trials(spec, study_id, hashes))
        session.flush()
    return get_study(session, study_id)


def found_confirmation(session: Session, study: StoredStudy) -> ConfirmationAnswer:
    """Of a confirmation, or the newest one of a study; raises NoConfirmation."""
    asked = study.spec.confirmation
    of = study.id if asked is None else asked.study
    family = list(confirmations_of(session, of)) if of else []
    if asked is None:
        if not family:
            raise NoConfirmation(study.id)
        study = family[0]
    trials = [
        StandingTrial(
            trial_id=one.id,
            shares=one.shares,
            factors=one.factors,
            seed=one.seed,
            state=one.state,
            message=one.message,
        )
        for one in all_trials(session, study.id, study.spec)
    ]
    return confirmation_answer(
        study.spec,
        study.id,
        trials,
        observations(session, study.id, study.spec.objective.metric),
        [one.id for one in family if one.id != study.id],
    )


def confirmation_or_none(session: Session, study: StoredStudy) -> ConfirmationAnswer | None:
    """The same, for what is shown where there is one."""
    try:
        return found_confirmation(session, study)
    except NoConfirmation:
        return None


def _names(asked: Confirmation) -> list[tuple[tuple[str, ...], str]]:
    return [(one.names, canonical_json([one.shares, one.factors])) for one in asked.mixtures]


def _spec(study: StudySpec, asked: Confirmation, seeds: Sequence[int]) -> StudySpec:
    if seeds[-1] > _LARGEST_SEED:
        raise BadInput(
            "num_seeds", len(seeds), f"the study has used seed {seeds[0] - 1}; there is none above"
        )
    try:
        return confirming_study(study, asked, seeds)
    except ValidationError as error:
        cause = error.errors()[0].get("ctx", {}).get("error")
        message = str(cause or error.errors()[0]["msg"])
        field = cause.field if isinstance(cause, InvalidField) else "num_seeds"
        raise BadInput(
            "num_seeds" if field == "data_seeds" else field, len(seeds), message
        ) from error


def _trial(session: Session, field: str, trial_id: str) -> StoredTrial:
    try:
        return get_trial(session, trial_id)
    except UnknownTrial as error:
        raise BadInput(field, trial_id, "there is no such trial") from error


def _require_same_data(study: StoredStudy, other: StoredStudy, field: str, value: str) -> None:
    """Raises BadInput where a mixture of the other study would be of other sources here."""
    own = [source.name for source in study.spec.sources]
    theirs = [source.name for source in other.spec.sources]
    if sorted(own) != sorted(theirs):
        raise BadInput(field, value, f"it mixes {sorted(theirs)}; this study mixes {sorted(own)}")
    hashes, others = study.data_report["data_hashes"], other.data_report["data_hashes"]
    for name in own:
        key = f"sources.{name}"
        if hashes.get(key) != others.get(key):
            raise BadInput(field, value, f"its source {name} holds other data than this study's")
