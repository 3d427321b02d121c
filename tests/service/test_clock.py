"""A clock that is set is noticed; time that passes is not a jump."""

from service.clock import Clock


class Hands:
    """Two clocks that a test moves."""

    def __init__(self) -> None:
        self.time_of_day, self.counted = 1_000_000.0, 50.0

    def wait(self, seconds: float) -> None:
        self.time_of_day += seconds
        self.counted += seconds


def test_only_a_clock_that_is_set_jumps() -> None:
    hands = Hands()
    clock = Clock(lambda: hands.time_of_day, lambda: hands.counted)
    hands.wait(3600.0)
    assert clock.jumped_seconds() == 0.0
    hands.time_of_day += 86_400.0
    hands.wait(1.0)
    assert clock.jumped_seconds() == 86_400.0
    assert clock.jumped_seconds() == 0.0
    hands.time_of_day -= 7200.0
    assert clock.jumped_seconds() == -7200.0
    # Drawn right by less than a busy machine is late.
    hands.time_of_day += 1.0
    assert clock.jumped_seconds() == 0.0
