"""A batch of wishes for trials: taken all or none, or each by itself, with what came of each."""

from collections.abc import Sequence
from dataclasses import dataclass

from fastapi.exceptions import RequestValidationError

from db.database import Session
from db.studies import StoredStudy, count_states
from db.trials import insert_trials, known_trials
from mixtures.design import trials_of_request
from mixtures.trial import TrialRequest, TrialSpec
from mixtures.value import InvalidField, Value, added
from service.errors import BadInput, BadItems, FieldError, field_error, field_errors


class ItemResult(Value):
    """What came of one wish: its trials and how many were new, or what is wrong with it."""

    trial_ids: tuple[str, ...] = ()
    num_new: int = 0
    errors: tuple[FieldError, ...] = ()


class Submitted(Value):
    """The trials asked for, and how many of them were not there before.

    `results` has one for each wish, in their order, where each was taken by itself.
    """

    trial_ids: tuple[str, ...]
    num_new: int
    results: tuple[ItemResult, ...] = added(())


@dataclass(frozen=True, slots=True)
class Wish:
    """One item: the trials that it stands for, or what is wrong with it."""

    specs: tuple[TrialSpec, ...] = ()
    errors: tuple[FieldError, ...] = ()

    @property
    def trial_ids(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(spec.trial_id for spec in self.specs))


def wishes(
    study: StoredStudy, requests: Sequence[TrialRequest | RequestValidationError], is_list: bool
) -> list[Wish]:
    """One for each request; fields are named from the body on, which is a list or one request."""
    found = []
    for index, request in enumerate(requests):
        if isinstance(request, RequestValidationError):
            found.append(Wish(errors=tuple(field_errors(request))))
            continue
        try:
            specs = trials_of_request(
                request, study.spec, study.id, study.data_report["data_hashes"]
            )
            found.append(Wish(specs=tuple(specs)))
        except InvalidField as error:
            at = f"{index}." if is_list else ""
            found.append(Wish(errors=(field_error(f"{at}{error.field}", error.value, str(error)),)))
    return found


def submit_all(session: Session, study: StoredStudy, given: Sequence[Wish]) -> Submitted:
    """All or none. Raises BadItems with what is wrong in any, BadInput over the budget."""
    if errors := [error for wish in given for error in wish.errors]:
        raise BadItems(errors)
    specs = [spec for wish in given for spec in wish.specs]
    num_new = insert_trials(session, specs)
    require_within_budget(session, study)
    return Submitted(
        trial_ids=tuple(dict.fromkeys(spec.trial_id for spec in specs)), num_new=num_new
    )


def submit_each(session: Session, study: StoredStudy, given: Sequence[Wish]) -> Submitted:
    """Each by itself, in their order: what is wrong, or over the budget, is left out and told."""
    known = known_trials(session, [name for wish in given for name in wish.trial_ids])
    most = study.spec.budget.max_trials
    left = most - sum(count_states(session, study.id).values())
    specs: list[TrialSpec] = []
    results = []
    for index, wish in enumerate(given):
        new = [name for name in wish.trial_ids if name not in known]
        errors = wish.errors
        if len(new) > max(left, 0):
            message = f"there is room for {max(left, 0)} more trials; extend the study"
            errors = (field_error(f"{index}", most, f"over budget.max_trials: {message}"),)
        if errors:
            results.append(ItemResult(errors=errors))
            continue
        left -= len(new)
        known.update(new)
        specs += wish.specs
        results.append(ItemResult(trial_ids=wish.trial_ids, num_new=len(new)))
    return Submitted(
        trial_ids=tuple(dict.fromkeys(spec.trial_id for spec in specs)),
        num_new=insert_trials(session, specs),
        results=tuple(results),
    )


def require_within_budget(
    session: Session, study: StoredStudy, way_out: str = "ask for fewer, or extend the study"
) -> None:
    """Raised inside the transaction, so that nothing of it stays."""
    num_trials = sum(count_states(session, study.id).values())
    most = study.spec.budget.max_trials
    if num_trials > most:
        raise BadInput(
            "budget.max_trials",
            most,
            f"the study would have {num_trials} trials; {way_out}",
        )
