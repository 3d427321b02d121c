"""What a page says when the service answers with an error: words, a way to try again, and nothing
of what stood there is lost.
"""

import json
import re

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.service.browser.site import Site, violations
from tests.service.chromium import open_page, set_hidden

pytestmark = pytest.mark.browser

DEFECT = {"title": "Internal Server Error", "status": 500, "detail": "a defect of Decaymix"}


def fail(page: Page, address: str) -> None:
    """From now on `address` is answered with an error, but for a reader who loads the page."""
    page.route(
        re.compile(re.escape(address) + r"(\?|$)"),
        lambda route: (
            route.fulfill(
                status=500, body=json.dumps(DEFECT), content_type="application/problem+json"
            )
            if route.request.resource_type == "fetch"
            else route.fallback()
        ),
    )


def says_it_and_recovers(page: Page) -> None:
    banner = page.get_by_role("alert")
    expect(banner).to_contain_text("The service answered 500: a defect of Decaymix.")
    page.unroute_all()
    banner.get_by_role("button", name="Try again").click()
    expect(banner).to_be_hidden()


@pytest.mark.parametrize("name", ["studies", "study", "trial", "cluster"])
def test_a_page_that_moves(browser: Browser, site: Site, name: str) -> None:
    with open_page(browser, site.server.url, []) as page:
        page.goto(site.pages[name])
        title = page.locator("h1").inner_text()
        set_hidden(page, True)
        fail(page, site.pages[name].split("?")[0])
        # It looks again when it is seen again.
        set_hidden(page, False)
        says_it_and_recovers(page)
        assert page.locator("h1").inner_text() == title


# Those that fetch nothing meet an error only where they are opened: by the module that makes them.
MADE_BY = {
    "studies": "studies",
    "new-study": "new_study",
    "change-study": "change_study",
    "study": "study",
    "trial": "trial",
    "compare": "compare",
    "compare-trials": "compare",
    "compare-studies": "compare",
    "recommendation": "recommendation",
    "report": "recommendation",
    "cluster": "cluster",
    "settings": "settings",
}


@pytest.mark.parametrize(("name", "module"), MADE_BY.items())
def test_a_page_that_cannot_be_made(
    browser: Browser, site: Site, monkeypatch: pytest.MonkeyPatch, name: str, module: str
) -> None:
    def out_of_order(*_: object, **values: object) -> None:
        raise RuntimeError("out of order")

    with open_page(browser, site.server.url, []) as page:
        title = page.get_by_role("heading", level=1)
        with monkeypatch.context() as broken:
            broken.setattr(f"service.pages.{module}.html_page", out_of_order)
            page.goto(site.pages[name])
            expect(title).to_have_text("Internal Server Error")
            expect(page.locator(".sentence")).to_have_text(
                "A defect of Decaymix: RuntimeError; see its log."
            )
            assert violations(page) == []
        page.get_by_role("link", name="Try again").click()
        expect(title).not_to_have_text("Internal Server Error")
        assert page.url == site.server.url + site.pages[name]


def test_the_parts_of_a_study(browser: Browser, site: Site) -> None:
    address = site.pages["study"]
    with open_page(browser, site.server.url, []) as page:
        page.goto(address)
        expect(page.locator("#plot .main-svg").first).to_be_visible()
        for part, act, seen in (
            (f"/v1{address}/curve", lambda: fill(page, "0.1"), "#plot .main-svg"),
            (f"{address}/table", lambda: fill(page, "0.2"), "#board tbody th"),
            (f"{address}/figures/cost", lambda: open_figure(page), "#figure-cost circle"),
        ):
            fail(page, part)
            act()
            says_it_and_recovers(page)
            expect(page.locator(seen).first).to_be_visible()


def fill(page: Page, share: str) -> None:
    page.get_by_label("SFT share from").fill(share)


def open_figure(page: Page) -> None:
    page.locator("#figure-cost summary").first.click()


def test_a_form_that_cannot_be_sent_keeps_what_was_written(browser: Browser, site: Site) -> None:
    with open_page(browser, site.server.url, []) as page:
        page.goto("/studies/new?preset=example")
        written = page.locator("#yaml").input_value()
        fail(page, "/v1/studies")
        page.get_by_role("button", name="Submit the study").click()
        expect(page.locator("#problems")).to_contain_text("a defect of Decaymix")
        assert page.locator("#yaml").input_value() == written
        expect(page.get_by_role("button", name="Submit the study")).to_be_enabled()
