"""How often a trial is tried by itself, by what went wrong with it.

A trial is deterministic in its spec: a loss that was not finite once is so again, and so is an
error, so these are not tried twice. What the machine did to it may not happen again.
"""

from typing import Annotated

from pydantic import Field

from mixtures.value import Value

# Nothing runs for ever: each kind has an end.
_Attempts = Annotated[int, Field(ge=1, le=1000)]


class Retries(Value):
    """Attempts that may end in each way until the trial is FAILED. A user's `retry` begins anew.

    `lost`: with its worker or its machine. `out_of_memory`: others may have held the memory.
    `timeout`: a decay goes on from its checkpoint. `disk`: full, read-only or broken. What its user
    cancelled is never tried by itself; what a controller stopped in good order counts as nothing.
    """

    lost: _Attempts = 3
    out_of_memory: _Attempts = 2
    timeout: _Attempts = 2
    disk: _Attempts = 3
    not_finite: _Attempts = 1
    error: _Attempts = 1

    def allows(self, kind: str, num_failed: int) -> bool:
        """Whether a trial may be tried again of whose attempts `num_failed` have ended so."""
        most: int = getattr(self, kind)
        return num_failed < most
