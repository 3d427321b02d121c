"""Somebody writes a study in a real browser: form, file, mistakes, and nothing is lost."""

import re
from collections.abc import Iterator

import httpx
import pytest
import yaml
from playwright.sync_api import Browser, Page, Route, expect

from service.examples import STUDY_EXAMPLE_YAML
from tests.service.chromium import PATIENCE_MS, open_browser, open_page
from tests.service.conftest import SMALL_STUDY, write_small_data
from tests.service.pretend_runner import PretendRunner
from tests.service.real_server import RealServer
from tests.waiting import wait_until

pytestmark = pytest.mark.browser

DROP = """(text) => {
  const data = new DataTransfer();
  data.items.add(new File([text], "mine.yaml", { type: "text/yaml" }));
  for (const kind of ["dragover", "drop"]) {
    dispatchEvent(new DragEvent(kind, { dataTransfer: data, cancelable: true }));
  }
}"""
CHECKED = {
    "name": "small",
    "data": {
        "sources": {"text": {"num_documents": 57, "num_left_out": 3}},
        "contamination": [
            {"source": "sums", "benchmark": "test", "num_documents": 5, "num_items": 4}
        ],
        "near_duplicates": [],
    },
    "sources": {"text": {"num_tokens": 1234, "bytes_per_token": 3.5, "tokens_per_document": 20}},
    "benchmarks": {"test": {"num_items": 50, "num_too_long": 1, "num_cut": 1}},
    "epochs": {
        "0": {"text": {"proxy": 121.5, "full_run": None}},
        "1": {"text": {"proxy": 0.25, "full_run": None}},
    },
    "num_trials": 14,
    "train_tokens": 2_900_000,
    "tokens_per_second": 9000.0,
    "stable_seconds": 100.0,
    "trial_seconds": 20.0,
    "evaluation_seconds": 5.0,
    "disk_bytes": 43_000_000,
    "free_bytes": 50_000_000_000,
    "notes": ["At 0% SFT: text is read 122 times."],
}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealServer]:
    root = tmp_path_factory.mktemp("new-study")
    server = RealServer(root / "home", write_small_data(root / "data"), PretendRunner())
    server.start()
    yield server
    server.stop()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with open_browser() as browser:
        yield browser


@pytest.fixture
def complaints() -> list[str]:
    return []


@pytest.fixture
def page(browser: Browser, server: RealServer, complaints: list[str]) -> Iterator[Page]:
    expect.set_options(timeout=PATIENCE_MS)
    with open_page(
        browser, server.url, complaints, viewport={"width": 1280, "height": 900}
    ) as page:
        page.set_default_timeout(PATIENCE_MS)
        yield page


def test_a_study_from_the_form_to_its_page(
    page: Page, server: RealServer, complaints: list[str]
) -> None:
    page.goto("/")
    page.keyboard.press("n")
    expect(page.get_by_role("heading", level=1)).to_have_text("New study")
    question = page.get_by_role("group", name="Question")
    question.get_by_label("Name").fill("From The Form")
    question.get_by_label("Question").fill("How much arithmetic?")
    text = page.get_by_role("group", name="Source 1")
    text.get_by_label("Files").fill("text.jsonl")
    sums = page.get_by_role("group", name="Source 2")
    sums.get_by_label("Name").fill("sums")
    sums.get_by_label("Files").fill("sums.jsonl")
    sums.get_by_role("button", name="Guess the templates").click()
    expect(sums.get_by_label("Response")).to_have_value("{{ answer }}")
    sums.get_by_label("Least share").fill("0.1")
    page.get_by_label("a range of SFT shares").check()
    page.get_by_label("Lowest and highest SFT share").fill("0.2, 1.5")
    page.get_by_role("group", name="Benchmark 2").get_by_label("Files").fill("test_sums.jsonl")
    page.get_by_label("At most so many trials").fill("40")
    text.get_by_label("Files").fill("")
    page.get_by_role("button", name="Write this into the editor").click()

    # Three mistakes, each in words, beside its field and with its line.
    problems = page.locator("#problems")
    expect(problems).to_contain_text("3 things are wrong")
    expect(text.get_by_label("Files")).to_have_accessible_description(
        re.compile("^sources.0: source 'text' gives none of files")
    )
    expect(problems).to_be_focused()
    expect(problems).to_contain_text('name = "From The Form"')
    name = question.get_by_label("Name")
    expect(name).to_have_attribute("aria-invalid", "true")
    expect(name).to_have_accessible_description(re.compile('^name = "From The Form": .* match'))
    high = page.locator("[data-field='space.sft_share_range']")
    expect(high).to_have_attribute("aria-invalid", "true")
    expect(high).to_have_accessible_description(re.compile("^space.sft_share_range.1 = 1.5: "))

    # Leaving and coming back loses nothing.
    before = page.locator("#yaml").input_value()
    page.goto("/")
    page.goto("/studies/new")
    expect(page.locator("#yaml")).to_have_value(before)
    expect(sums.get_by_label("Least share")).to_have_value("0.1")
    expect(page.get_by_label("a range of SFT shares")).to_be_checked()

    page.get_by_label("Schedule of the decay").fill("exponential, linear")
    page.get_by_label("Rate of the decay").fill("0.25 to 1")
    text.get_by_label("Files").fill("text.jsonl")
    name.fill("from-the-form")
    high.fill("0.2, 0.8")
    page.get_by_role("button", name="Write this into the editor").click()
    expect(page.locator("#state")).to_contain_text("Well formed")
    expect(problems).to_be_hidden()
    written = yaml.safe_load(page.locator("#yaml").input_value())
    assert written["space"] == {
        "sft_share_range": [0.2, 0.8],
        "bounds": {"sums": [0.1, 1]},
        "factors": {
            "decay.form": ["exponential", "linear"],
            "decay.lr_ratio": {"low": 0.25, "high": 1.0},
        },
    }
    assert written["sources"][1]["response"] == "{{ answer }}"
    assert (written["budget"], written["seeds"]) == ({"max_trials": 40}, [0, 1])

    page.get_by_role("button", name="Submit the study").click()
    page.wait_for_url("**/studies/*")
    expect(page.get_by_role("heading", level=1)).to_contain_text("How much arithmetic?")
    spec = httpx.get(f"{server.url}/v1{page.url.removeprefix(server.url)}", timeout=60).json()[
        "spec"
    ]
    assert (spec["name"], spec["space"]["bounds"]) == ("from-the-form", {"sums": [0.1, 1.0]})
    # It is submitted: the form begins anew.
    page.goto("/studies/new")
    expect(page.locator("#yaml")).to_have_value("")
    assert complaints == []


def is_expected(complaint: str) -> bool:
    """Chromium tells of every answer that is an error."""
    return "422" in complaint


def test_a_dropped_file_is_checked_and_what_its_data_lack_is_said(
    page: Page, complaints: list[str]
) -> None:
    page.goto("/studies/new?preset=example")
    editor = page.locator("#yaml")
    expect(editor).to_have_value(STUDY_EXAMPLE_YAML)
    study = {**SMALL_STUDY, "name": "dropped", "space": {"sft_share": [0.0, 0.5]}}
    study["benchmarks"] = [{**SMALL_STUDY["benchmarks"][0], "files": ["nowhere.jsonl"]}]
    text = "# As somebody wrote it.\n" + yaml.safe_dump(study)
    page.evaluate(DROP, text)
    expect(editor).to_have_value(text)
    expect(page.locator("#source")).to_contain_text("mine.yaml")
    expect(page.locator("#state")).to_contain_text("Well formed: 6 first trials")
    page.get_by_role("button", name="Submit the study").click()
    problems = page.locator("#problems")
    expect(problems).to_contain_text("nowhere.jsonl")
    expect(editor).to_have_value(text)
    problems.get_by_role("button", name="line").first.click()
    selected = page.evaluate(
        "(() => { const e = document.getElementById('yaml');"
        " return e.value.slice(e.selectionStart, e.selectionEnd); })()"
    )
    assert "nowhere.jsonl" in text.split(selected)[1] or "nowhere" in selected or "test" in selected
    page.get_by_role("button", name="Undo").click()
    expect(editor).to_have_value(STUDY_EXAMPLE_YAML)
    assert [one for one in complaints if not is_expected(one)] == []


def test_a_dry_run_is_shown_as_tables(page: Page, complaints: list[str]) -> None:
    # The answer's own numbers are held by the route's test; this one takes no minute.
    page.route("**/v1/studies/check", lambda route: route.fulfill(json=CHECKED))
    page.goto("/studies/new?preset=example")
    page.get_by_role("button", name="Dry run").click()
    report = page.get_by_role("region", name="Dry run")
    expect(report).to_be_focused()
    # 100 s and 14 trials of 20 s.
    expect(report).to_contain_text("6 min, a trial 20 s, of which scoring 25 %")
    expect(report).to_contain_text("43 MB of 50,000 MB free")
    expect(report.get_by_role("row", name="text")).to_contain_text("0.25 to 121.5 times")
    expect(report).to_contain_text("5 documents of sums hold 4 items of test.")
    expect(page.locator("#state")).to_have_text("The dry run found nothing wrong.")
    assert complaints == []


def test_a_late_answer_about_the_text_is_not_shown_over_the_dry_runs(page: Page) -> None:
    drafts: list[Route] = []
    page.route("**/v1/study-drafts", lambda route: drafts.append(route))
    page.route("**/v1/studies/check", lambda route: route.fulfill(json=CHECKED))
    page.goto("/studies/new?preset=example")
    page.get_by_role("button", name="Dry run").click()
    state = page.locator("#state")
    expect(state).to_have_text("The dry run found nothing wrong.")
    assert len(drafts) == 1
    with page.expect_response("**/v1/study-drafts") as answer:
        drafts[0].continue_()
    answer.value.finished()
    page.wait_for_timeout(300)  # the page has read the answer by then
    expect(state).to_have_text("The dry run found nothing wrong.")


def test_a_dry_run_of_a_text_that_changed_meanwhile_says_so(page: Page) -> None:
    checks: list[Route] = []
    page.route("**/v1/studies/check", lambda route: checks.append(route))
    page.goto("/studies/new?preset=example")
    page.get_by_role("button", name="Dry run").click()
    page.locator("#yaml").press("Enter")
    expect(page.locator("#state")).to_contain_text("Well formed")
    checks[0].fulfill(json=CHECKED)
    expect(page.locator("#state")).to_have_text(
        "The dry run found nothing wrong in the text as it was; it has changed since."
    )


def test_a_study_is_cloned_extended_paused_and_put_away(
    page: Page, server: RealServer, complaints: list[str]
) -> None:
    study_id = server.submit(name="old", space={"sft_share": [0.0, 1.0]}, baselines={})
    server.wait_for_the_end(study_id)
    page.goto("/?q=old")
    card = page.get_by_role("article", name="old")
    card.get_by_role("link", name="Extend, note, tags").click()
    page.get_by_role("textbox", name="Note").fill("see below")
    page.get_by_role("textbox", name="Tags").fill("pilot, bad,, tags")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("Saved.")).to_be_visible()
    page.get_by_label("At most so many trials").fill("3")
    page.get_by_role("button", name="Extend the study").click()
    limit = page.get_by_label("At most so many trials")
    expect(limit).to_have_accessible_description(
        re.compile("^max_trials = 3: budget.max_trials is 1000 now")
    )
    expect(limit).to_be_focused()
    limit.fill("")
    page.get_by_label("SFT shares to add").fill("0.5")
    page.get_by_role("button", name="Extend the study").click()
    expect(page.get_by_text("Extended: 2 new trials.")).to_be_visible()
    server.wait_for_the_end(study_id)

    page.goto("/?tag=bad")
    expect(card.get_by_text("see below")).to_be_visible()
    expect(card).to_contain_text("6 of 6")
    card.get_by_role("button", name="Archive").click()
    expect(page.locator("#said")).to_have_text("old is archived.")
    expect(card).to_have_count(0)
    page.get_by_label("Show").select_option("archived")
    expect(card).to_be_visible()
    card.get_by_role("link", name="Clone").click()
    copied = yaml.safe_load(page.locator("#yaml").input_value())
    assert copied["space"]["sft_share"] == [0.0, 1.0, 0.5]
    assert [one for one in complaints if not is_expected(one)] == []


def test_the_list_moves_by_itself(page: Page, server: RealServer, complaints: list[str]) -> None:
    page.goto("/")
    expect(page.locator("#connection")).to_have_text("live")
    page.evaluate("window.isSamePage = true")
    study_id = server.submit(name="moving", space={"sft_share": [0.0, 0.5, 1.0]}, seeds=[0, 1, 2])
    card = page.get_by_role("article", name="moving")
    expect(card).to_contain_text("finished")
    address = f"{server.url}/v1/studies/{study_id}/recommendation"
    answer = httpx.get(address, timeout=60).json()
    expect(card).to_contain_text(answer["sentence"].replace(" %", "\u00a0%"))
    assert page.evaluate("window.isSamePage")
    assert complaints == []


def test_a_paused_study_says_so(page: Page, server: RealServer, complaints: list[str]) -> None:
    study_id = server.submit(name="resting", space={"sft_share": [0.0]}, baselines={})
    server.wait_for_the_end(study_id)
    httpx.patch(f"{server.url}/v1/studies/{study_id}", json={"is_paused": True}, timeout=60)
    httpx.post(f"{server.url}/v1/studies/{study_id}/trials", json={"sft_share": 0.25}, timeout=60)
    page.goto("/?q=resting")
    card = page.get_by_role("article", name="resting")
    expect(card).to_contain_text("paused")
    card.get_by_role("button", name="Resume").click()
    expect(page.locator("#said")).to_have_text("resting goes on.")
    wait_until(
        lambda: (
            httpx.get(f"{server.url}/v1/studies/{study_id}", timeout=60).json()["status"][
                "num_finished"
            ]
            == 4
        )
    )
    expect(card).to_contain_text("4 of 4")
    assert complaints == []
