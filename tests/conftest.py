"""What all tests have in common."""

from collections.abc import Iterator

import pytest
from threadpoolctl import threadpool_limits


@pytest.fixture(scope="session", autouse=True)
def _one_blas_thread() -> Iterator[None]:
    """As the controller computes its fits: on matrices this small more threads only wait, and
    beside a busy core they make a fit ten times slower.
    """
    with threadpool_limits(1, user_api="blas"):
        yield
