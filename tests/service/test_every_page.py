"""Every page in a real browser: nothing for axe-core to say in light or dark, no console error, no
sideways scrolling on a telephone, everything within reach of the keyboard.

axe-core comes with axe-playwright-python (MIT; axe-core itself MPL-2.0, used and not shipped).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

from mixtures.item import ItemScore, ItemText
from tests.service.chromium import open_browser, open_page
from tests.service.conftest import SMALL_STUDY, wait_until, write_small_data
from tests.service.pretend_runner import PretendRunner
from tests.service.real_server import RealServer
from workers.item_files import write_item_scores, write_item_texts
from workers.trial_log import trial_log

pytestmark = pytest.mark.browser

# WCAG 2.2 A and AA, and what axe calls good practice.
TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
LONG = "a" + "-very-long-name" * 4
QUESTION = "多少指令数据? كم من البيانات؟ How much of it should the decay hold?"


@dataclass(frozen=True, slots=True)
class Site:
    """A running service and the addresses of its pages by name."""

    server: RealServer
    pages: dict[str, str]


def _submit_all(server: RealServer) -> dict[str, str]:
    sources = [
        SMALL_STUDY["sources"][0],
        {**SMALL_STUDY["sources"][1], "name": LONG},
        *({**SMALL_STUDY["sources"][1], "name": f"sums-{i:02d}"} for i in range(38)),
    ]
    wide = {"sources": sources, "near_duplicates": "flag", "name": LONG}
    study = server.submit(question=QUESTION, space={"sft_share": [0.0, 0.2, 0.4, 0.6, 0.8, 1.0]})
    many = server.submit(**wide, space={"sft_share": [0.0, 0.5]}, seeds=[0])
    one = server.submit(name="one", space={"sft_share": [0.0]}, baselines={}, seeds=[0])
    for study_id in (study, many, one):
        server.wait_for_the_end(study_id)
    trials = httpx.get(f"{server.url}/v1/studies/{study}/trials").json()
    trials = trials["trials"] if isinstance(trials, dict) else trials
    wide_trials = httpx.get(f"{server.url}/v1/studies/{many}/trials").json()
    wide_trials = wide_trials["trials"] if isinstance(wide_trials, dict) else wide_trials
    done = [trial["id"] for trial in trials if trial["state"] == "COMPLETE"]
    failed = next(trial["id"] for trial in trials if trial["state"] == "FAILED")
    _keep_items(server.home, done[0])
    compared = "&".join(f"trial={trial_id}" for trial_id in done)
    return {
        "studies": "/",
        "new-study": "/studies/new",
        "new-study-of-preset": "/studies/new?preset=example",
        "change-study": f"/studies/{study}/change",
        "study": f"/studies/{study}",
        "study-of-one-trial": f"/studies/{one}",
        "study-of-forty-sources": f"/studies/{many}",
        "trial": f"/trials/{done[0]}?benchmark=test_sums",
        "trial-that-failed": f"/trials/{failed}",
        "trial-of-forty-sources": f"/trials/{wide_trials[-1]['id']}",
        "compare": "/compare",
        "compare-trials": f"/compare?{compared}",
        "compare-studies": f"/compare?study={study}&study={one}&study={many}",
        "recommendation": f"/studies/{study}/recommendation?format=datasets",
        "recommendation-that-waits": f"/studies/{one}/recommendation",
        "report": f"/studies/{study}/report",
        "cluster": "/cluster",
        "settings": "/settings",
    }


def _keep_items(home: Path, trial_id: str) -> None:
    scores = [
        ItemScore(
            benchmark="test_sums", item=0, nats=3.0, answer_bytes=2, chosen=0, is_right=False
        ),
        ItemScore(benchmark="test_sums", item=1, nats=1.0, answer_bytes=2, chosen=1, is_right=True),
        ItemScore(benchmark="test_sums", item=2, nats=2.0, answer_bytes=2, written="w" * 300),
    ]
    texts = [
        ItemText(benchmark="test_sums", item=0, prompt="什么" * 60, answer="b", choices=("a", "b")),
        ItemText(
            benchmark="test_sums", item=1, prompt="كم هو" * 30, answer="d", choices=("c", "d")
        ),
    ]
    write_item_texts(home, "texts", lambda: texts)
    write_item_scores(home, trial_id, scores, "texts")
    with trial_log(home, trial_id, 1) as log:
        log.info("decay took 3.0 s %s", "x" * 200)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    root = tmp_path_factory.mktemp("site")
    runner = PretendRunner(fail={0.8: ValueError("loss is nan at step 3 of 20 " + "y" * 200)})
    server = RealServer(root / "home", write_small_data(root / "data"), runner)
    server.start()
    yield Site(server, _submit_all(server))
    server.stop()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with open_browser() as browser:
        yield browser


def violations(page: Page) -> list[str]:
    """What axe finds, a line each: the rule, what it is about, and where."""
    found = Axe().run(page, options={"runOnly": {"type": "tag", "values": TAGS}}).response
    return [
        f"{one['id']}: {one['help']}: {[node['html'][:160] for node in one['nodes'][:3]]}"
        for one in found["violations"]
    ]


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
        found = [f"light: {one}" for one in violations(page)]
        page.emulate_media(color_scheme="dark")
        page.set_viewport_size({"width": 360, "height": 780})
        page.wait_for_timeout(100)
        found += [f"dark, on a telephone: {one}" for one in violations(page)]
        width = page.evaluate("document.documentElement.scrollWidth")
        page.emulate_media(media="print", color_scheme="light")
        assert page.locator("h1").first.is_visible()
    assert found == []
    assert width == 360, f"{width} wide"
    assert complaints == []


def test_an_address_that_is_wrong_is_a_page_in_words(browser: Browser, site: Site) -> None:
    for address in ("/trials/nobody", "/studies/nobody/report", "/compare?trial=a&trial=b"):
        with open_page(browser, site.server.url, []) as page:
            page.goto(address)
            expect(page.locator("main")).to_contain_text("here is no")
            assert violations(page) == []


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
                    httpx.get(f"{site.server.url}/v1/trials/{trial_id}/attempts").json()["attempts"]
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
