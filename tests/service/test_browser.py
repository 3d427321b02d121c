"""The page in a real browser, on a real server with trials that train nothing.

    DECAYMIX_SCREENSHOT=page.png pytest tests/service/test_browser.py -k reader

writes a picture of a finished study's page.
"""

import os
import re
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml
from playwright.sync_api import Browser, Page, expect

from tests.service.chromium import PATIENCE_MS, open_browser, open_page, set_hidden
from tests.service.pretend_runner import PretendRunner
from tests.service.real_server import RealServer
from tests.waiting import wait_until

pytestmark = pytest.mark.browser

TENTHS = [tenth / 10 for tenth in range(11)]
QUESTION = "What share of reasoning data should the decay phase of this model hold?"


class Server(RealServer):
    """Whose studies ask our question."""

    def submit(self, **changes: Any) -> str:
        return super().submit(**{"question": QUESTION, **changes})


@pytest.fixture(autouse=True)
def patience() -> None:
    expect.set_options(timeout=PATIENCE_MS)


@pytest.fixture
def runner() -> PretendRunner:
    return PretendRunner()


@pytest.fixture
def server(tmp_path: Path, data_root: Path, runner: PretendRunner) -> Iterator[Server]:
    server = Server(tmp_path / "home", data_root, runner)
    server.start()
    yield server
    server.stop()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with open_browser() as browser:
        yield browser


@pytest.fixture
def complaints() -> list[str]:
    """What a page said on its console, threw, or asked of another host."""
    return []


@pytest.fixture
def page(browser: Browser, server: Server, complaints: list[str]) -> Iterator[Page]:
    size = {"width": 1280, "height": 900}
    with open_page(browser, server.url, complaints, viewport=size) as page:
        page.on("dialog", lambda dialog: complaints.append(f"dialog {dialog.message}"))
        yield page


def wait_for(page: Page, expression: str) -> None:
    """Playwright's own wait evaluates text inside the page, which our policy refuses."""
    for _ in range(round(PATIENCE_MS / 100)):
        if page.evaluate(expression):
            return
        page.wait_for_timeout(100)
    pytest.fail(f"{expression} did not come true")


@pytest.mark.parametrize("runner", [PretendRunner(seconds=10.0, gate=threading.Event())])
def test_someone_watches_a_study_to_its_answer(
    page: Page, server: Server, runner: PretendRunner, complaints: list[str]
) -> None:
    page.goto("/")
    expect(page.locator("pre")).to_have_text("./run decaymix submit studies/demo.yaml")
    shares = [0.0, 0.3, 0.6, 1.0]
    study_id = server.submit(space={"sft_share": shares}, baselines={}, seeds=[0])
    page.reload()
    page.get_by_role("link", name="small", exact=True).click()
    expect(page.get_by_role("heading", level=1)).to_have_text(QUESTION)
    expect(page.locator(".sentence")).to_contain_text("No answer yet: 0 of 4 trials are done.")
    expect(page.locator(".running li")).to_have_count(2)
    page.evaluate("window.isSamePage = true")

    # Bars move while trials run, then trials are counted, and nobody reloads.
    assert runner.gate is not None
    runner.gate.set()
    bars: set[float] = set()
    said: set[str] = set()

    def has_moved() -> bool:
        bars.update(
            page.evaluate("[...document.querySelectorAll('.running progress')].map((p) => p.value)")
        )
        said.add(page.locator(".overall").inner_text())
        return len(bars) >= 3

    wait_until(has_moved)
    assert any("tokens/s" in text and "left" in text for text in said), said
    runner.seconds = 0.0  # which the trials read at each step
    expect(page.locator("#board tbody th")).to_have_count(4)
    expect(page.locator("#progress")).to_contain_text("4 of 4 trials done")
    expect(page.locator(".running li")).to_have_count(0)
    answer = httpx.get(f"{server.url}/v1/studies/{study_id}/recommendation", timeout=60).json()
    expect(page.locator(".sentence")).to_have_text(answer["sentence"])
    expect(page.locator(".badge")).to_be_visible()
    assert page.evaluate("window.isSamePage")
    assert complaints == []


def column(page: Page, index: int) -> list[str]:
    cells = page.locator(f"#board tbody tr > :nth-child({index})").all_inner_texts()
    return [cell.split("\n")[0].replace("\u00a0", " ") for cell in cells]


def is_plot_over_its_note(page: Page) -> bool:
    plot = page.locator("#plot .main-svg").first.bounding_box()
    note = page.locator("#plot-note").bounding_box()
    assert plot is not None
    assert note is not None
    return plot["y"] + plot["height"] > note["y"] + 1


def test_reader_of_a_finished_study(
    page: Page, browser: Browser, server: Server, complaints: list[str], tmp_path: Path
) -> None:
    study_id = server.submit(name="demo", space={"sft_share": TENTHS})
    server.wait_for_the_end(study_id)
    page.goto(f"/studies/{study_id}")
    expect(page.locator(".sentence")).to_contain_text("Decay on")
    expect(page.locator("#connection")).to_have_text("live")
    expect(page.locator("#plot .xtick").first).to_be_visible()
    assert not is_plot_over_its_note(page)
    take_a_picture(page)

    # The essentials need no JavaScript.
    plain = browser.new_page(java_script_enabled=False)
    plain.goto(page.url)
    expect(plain.locator(".sentence")).to_contain_text("Decay on")
    expect(plain.locator("#board tbody th")).to_have_count(12)
    expect(plain.locator("#plot-note")).to_contain_text("needs JavaScript")
    plain.close()

    # Sorting: by share upwards, then downwards. The address has it, so that it can be sent.
    share = page.get_by_role("link", name="SFT share", exact=True)
    share.click()
    expect(page.locator("th[aria-sort]")).to_have_attribute("aria-sort", "ascending")
    expect(page.locator("th[aria-sort]")).to_contain_text("SFT share")
    assert [float(cell.split(" ")[0]) for cell in column(page, 3)] == sorted(
        [0, 10, 20, 30, 40, 50, 60, 64, 70, 80, 90, 100]
    )
    share.click()
    expect(page.locator("th[aria-sort]")).to_have_attribute("aria-sort", "descending")
    assert column(page, 3)[0].startswith("100 %")
    assert page.url.endswith("?sort=-share")

    # Another benchmark is another picture: its own points, and no fitted curve.
    def drawn() -> Any:
        return page.evaluate("[...document.querySelector('#plot').data.map((t) => t.y)]")

    # Points, means, and the fit's mean with both ends of its band, which comes when it is done.
    wait_for(page, "document.querySelector('#plot').data.length === 5")
    objective = drawn()
    page.locator("#line").select_option("held_out")
    wait_for(page, "document.querySelector('#plot').data.length === 2")
    expect(page.locator("#plot-note")).to_contain_text("For held_out alone the best share is")
    assert len(objective) == 5
    assert len(drawn()[0]) == 24

    # One filter for the table, the curve and the figures.
    page.get_by_text("Score against cost").first.click()
    expect(page.locator("#figure-cost circle")).to_have_count(12)
    page.get_by_label("SFT share from").fill("0.5")
    expect(page.locator("#board tbody th")).to_have_count(7)
    wait_for(page, "document.querySelector('#plot').data[0].x.length === 14")
    expect(page.locator("#figure-cost circle")).to_have_count(7)
    assert "share_from=0.5" in page.url
    page.reload()
    expect(page.locator("#figure-cost circle")).to_have_count(7)
    expect(page.locator("#line")).to_have_value("benchmark:held_out")

    # Columns of benchmarks come when asked for.
    page.get_by_text("Columns", exact=True).click()
    page.get_by_role("checkbox", name="test_sums").check()
    expect(page.locator("#board thead")).to_contain_text("test_sums")
    page.get_by_text("Columns", exact=True).click()

    # Rows are chosen to be compared, over filters.
    page.get_by_label("Compare 100 % SFT").check()
    page.get_by_label("SFT share from").fill("")
    expect(page.locator("#board tbody th")).to_have_count(12)
    page.get_by_label("Compare 0 % SFT").check()
    expect(page.get_by_role("button", name="Compare 2 mixtures")).to_be_visible()
    wait_for(page, "document.querySelector('#plot').data[0].x.length === 24")

    # A new trial arrives: order, columns, choice, benchmark and scroll stay as they were left.
    page.evaluate("scrollTo(0, 400)")
    httpx.post(
        f"{server.url}/v1/studies/{study_id}/trials",
        json={"sft_share": 0.95, "seed": 0},
        timeout=60,
    )
    expect(page.locator("#board tbody th")).to_have_count(13)
    assert column(page, 3)[1].startswith("95 %")
    wait_for(page, "document.querySelector('#plot').data[0].x.length === 25")
    expect(page.locator("#figure-cost circle")).to_have_count(13)
    # While the fit is made a line above says so, and what is looked at stays in its place.
    expect(page.locator("[data-late]")).to_have_count(0)
    assert abs(page.evaluate("scrollY") - 400) <= 1  # heights are fractions of a pixel
    expect(page.locator("#line")).to_have_value("benchmark:held_out")
    expect(page.locator("#board thead")).to_contain_text("test_sums")
    expect(page.get_by_role("button", name="Compare 2 mixtures")).to_be_visible()

    with page.expect_download() as download:
        page.get_by_role("link", name="Download the mixture (YAML)").click()
    download.value.save_as(tmp_path / "mixture.yaml")
    mixture = (tmp_path / "mixture.yaml").read_text()
    exported = httpx.get(f"{server.url}/v1/studies/{study_id}/export", timeout=60).text
    assert yaml.safe_load(mixture).keys() == yaml.safe_load(exported).keys()
    assert download.value.suggested_filename == "demo-mixture.yaml"
    sums = page.locator(".mixture tr", has_text="sums").locator("td", has_text="%").inner_text()
    assert f"sums: {float(sums.split()[0]) / 100:g}" in mixture

    # Figures are files too.
    for place, name in (("#figure-cost", "cost"), (".titled", "score-by-sft-share")):
        for kind, start in (("SVG", b"<svg"), ("PNG", b"\x89PNG")):
            button = page.locator(place).get_by_role("button", name=re.compile(kind)).first
            with page.expect_download() as download:
                button.click()
            download.value.save_as(tmp_path / "figure")
            assert download.value.suggested_filename == f"{name}.{kind.lower()}"
            assert (tmp_path / "figure").read_bytes().lstrip().startswith(start)

    # On a telephone nothing but the table's own frame scrolls sideways.
    page.set_viewport_size({"width": 360, "height": 800})
    wait_for(page, "document.querySelector('#plot .main-svg').clientWidth < 360")
    assert page.evaluate("document.documentElement.scrollWidth") == 360
    assert not is_plot_over_its_note(page)
    assert complaints == []


def test_what_a_user_wrote_does_not_run(page: Page, server: Server, complaints: list[str]) -> None:
    attack = "<script>alert(1)</script><img src=x onerror=alert(2)>"
    study_id = server.submit(question=attack, space={"sft_share": [0.0]}, baselines={})
    for path in ("/", f"/studies/{study_id}"):
        page.goto(path)
        expect(page.get_by_text(attack).first).to_be_visible()
    expect(page.locator("#connection")).to_have_text("live")
    assert complaints == []


def test_a_tab_that_nobody_sees_holds_no_connection_and_catches_up(
    page: Page, server: Server, complaints: list[str]
) -> None:
    study_id = server.submit(space={"sft_share": [0.0, 0.5]}, baselines={}, seeds=[0])
    server.wait_for_the_end(study_id)
    page.clock.install()
    page.goto(f"/studies/{study_id}")
    expect(page.locator("#connection")).to_have_text("live")
    expect(page.locator("#board tbody th")).to_have_count(2)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    set_hidden(page, True)
    page.wait_for_timeout(1000)  # for what was under way
    asked.clear()
    httpx.post(
        f"{server.url}/v1/studies/{study_id}/trials",
        json={"sft_share": 0.95, "seed": 0},
        timeout=60,
    )
    server.wait_for_the_end(study_id)
    page.clock.run_for(30_000)
    page.wait_for_timeout(500)  # for what a timer would have asked
    assert asked == []
    expect(page.locator("#board tbody th")).to_have_count(2)
    set_hidden(page, False)
    expect(page.locator("#board tbody th")).to_have_count(3)
    assert asked[0].endswith("/events")
    assert complaints == []


def test_the_keyboard_has_a_list_and_can_be_turned_off(page: Page, complaints: list[str]) -> None:
    page.goto("/studies/none")
    page.keyboard.press("?")
    dialog = page.get_by_role("dialog", name="Keyboard shortcuts")
    expect(dialog).to_contain_text("Studies")
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    page.keyboard.press("s")
    expect(page).to_have_title("Studies · Decaymix")
    page.goto("/studies/none")
    page.keyboard.press("?")
    page.get_by_label("Single keys are shortcuts").uncheck()
    page.keyboard.press("Escape")
    page.keyboard.press("s")
    page.wait_for_timeout(200)
    expect(page).to_have_title("No such study · Decaymix")
    assert [one for one in complaints if "404" not in one] == []


def take_a_picture(page: Page) -> None:
    """Of the finished page down to the leaderboard, where DECAYMIX_SCREENSHOT names a file."""
    if path := os.environ.get("DECAYMIX_SCREENSHOT"):
        end = page.locator("#board").bounding_box()
        assert end is not None
        height = end["y"] + end["height"] + 30
        page.screenshot(
            path=path,
            full_page=True,
            clip={"x": 0, "y": 0, "width": 1280, "height": height},
        )
