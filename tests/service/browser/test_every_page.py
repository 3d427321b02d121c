"""Every page in a real browser: nothing for axe-core to say in light or dark, no console error, no
sideways scrolling on a telephone, nothing cut off or overlapping on telephone, tablet and desk.

axe-core comes with axe-playwright-python (MIT; axe-core itself MPL-2.0, used and not shipped).
"""

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.service.browser.layout import faults
from tests.service.browser.site import Site, violations
from tests.service.chromium import PATIENCE_MS, open_page

pytestmark = pytest.mark.browser

NAMES = [
    "studies",
    "new-study",
    "new-study-of-preset",
    "change-study",
    "study",
    "study-of-one-trial",
    "study-of-forty-sources",
    "trial",
    "trial-that-failed",
    "trial-of-forty-sources",
    "compare",
    "compare-trials",
    "compare-studies",
    "recommendation",
    "recommendation-that-waits",
    "report",
    "report-of-forty-sources",
    "cluster",
    "settings",
]


@pytest.mark.parametrize("name", NAMES)
def test_axe_has_nothing_to_say_and_a_telephone_nothing_to_scroll(
    browser: Browser, site: Site, name: str
) -> None:
    complaints: list[str] = []
    with open_page(
        browser, site.server.url, complaints, viewport={"width": 1280, "height": 900}
    ) as page:
        page.goto(site.pages[name])
        # What is folded away has to be right as well; of the figures' tables, all alike, the first.
        page.evaluate(
            """() => {
              const folded = [...document.querySelectorAll('details')];
              const tables = folded.filter((one) => one.closest('figure'));
              const others = folded.filter((one) => !one.closest('figure'));
              for (const one of [...others, ...tables.slice(0, 1)]) one.open = true;
            }"""
        )
        settle(page)
        found = [f"light: {one}" for one in violations(page) + faults(page)]
        page.set_viewport_size({"width": 768, "height": 1024})
        settle(page)
        found += [f"on a tablet: {one}" for one in faults(page)]
        page.emulate_media(color_scheme="dark")
        page.set_viewport_size({"width": 360, "height": 780})
        settle(page)
        found += [f"dark, on a telephone: {one}" for one in violations(page) + faults(page)]
        width = page.evaluate("document.documentElement.scrollWidth")
        page.emulate_media(media="print", color_scheme="light")
        assert page.locator("h1").first.is_visible()
    assert found == []
    assert width == 360, f"{width} wide"
    assert complaints == []


def settle(page: Page) -> None:
    """Figures that come into view are fetched, and pale until they are there."""
    page.wait_for_timeout(200)
    expect(page.locator("[aria-busy=true]")).to_have_count(0, timeout=2 * PATIENCE_MS)


def test_an_address_that_is_wrong_is_a_page_in_words(browser: Browser, site: Site) -> None:
    for address in ("/trials/nobody", "/studies/nobody/report", "/compare?trial=a&trial=b"):
        with open_page(browser, site.server.url, []) as page:
            page.goto(address)
            expect(page.locator("main")).to_contain_text("here is no")
            assert violations(page) == []
