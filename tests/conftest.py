"""What all tests have in common."""

import os
from collections.abc import Iterator
from typing import Any

import hypothesis
import pytest
from threadpoolctl import threadpool_limits
from xdist.scheduler import LoadFileScheduling

# Each starts a Ray with all cores: two at a time would wait for each other. The longest first: what
# is begun last, the other process waits for.
_STORIES = ("test_readme.py", "test_end_to_end.py", "test_two_machines.py")

# Ray's workers run at nice 15: beside the tests of the other process, and whatever else is busy, a
# story's trials got a thirtieth of a core, and a second attempt took minutes to begin.
os.environ.setdefault("RAY_worker_niceness", "0")

# How long an example takes says how busy the machine is, and no more.
hypothesis.settings.register_profile("decaymix", deadline=None)
hypothesis.settings.load_profile("decaymix")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The whole stories first, then all else as it was collected."""
    items.sort(key=lambda item: item.path.name not in _STORIES)


class _StoriesTogether(LoadFileScheduling):
    """File by file, the stories in one process. xdist's own groups do nothing in pytest 9.2."""

    def _split_scope(self, nodeid: str) -> str:
        file = super()._split_scope(nodeid)
        return "stories" if file.rpartition("/")[2] in _STORIES else file


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> _StoriesTogether:
    """For `-n 2`, whatever `--dist` says."""
    return _StoriesTogether(config, log)


@pytest.fixture(scope="session", autouse=True)
def _one_blas_thread() -> Iterator[None]:
    """As the controller computes its fits: on matrices this small more threads only wait, and
    beside a busy core they make a fit ten times slower.
    """
    with threadpool_limits(1, user_api="blas"):
        yield
