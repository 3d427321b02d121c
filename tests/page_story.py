"""What somebody does on the pages of a study while its controller dies: the story of a browser.

From the form to the exported file, on a real controller with real Ray; tests/test_end_to_end.py
tells it. No step reloads the study's page, and no page may say anything on its console but what
Chromium says of a service that is gone.

A trial is over in a second, and on a faster machine before any browser has looked twice. So the
story holds its workers: it halts them, has one trial begin, and lets it run for moments until the
page has shown that it moves. There it stands, in the middle of its decay, when the controller dies.
"""

import json
import re
import time
from pathlib import Path
from pydoc_data.topics import topics
from typing import Any

import yaml
from playwright.sync_api import Browser, Page, expect

from decaymix import Client
from mixtures.export.plain import verify_export
from tests.real_controller import RealController, halt, let_go
from tests.service.chromium import open_page
from tests.waiting import PATIENCE_SECONDS, wait_until

DESK = {"width": 1280, "height": 900}
# Of the stream that broke, of what was asked for in that moment, and of each try to connect again.
GONE = {
    f"Failed to load resource: net::ERR_{what}"
    for what in (
        "INCOMPLETE_CHUNKED_ENCODING",
        "EMPTY_RESPONSE",
        "CONNECTION_CLOSED",
        "CONNECTION_RESET",
        "CONNECTION_REFUSED",
        "SOCKET_NOT_CONNECTED",
    )
}
NUM_TRIALS = 8
# A decay of 160 steps: two seconds on two cores, and where it is two tenths still ten moments.
DECAY_TOKENS, MOMENT_SECONDS = 327_680, 0.02
# A controller asks its workers where they stand once a second.
ASKS_SECONDS = 1.2
# Of trials that decay and have said how far they are.
DECAYS = """[...document.querySelectorAll('.running li:has(progress)')]
  .filter((one) => one.querySelector('.phase').textContent === 'decay')
  .map((one) => one.querySelector('progress').value)"""


def tell(browser: Browser, controller: RealController, small: dict[str, Any], file: Path) -> None:
    """The whole story; `small` is a study with a recipe that trains in seconds."""
    # What the form cannot say: a proxy this small.
    recipe = {name: small[name] for name in ("proxy", "optimiser", "stable")}
    # It waits for trials that train, not for a page alone.
    expect.set_options(timeout=1000 * PATIENCE_SECONDS)
    complaints: list[str] = []
    with open_page(browser, controller.url, complaints, viewport=DESK) as page:
        # Workers of an earlier story would have trained it all before anybody looks.
        halt(workers := controller.worker_pids())
        study_id = submit_from_the_form(page, recipe)
        controller.client.change_study(study_id, is_paused=True, max_running=1)
        cancel_and_retry(browser, controller, study_id, complaints)
        let_go(workers)
        rows_come(page, controller.client, study_id)
        halt(workers := controller.worker_pids())
        bars_move(page, controller.client, study_id, workers)
        sort_and_filter(page)
        assert complaints == []
        lose_the_controller(page, controller, workers)
        assert set(complaints) <= GONE
        complaints.clear()
        sees_all(page, controller.client, study_id)
        compare_two(page)
        page.go_back()
        export_and_read(page, controller.client, study_id, file)
    assert complaints == []


def write_data(root: Path) -> None:
    """Files that a form can name: prose of Python's own documents, and sums."""
    texts = [{"text": text} for text in sorted(topics.values())[:40]]
    sums = [{"question": f"What is {i} + {i + 1}?", "answer": str(2 * i + 1)} for i in range(400)]
    for name, records in (("text", texts), ("sums", sums[:350]), ("test_sums", sums[350:])):
        lines = [json.dumps(record) for record in records]
        (root / f"{name}.jsonl").write_text("\n".join(lines))


def submit_from_the_form(page: Page, recipe: dict[str, Any]) -> str:
    """The study's id; its page is open."""
    page.goto("/studies/new")
    question = page.get_by_role("group", name="Question")
    question.get_by_label("Name").fill("from-the-form")
    question.get_by_label("Question").fill("How much arithmetic?")
    page.get_by_role("group", name="Source 1").get_by_label("Files").fill("text.jsonl")
    sums = page.get_by_role("group", name="Source 2")
    sums.get_by_label("Name").fill("sums")
    sums.get_by_label("Files").fill("sums.jsonl")
    sums.get_by_role("button", name="Guess the templates").click()
    expect(sums.get_by_label("Response")).to_have_value("{{ answer }}")
    page.locator("[data-field='space.sft_share']").fill("0, 0.5, 1")
    page.get_by_role("group", name="Benchmark 2").get_by_label("Files").fill("test_sums.jsonl")
    page.get_by_label("Decay tokens of a trial").fill(str(DECAY_TOKENS))
    page.get_by_role("button", name="Write this into the editor").click()
    expect(page.locator("#state")).to_contain_text(f"Well formed: {NUM_TRIALS} first trials")
    editor = page.locator("#yaml")
    editor.fill(yaml.safe_dump({**yaml.safe_load(editor.input_value()), **recipe}))
    page.get_by_role("button", name="Submit the study").click()
    page.wait_for_url(re.compile("/studies/[0-9a-f]+$"))
    expect(page.get_by_role("heading", level=1)).to_have_text("How much arithmetic?")
    page.evaluate("window.isSamePage = true")
    return page.url.rsplit("/", 1)[1]


def rows_come(page: Page, client: Client, study_id: str) -> None:
    """The first trials that end are rows and points of the curve, without a reload."""
    expect(page.locator("#connection")).to_have_text("live")
    begin_one(client, study_id)
    expect(page.locator("#board tbody th").first).to_be_visible()
    expect(page.locator("#plot .xtick").first).to_be_visible()
    wait_until(lambda: num_in(client, study_id, "RUNNING") == 0, "what has begun")
    assert page.evaluate("window.isSamePage")


def begin_one(client: Client, study_id: str) -> None:
    """One more trial runs, or has run already, and the study is paused again."""
    num_done = num_in(client, study_id, "COMPLETE")
    client.change_study(study_id, is_paused=False)
    wait_until(
        lambda: num_in(client, study_id, "RUNNING", "COMPLETE") > num_done, "a trial that runs"
    )
    client.change_study(study_id, is_paused=True)


def bars_move(page: Page, client: Client, study_id: str, workers: list[int]) -> None:
    """Of a decay that goes on for moments; its worker is left halted in the midst of it."""
    begin_one(client, study_id)
    seen: set[float] = set()

    def have_moved() -> bool:
        let_go(workers)
        time.sleep(MOMENT_SECONDS)
        halt(workers)
        page.wait_for_timeout(1000 * ASKS_SECONDS if seen else 100)
        seen.update(page.evaluate(DECAYS))
        return len(seen) >= 2

    wait_until(have_moved, "bars that move")
    expect(page.locator("[data-part=kept]")).to_contain_text("Paused")


def cancel_and_retry(
    browser: Browser, controller: RealController, study_id: str, complaints: list[str]
) -> None:
    """The study's last trial, from its page; and a note on it."""
    waiting = [t["id"] for t in controller.client.trials(study_id) if t["state"] == "WAITING"]
    with open_page(browser, controller.url, complaints) as page:
        page.goto(f"/trials/{waiting[-1]}")
        head, dialog = page.locator("[data-part=trial-head]"), page.get_by_role("dialog")
        page.get_by_role("button", name="Cancel the trial").click()
        dialog.get_by_role("button", name="Cancel the trial").click()
        expect(head).to_contain_text("cancelled")
        page.get_by_role("button", name="Retry").click()
        dialog.get_by_role("button", name="Retry").click()
        expect(page.get_by_role("button", name="Cancel the trial")).to_be_visible()
        page.get_by_role("textbox", name="Note").fill("tried again")
        page.get_by_role("button", name="Save note and tags").click()
        expect(page.locator("#labels [role=status]")).to_have_text("Saved.")


def sort_and_filter(page: Page) -> None:
    page.get_by_role("link", name="SFT share", exact=True).click()
    expect(page.locator("th[aria-sort]")).to_contain_text("SFT share")
    page.get_by_label("SFT share from").fill("0.5")
    expect(page).to_have_url(re.compile(r"share_from=0\.5"))


def lose_the_controller(page: Page, controller: RealController, workers: list[int]) -> None:
    """In the middle of a decay; the page says so, and goes on when it is back."""
    assert len(page.evaluate(DECAYS)) == 1
    controller.kill()
    let_go(workers)
    connection, banner = page.locator("#connection"), page.get_by_role("alert")
    expect(connection).to_have_text("Connection lost, trying again …")
    expect(banner).to_contain_text("The connection to the service is lost.")
    expect(banner.get_by_role("button", name="Try again")).to_be_visible()
    controller.start()
    expect(connection).to_have_text("live")
    expect(banner).to_be_hidden()


def num_in(client: Client, study_id: str, *states: str) -> int:
    counts = client.study(study_id)["status"]["trials"]
    return sum(counts[state] for state in states)


def sees_all(page: Page, client: Client, study_id: str) -> None:
    """All trials, what ended before the kill and what did after, under the filter of before."""
    client.change_study(study_id, is_paused=False, max_running=None)
    expect(page.locator("#progress")).to_contain_text(f"{NUM_TRIALS} of {NUM_TRIALS} trials done")
    assert num_in(client, study_id, "COMPLETE") == NUM_TRIALS
    # One was trained twice: it ran when the controller died.
    assert sorted(trial["attempt"] for trial in client.trials(study_id))[-2:] == [1, 2]
    rows = page.locator("#board tbody th a")
    expect(rows).to_have_text(["50\u00a0%", "64\u00a0%", "100\u00a0%"])
    # Where the fit is there already, its band comes before the trials.
    drawn = "document.querySelector('#plot').data.find((one) => one.mode === 'markers').x.length"
    wait_until(lambda: page.evaluate(drawn) == 6, "a curve of three mixtures, two seeds each")
    page.get_by_label("SFT share from").fill("")
    expect(rows).to_have_count(4)
    assert page.evaluate("window.isSamePage")
    board = client.leaderboard(study_id)
    assert {row["num_trials"] for row in board["rows"]} == {2}


def compare_two(page: Page) -> None:
    page.get_by_label("Compare 0\u00a0% SFT").check()
    page.get_by_label("Compare 100\u00a0% SFT").check()
    page.get_by_role("button", name="Compare 2 mixtures").click()
    page.wait_for_url("**/compare?**")
    expect(page.locator("table[data-sortable] tbody tr")).to_have_count(2)


def export_and_read(page: Page, client: Client, study_id: str, file: Path) -> None:
    expect(page.locator(".sentence")).to_contain_text("Decay on")
    with page.expect_download() as download:
        page.get_by_role("link", name=re.compile("Download the mixture")).click()
    download.value.save_as(file)
    assert verify_export(file.read_text())
    read = yaml.safe_load(file.read_text())
    assert read["mixture"] == client.recommendation(study_id)["mixture"]["shares"]
