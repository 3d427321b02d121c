"""Units are taken, come back with time, and are each key's own."""

import pytest

from service import buckets
from service.buckets import Buckets


def test_units_come_back_with_time_and_never_above_the_capacity() -> None:
    now = [100.0]
    found = Buckets(2, 0.5, clock=lambda: now[0])
    assert [found.take("a"), found.take("a")] == [0.0, 0.0]
    assert found.take("a") == pytest.approx(2.0)
    assert found.wait("a") == pytest.approx(2.0)
    assert found.take("b") == 0.0
    now[0] += 1.0
    assert found.take("a") == pytest.approx(1.0)
    now[0] += 1.0
    assert found.wait("a") == 0.0
    assert found.take("a") == 0.0
    now[0] += 1000.0
    assert [found.take("a") == 0.0 for _ in range(3)] == [True, True, False]


def test_memory_stays_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(buckets, "_MOST_KEYS", 3)
    found = Buckets(1, 1e-9)
    for key in "abcd":
        assert found.take(key) == 0.0
    assert found.take("d") > 0
    # The one that was not seen for longest is forgotten.
    assert found.take("a") == 0.0
