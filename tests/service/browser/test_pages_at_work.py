"""What people do on the pages of trials, comparisons, recommendations and reports, in a browser."""

import re
import threading
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Browser, expect

from tests.service.browser.site import Site, violations
from tests.service.chromium import open_page
from tests.waiting import wait_until

pytestmark = pytest.mark.browser

# Of a sheet with margins of a centimetre, in pixels of 1/96 inch.
A4 = {"width": 718, "height": 1046}


def test_failed_trial_is_retried_from_its_page_by_keyboard(browser: Browser, site: Site) -> None:
    complaints: list[str] = []
    with open_page(browser, site.server.url, complaints) as page:
        page.goto(site.pages["trial-that-failed"])
        retry = page.get_by_role("button", name="Retry")
        # Reached by Tab alone.
        for _ in range(40):
            page.keyboard.press("Tab")
            if retry.evaluate("(one) => one === document.activeElement"):
                break
        else:
            pytest.fail("Tab does not lead to Retry")
        outline = retry.evaluate("(one) => getComputedStyle(one).outlineStyle")
        assert outline != "none"
        page.keyboard.press("Enter")
        dialog = page.get_by_role("dialog")
        expect(dialog).to_contain_text("Run this trial again")
        assert violations(page) == []
        page.keyboard.press("Escape")
        expect(dialog).to_have_count(0)
        expect(page.locator("#trial")).to_contain_text("failed")

        trial_id = page.locator("#trial").get_attribute("data-id")
        retry.click()
        dialog.get_by_role("button", name="Retry").click()
        wait_until(
            lambda: (
                len(
                    httpx.get(
                        f"{site.server.url}/v1/trials/{trial_id}/attempts", timeout=60
                    ).json()["attempts"]
                )
                == 2
            )
        )
        expect(page.locator("[data-part=trial-attempts] tbody tr")).to_have_count(2)
    assert complaints == []


def test_an_action_that_is_refused_says_why(browser: Browser, site: Site) -> None:
    with open_page(browser, site.server.url, []) as page:
        page.goto(site.pages["trial"])
        # As if another had been quicker: the button is of a state that is over.
        page.evaluate(
            """() => {
              const button = document.querySelector('[data-post$="/repeat"]');
              button.dataset.post = button.dataset.post.replace('/repeat', '/retry');
            }"""
        )
        page.locator("[data-post$='/retry']").click()
        page.get_by_role("dialog").get_by_role("button").first.click()
        expect(page.locator("#said")).to_contain_text("only FAILED and CANCELLED trials")


def test_a_figure_is_saved_as_svg_and_png(browser: Browser, site: Site, tmp_path: Path) -> None:
    complaints: list[str] = []
    with open_page(browser, site.server.url, complaints) as page:
        page.goto(site.pages["report"])
        figure = page.locator("figure[data-name=score-by-share]")
        with page.expect_download() as svg:
            figure.get_by_role("button", name="as SVG").click()
        with page.expect_download() as png:
            figure.get_by_role("button", name="as PNG").click()
        svg.value.save_as(tmp_path / "figure.svg")
        png.value.save_as(tmp_path / "figure.png")
    text = (tmp_path / "figure.svg").read_text()
    assert svg.value.suggested_filename == "score-by-share.svg"
    # It stands by itself: colours are in it, and no class that a style sheet would have to explain.
    assert 'stroke="rgb(' in text
    assert "class=" not in text
    head = (tmp_path / "figure.png").read_bytes()[:24]
    assert head[:8] == b"\x89PNG\r\n\x1a\n"
    assert int.from_bytes(head[16:20], "big") == 960
    assert complaints == []


@pytest.mark.parametrize("name", ["report", "report-of-forty-sources"])
def test_the_report_is_a_pdf_with_all_of_it(browser: Browser, site: Site, name: str) -> None:
    with open_page(browser, site.server.url, [], viewport=A4, color_scheme="dark") as page:
        page.goto(site.pages[name])
        pdf = page.pdf(format="A4", margin=dict.fromkeys(("top", "right", "bottom", "left"), "1cm"))
        page.emulate_media(media="print")
        wide = page.evaluate(
            """(width) => [...document.querySelectorAll("#report *")]
              .filter((one) => one.getBoundingClientRect().right > width + 1)
              .map((one) => one.outerHTML.slice(0, 120))""",
            A4["width"],
        )
        height = page.evaluate("document.documentElement.scrollHeight")
        ground = page.evaluate("getComputedStyle(document.body).color")
    assert wide == []
    # As many sheets as it is long, and a few that begin early so that no figure is cut in two.
    num_sheets = len(re.findall(rb"/Type /Page\b", pdf))
    assert height / A4["height"] <= num_sheets <= 2 * height / A4["height"] + 1
    # Dark on light, whatever the screen is.
    assert ground == "rgb(29, 33, 37)"


def test_export_is_previewed_and_copied(browser: Browser, site: Site) -> None:
    complaints: list[str] = []
    with open_page(browser, site.server.url, complaints) as page:
        page.context.grant_permissions(["clipboard-read", "clipboard-write"])
        page.goto(site.pages["recommendation"])
        page.get_by_label("Format").select_option("json")
        page.wait_for_url("**format=json**")
        page.get_by_role("button", name="Copy").click()
        expect(page.locator("#copied")).to_have_text("Copied.")
        copied = page.evaluate("navigator.clipboard.readText()")
        assert copied.strip() == page.locator("#preview").inner_text().strip()
    assert complaints == []


def test_comparison_sorts_and_shows_another_benchmark(browser: Browser, site: Site) -> None:
    complaints: list[str] = []
    with open_page(browser, site.server.url, complaints) as page:
        page.goto(site.pages["compare-trials"])
        page.get_by_role("button", name="Mean").click()
        means = page.locator("table[data-sortable] tbody tr > :nth-child(4)").all_inner_texts()
        assert [float(one) for one in means] == sorted(float(one) for one in means)
        page.get_by_label("Show").select_option("held_out")
        page.wait_for_url("**show=held_out**")
        expect(page.locator("figure[data-name=scores]")).to_contain_text(
            "Bits per byte of held_out"
        )
    assert complaints == []


def test_note_and_tags_are_saved_and_found_again(browser: Browser, site: Site) -> None:
    complaints: list[str] = []
    with open_page(browser, site.server.url, complaints) as page:
        page.goto(site.pages["trial"])
        page.get_by_role("textbox", name="Note").fill("<b>看</b> again")
        page.get_by_role("textbox", name="Tags").fill("odd, to check,")
        page.get_by_role("button", name="Save note and tags").click()
        expect(page.locator("#labels [role=status]")).to_have_text("Saved.")
        page.reload()
        expect(page.get_by_role("textbox", name="Note")).to_have_value("<b>看</b> again")
        expect(page.get_by_role("textbox", name="Tags")).to_have_value("odd, to check")
    assert complaints == []


def test_a_study_gets_its_turn_on_the_page_of_changes(browser: Browser, site: Site) -> None:
    address = site.pages["change-study"]
    study = f"{site.server.url}/v1{address.removesuffix('/change')}"
    complaints: list[str] = []
    with open_page(browser, site.server.url, complaints) as page:
        page.goto(address)
        for priority, most, kept in (("5", "2", (5, 2)), ("0", "", (0, None))):
            page.get_by_label("Priority").fill(priority)
            page.get_by_label("At most so many of its trials at once").fill(most)
            page.get_by_role("button", name="Save").click()
            expect(page.get_by_role("status").filter(has_text="Saved.")).to_be_visible()
            status = httpx.get(study, timeout=60).json()["status"]
            assert (status["priority"], status["max_running"]) == kept
            page.reload()
            expect(page.get_by_label("Priority")).to_have_value(priority)
        assert complaints == []
        page.get_by_label("Priority").fill("500")
        page.get_by_role("button", name="Save").click()
        expect(page.locator(".field-error")).to_contain_text("priority = 500")


def test_a_running_trial_moves_and_ends_before_the_eyes_of_its_reader(
    browser: Browser, site: Site
) -> None:
    complaints: list[str] = []
    site.runner.gate = threading.Event()
    study_id = site.pages["study"].removeprefix("/studies/")
    asked = httpx.post(
        f"{site.server.url}/v1/studies/{study_id}/trials",
        json={"sft_share": 0.95, "seed": 7},
        timeout=60,
    ).json()
    with open_page(browser, site.server.url, complaints) as page:
        page.goto(f"/trials/{asked['trial_ids'][0]}")
        expect(page.locator("[data-part=trial-progress]")).to_contain_text("Decay")
        expect(page.get_by_role("button", name="Cancel the trial")).to_be_visible()
        # What is being typed stays where it is while the page changes around it.
        page.get_by_role("textbox", name="Note").fill("half a thought")
        site.runner.gate.set()
        expect(page.locator("[data-part=trial-head]")).to_contain_text("complete")
        expect(page.locator("figure[data-name$=loss] svg")).to_be_visible()
        expect(page.locator("figure[data-name$=loss]").get_by_role("button")).to_have_count(2)
        expect(page.get_by_role("textbox", name="Note")).to_have_value("half a thought")
    assert complaints == []
