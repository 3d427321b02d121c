"""What all tests have in common."""

from collections.abc import Iterator

import pytest
from threadpoolctl import threadpool_limits

# The longest first: two minutes begun last would be two minutes that the other process waits.
_FIRST = ("test_readme.py", "test_end_to_end.py")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The whole stories first, all else as it was collected."""
    items.sort(key=lambda item: item.path.name not in _FIRST)


@pytest.fixture(scope="session", autouse=True)
def _one_blas_thread() -> Iterator[None]:
    """As the controller computes its fits: on matrices this small more threads only wait, and
    beside a busy core they make a fit ten times slower.
    """
    with threadpool_limits(1, user_api="blas"):
        yield
