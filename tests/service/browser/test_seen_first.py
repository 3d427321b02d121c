"""After a filter the open figure that is seen is drawn first; all are in the end."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, Request, Route, expect

from tests.service.browser.site import Site
from tests.service.chromium import open_page

pytestmark = pytest.mark.browser

FIGURES = ("cost", "history", "regret")
LOW = {"width": 1280, "height": 400}
# What one of the tests has the service answer.
REFUSED = "status of 503"


@pytest.fixture
def page(browser: Browser, site: Site) -> Iterator[Page]:
    """The study's page with three figures open, the last of them in sight."""
    complaints: list[str] = []
    with open_page(browser, site.server.url, complaints, viewport=LOW) as page:
        page.goto(site.pages["study"])
        # When the fit comes every open figure is asked for again: it is to be there before.
        expect(page.locator("[data-late]")).to_have_count(0)
        for name in FIGURES:
            page.locator(f"#figure-{name} > summary").click()
            expect(page.locator(f"#figure-{name} svg.drawing")).to_be_visible()
        page.locator("#figure-regret svg").scroll_into_view_if_needed()
        yield page
    assert [one for one in complaints if REFUSED not in one] == []


def filter_by_share(page: Page, highest: str) -> None:
    """As typed, but without scrolling to the field."""
    page.evaluate(
        """(value) => {
          const field = document.querySelector('[name="share_to"]');
          field.value = value;
          field.dispatchEvent(new Event("input", { bubbles: true }));
        }""",
        highest,
    )


def expect_filtered(page: Page, name: str, highest: str) -> None:
    link = page.locator(f"#figure-{name} [data-figure] .lead a")
    expect(link).to_have_attribute("href", f"/v1{path_of(page)}/figures/{name}?share_to={highest}")


def path_of(page: Page) -> str:
    path: str = page.evaluate("location.pathname")
    return path


@pytest.fixture
def asked(page: Page) -> list[str]:
    """What the page asks for from here on, in its order."""
    asked: list[str] = []

    def note(request: Request) -> None:
        what = request.url.partition("?")[0].rpartition("/")[2]
        if what in (*FIGURES, "curve", "table"):
            asked.append(what)

    page.on("request", note)
    return asked


def test_what_is_in_sight_is_asked_for_first_and_the_curve_too(
    page: Page, asked: list[str]
) -> None:
    filter_by_share(page, "0.7")
    for name in FIGURES:
        expect_filtered(page, name, "0.7")
    page.wait_for_timeout(500)
    assert (asked[0], asked[-1]) == ("regret", "curve")
    rest = asked[1:-1]
    # Two figures stand side by side, and both may be seen.
    assert sorted(rest) == ["cost", "history", "table"]


def test_at_the_head_of_the_page_the_rows_go_first(page: Page, asked: list[str]) -> None:
    page.evaluate("scrollTo(0, 0)")
    filter_by_share(page, "0.9")
    for name in FIGURES:
        expect_filtered(page, name, "0.9")
    assert asked[0] == "table"


def test_whoever_types_fast_is_followed_to_the_end(page: Page) -> None:
    for highest in ("0.3", "0.31", "0.312", "0.3123"):
        filter_by_share(page, highest)
    for name in FIGURES:
        expect_filtered(page, name, "0.3123")
    expect(page.locator("#rows")).to_have_attribute("data-matching", "2")


def test_a_figure_that_waits_does_not_hold_up_the_others(page: Page) -> None:
    held: list[Route] = []
    page.route("**/figures/regret?*", lambda route: held.append(route))
    filter_by_share(page, "0.6")
    for name in FIGURES[:-1]:
        expect_filtered(page, name, "0.6")
    assert page.locator("#figure-regret [aria-busy=true]").count() == 1
    held.pop().continue_()
    expect_filtered(page, "regret", "0.6")
    assert page.locator("[aria-busy=true]").count() == 0


def test_what_failed_is_asked_for_again_by_hand(page: Page) -> None:
    page.route("**/figures/regret?*", lambda route: route.fulfill(status=503, body="busy"))
    filter_by_share(page, "0.8")
    expect_filtered(page, "cost", "0.8")
    again = page.get_by_role("button", name="Try again")
    expect(again).to_be_visible()
    page.unroute("**/figures/regret?*")
    again.click()
    expect_filtered(page, "regret", "0.8")
