"""One browser and one service with studies to look at, for all tests of this folder.

Of the package and not of the session: Playwright's loop must have ended before other tests start
one of their own.
"""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect

from tests.service.browser.site import Site, submit_all
from tests.service.chromium import PATIENCE_MS, open_browser
from tests.service.conftest import write_small_data
from tests.service.pretend_runner import PretendRunner
from tests.service.real_server import RealServer


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    expect.set_options(timeout=PATIENCE_MS)
    with open_browser() as browser:
        yield browser


@pytest.fixture(scope="package")
def site(tmp_path_factory: pytest.TempPathFactory, browser: Browser) -> Iterator[Site]:
    """After the browser, so that nothing is started where there is none."""
    root = tmp_path_factory.mktemp("site")
    runner = PretendRunner(fail={0.8: ValueError("loss is nan at step 3 of 20 " + "y" * 200)})
    server = RealServer(root / "home", write_small_data(root / "data"), runner)
    server.start()
    yield Site(server, runner, submit_all(server))
    server.stop()
