"""The trial whose turn it is, for tests of what waits."""

from sqlalchemy.orm import Session

from db.turns import spec_at, turns
from mixtures.trial import TrialSpec


def first_waiting(session: Session) -> TrialSpec | None:
    """What our own workers would start now; None where nothing waits for them."""
    found = turns(session)
    return spec_at(session, found[0]) if found else None
