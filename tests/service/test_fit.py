"""What whoever waits for a fit is told, where its process ends without an answer."""

import pytest

from service.fit import Fit, FitNotReady
from workers.pool import ChildEnded, ChildKilled


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (ChildKilled("killed"), "was killed, for want of memory perhaps; ask again"),
        (ChildEnded("ended"), "the controller ends; the fit of these 7 trials is made after its"),
    ],
)
def test_a_fit_that_ends_with_the_controller_is_not_said_to_want_memory(
    error: Exception, told: str
) -> None:
    fit = Fit(7)
    fit.future.set_exception(error)
    with pytest.raises(FitNotReady, match=told):
        fit.result(0)
