"""Verdicts on a study's claims, with what its confirmation found where there is one."""

from collections.abc import Sequence

from db.database import Session
from db.studies import StoredStudy
from mixtures.claims import Claim
from mixtures.confirmation_found import ConfirmationAnswer
from mixtures.verdict import Verdict
from service.answers import ANSWER_SECONDS, Answers
from service.confirming import confirmation_or_none


def study_verdicts(
    answers: Answers,
    session: Session,
    study: StoredStudy,
    claims: Sequence[Claim] | None = None,
    seconds: float = ANSWER_SECONDS,
) -> tuple[Verdict, ...]:
    """On `claims`, or the study's own; raises FitNotReady where it takes longer."""
    asked = study.spec.claims if claims is None else tuple(claims)
    if not asked:
        return ()
    return answers.verdicts(session, study, asked, confirmation_of(session, study), seconds)


def confirmation_of(session: Session, study: StoredStudy) -> ConfirmationAnswer | None:
    """The newest one of the study that has scores; of a confirmation its own."""
    found = confirmation_or_none(session, study)
    return None if found is None or not found.num_complete else found
