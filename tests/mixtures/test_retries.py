"""How often a trial is tried by itself."""

import pytest
from pydantic import ValidationError

from mixtures.retries import Retries


def test_each_kind_of_failure_has_its_own_limit() -> None:
    retries = Retries(lost=2)
    assert [retries.allows("lost", num) for num in (1, 2, 3)] == [True, False, False]
    assert [retries.allows("timeout", num) for num in (1, 2)] == [True, False]
    assert not retries.allows("not_finite", 1)


def test_no_limit_is_below_one_or_without_end() -> None:
    for most in (0, 1001):
        with pytest.raises(ValidationError):
            Retries(lost=most)
