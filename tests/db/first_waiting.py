"""The trial whose turn it is, for tests of what waits."""

from sqlalchemy.orm import Session

from db.turns import first_specs, turns
from mixtures.trial import TrialSpec


def first_waiting(session: Session) -> TrialSpec | None:
    """What our own workers would start now; None where nothing waits for them."""
    found = turns(session)
    return first_specs(session, found[0], 1)[0] if found else None
