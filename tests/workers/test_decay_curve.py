"""A learning curve in few points; throughput beside it, in memory that stays bounded."""

import pytest

from mixtures.trial import CurvePoint
from workers.decay_curve import Pace, thinned


def curve_of(losses: list[float]) -> tuple[CurvePoint, ...]:
    return tuple(
        CurvePoint(tokens=10 * (i + 1), loss=loss, learning_rate=1.0 / (i + 1))
        for i, loss in enumerate(losses)
    )


def test_a_short_curve_is_left_alone() -> None:
    curve = curve_of([3.0, 2.0, 1.0])
    assert thinned(curve, most=3) == curve


def test_a_long_curve_keeps_its_ends_and_runs_the_rest_together() -> None:
    found = thinned(curve_of([9.0, 1.0, 3.0, 5.0, 7.0, 0.5]), most=4)
    # Steps 2 and 3, then 4 and 5: told by their last step, with their mean loss.
    assert [(p.tokens, p.loss) for p in found] == [(10, 9.0), (30, 2.0), (50, 6.0), (60, 0.5)]
    assert found[1].learning_rate == 1 / 3


@pytest.mark.parametrize("num", [501, 1_000, 1_499, 12_345])
def test_no_curve_has_more_points_than_allowed(num: int) -> None:
    found = thinned(curve_of([1.0] * num))
    assert 250 < len(found) <= 500
    assert [p.tokens for p in found] == sorted({p.tokens for p in found})


def test_rates_are_tokens_over_seconds_between_notes() -> None:
    pace = Pace()
    for tokens, now in ((100, 5.0), (300, 6.0), (400, 8.0)):
        pace.note(tokens, now)
    assert [(r.tokens, r.tokens_per_second) for r in pace.rates()] == [(300, 200.0), (400, 50.0)]
    assert Pace().rates() == ()


def test_notes_of_a_long_decay_are_spread_over_all_of_it() -> None:
    pace = Pace(most=10)
    for step in range(1, 1_001):
        pace.note(step, step / 50)
    rates = pace.rates()
    assert 5 <= len(rates) <= 11
    assert rates[-1].tokens == 1_000
    assert all(r.tokens_per_second == pytest.approx(50.0) for r in rates)
