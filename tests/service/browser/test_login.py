"""A service that asks for a token, in a browser: the login, and the tokens that an admin makes."""

from collections.abc import Iterator

import httpx
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


def test_an_admin_makes_and_revokes_a_token(browser: Browser, locked: RealServer) -> None:
    complaints: list[str] = []
    with open_page(browser, locked.url, complaints) as page:
        page.goto("/login?next=/settings")
        page.get_by_label("API token").fill(TOKEN)
        page.get_by_role("button", name="Log in").click()
        expect(page.locator("main")).to_contain_text(
            "None was made yet: DECAYMIX_TOKEN alone lets in."
        )
        page.get_by_label("Name").fill("Two words")
        page.get_by_role("button", name="Make the token").click()
        expect(page.locator(".field-error")).to_contain_text("name")
        # Chromium tells of the 422, and of nothing else.
        assert [one for one in complaints if "422 (Unprocessable" not in one] == []
        complaints.clear()

        page.get_by_label("Name").fill("reader")
        page.get_by_role("button", name="Make the token").click()
        made = page.get_by_role("region", name="The new token")
        expect(made).to_contain_text("shown this once")
        text = page.get_by_label("Token", exact=True).inner_text()
        found = violations(page)
        shown = page_of(locked, text)
        assert "asked for</strong> with every request" in shown
        assert "Tokens are shown to admins" in shown
        assert "Make the token" not in shown

        made.get_by_role("link", name="Done").click()
        row = page.get_by_role("row", name="reader")
        expect(row).to_contain_text("in force")
        assert text not in page.content()
        found += violations(page)
        row.get_by_role("button", name="Revoke").click()
        page.get_by_role("dialog").get_by_role("button", name="Revoke").click()
        expect(row).to_contain_text("revoked")
        expect(row.get_by_role("button")).to_have_count(0)
    assert (
        httpx.get(f"{locked.url}/v1/studies", headers=bearer(text), timeout=60).status_code == 401
    )
    assert found == []
    assert complaints == []


def test_a_form_cannot_be_sent_before_its_script_is_there(
    browser: Browser, locked: RealServer
) -> None:
    assert "disabled>Make the token</button>" in page_of(locked, TOKEN)
    with open_page(browser, locked.url, []) as page:
        page.goto("/login?next=/settings")
        page.get_by_label("API token").fill(TOKEN)
        page.get_by_role("button", name="Log in").click()
        expect(page.locator("#made")).to_be_hidden()
        page.route("**/forms.js*", lambda route: route.abort())
        page.reload()
        expect(page.get_by_role("button", name="Make the token")).to_be_disabled()
        page.unroute("**/forms.js*")
        page.reload()
        expect(page.get_by_role("button", name="Make the token")).to_be_enabled()


def page_of(server: RealServer, token: str) -> str:
    """The settings as the holder of the token sees them."""
    answer = httpx.get(f"{server.url}/settings", headers=bearer(token), timeout=60)
    assert answer.status_code == 200
    return answer.text


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}", "Accept": "text/html"}
