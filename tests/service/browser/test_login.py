"""The login of a service that asks for a token, in a browser: found, read, failed and passed."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect

from tests.service.browser.site import violations
from tests.service.chromium import open_page
from tests.service.conftest import write_small_data
from tests.service.pretend_runner import PretendRunner
from tests.service.real_server import RealServer

pytestmark = pytest.mark.browser

TOKEN = "a-token-that-nobody-guesses"


@pytest.fixture
def locked(tmp_path_factory: pytest.TempPathFactory, browser: Browser) -> Iterator[RealServer]:
    """After the browser, so that nothing is started where there is none."""
    root = tmp_path_factory.mktemp("locked")
    data = write_small_data(root / "data")
    server = RealServer(root / "home", data, PretendRunner(), token=TOKEN)
    server.start()
    yield server
    server.stop()


def test_a_browser_logs_in_and_axe_has_nothing_to_say(browser: Browser, locked: RealServer) -> None:
    complaints: list[str] = []
    with open_page(browser, locked.url, complaints) as page:
        page.goto("/cluster")
        field = page.get_by_label("API token")
        expect(field).to_be_focused()
        found = violations(page)
        assert complaints == []

        field.fill("wrong")
        page.keyboard.press("Enter")
        expect(page.get_by_role("alert").filter(has_text="no token")).to_be_visible()
        page.emulate_media(color_scheme="dark")
        page.set_viewport_size({"width": 360, "height": 780})
        found += violations(page)
        assert page.evaluate("document.documentElement.scrollWidth") == 360
        # Chromium tells of the 401, and of nothing else.
        assert [one for one in complaints if "401 (Unauthorized)" not in one] == []
        complaints.clear()

        page.get_by_label("API token").fill(TOKEN)
        page.get_by_role("button", name="Log in").click()
        expect(page.get_by_role("heading", level=1)).to_have_text("Cluster")
        page.goto("/login")
        expect(page.get_by_role("button", name="Log out")).to_be_visible()
        found += violations(page)
    assert found == []
    assert complaints == []
