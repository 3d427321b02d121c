"""Numbers as people read them; a space before a unit does not break."""

from datetime import UTC, datetime, timedelta

import pytest

from service.pages import numbers


@pytest.mark.parametrize(
    ("share", "text"),
    [(0.61, "61 %"), (0.645, "64.5 %"), (0.0, "0 %"), (1.0, "100 %"), (1 / 3, "33.3 %")],
)
def test_percent_has_at_most_one_decimal(share: float, text: str) -> None:
    assert numbers.percent(share) == text.replace(" ", "\u00a0")


@pytest.mark.parametrize(
    ("interval", "text"),
    [((0.55, 0.7), "55 to 70 %"), ((0.6, 0.6), "60 %"), ((0, 1), "0 to 100 %")],
)
def test_percent_range_names_the_unit_once(interval: tuple[float, float], text: str) -> None:
    assert numbers.percent_range(interval).replace("\u00a0", " ") == text


@pytest.mark.parametrize(
    ("value", "text"),
    [(1.0, "over 99 %"), (0.995, "over 99 %"), (0.0, "under 1 %"), (0.974, "97 %"), (0.01, "1 %")],
)
def test_probability_is_never_called_certain(value: float, text: str) -> None:
    assert numbers.probability(value).replace("\u00a0", " ") == text


@pytest.mark.parametrize(
    ("value", "text"), [(0.01234, "+0.0123"), (-0.5, "\u22120.5000"), (-0.00001, "0.0000")]
)
def test_difference_has_a_sign_unless_it_rounds_to_nothing(value: float, text: str) -> None:
    assert numbers.signed(value) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(40.2, "40 s"), (89, "89 s"), (90, "2 min"), (720, "12 min"), (12_000, "3 h 20 min")],
)
def test_duration_is_as_exact_as_an_estimate(seconds: float, text: str) -> None:
    assert numbers.duration(seconds).replace("\u00a0", " ") == text


def test_how_long_counts_up_to_now() -> None:
    now = datetime.now(UTC)
    assert numbers.how_long(now - timedelta(minutes=12, seconds=1)) == "12\u00a0min"
    assert numbers.how_long(now + timedelta(hours=1)) == "0\u00a0s"


def test_moment_is_in_utc() -> None:
    assert numbers.moment(datetime(2026, 1, 2, 3, 4, tzinfo=UTC)) == "2 January 2026, 03:04 UTC"
    assert numbers.moment("2026-01-02T05:04:00+02:00") == "2 January 2026, 03:04 UTC"
