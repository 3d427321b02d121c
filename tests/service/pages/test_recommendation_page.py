"""The recommendation's page and the report: the API's own numbers, and the file that it exports."""

import html
import re
from collections.abc import Iterator
from typing import Any

import pytest
from fastapi.testclient import TestClient

from mixtures.export.formats import FORMATS
from service.app import create_app
from service.settings import Settings
from tests.service.conftest import SMALL_STUDY, finished_study, write_small_data
from tests.service.pages.test_pages import ATTACK, text_of
from tests.service.pretend_runner import PretendRunner
from tests.service.thread_pool import ThreadPool


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[TestClient, str, str]]:
    """A client, a finished study, and one with too few shares for an answer."""
    root = tmp_path_factory.mktemp("recommendation")
    settings = Settings(home=root / "home", data_roots=(write_small_data(root / "data"),))
    app = create_app(settings, ThreadPool(runner=PretendRunner()))
    with TestClient(app, base_url="http://127.0.0.1") as client:
        study_id = finished_study(client, {**SMALL_STUDY, "question": ATTACK})
        few = {"space": {"sft_share": [0.0]}, "baselines": {}, "seeds": [0], "name": "few"}
        yield client, study_id, finished_study(client, {**SMALL_STUDY, **few})


def preview_of(page: str) -> str:
    found = re.search(r'<pre class="block" id="preview"[^>]*>(.*?)</pre>', page, re.DOTALL)
    assert found is not None
    return html.unescape(found[1])


def without_moments(text: str) -> str:
    """A file says when it was made, and its hash covers that."""
    return re.sub(r"\d{4}-\d\d-\d\dT[\d:+]+|[0-9a-f]{64}", "", text)


def test_pages_of_the_answer_wait_for_its_fit(
    served: tuple[TestClient, str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    client, _, _ = served
    fresh = finished_study(client, {**SMALL_STUDY, "name": "fresh", "question": "And now?"})
    # What is there at once is without the fit.
    monkeypatch.setattr("service.study_facts.QUICK_SECONDS", 0.0)
    monkeypatch.setattr("service.pages.study_view.FIRST_SCREEN_SECONDS", 0.0)
    assert 'id="preview"' in client.get(f"/studies/{fresh}/recommendation").text


def test_page_says_what_it_rests_on(served: tuple[TestClient, str, str]) -> None:
    client, study_id, _ = served
    page = client.get(f"/studies/{study_id}/recommendation").text
    answer = client.get(f"/v1/studies/{study_id}/recommendation").json()
    text = text_of(page)
    assert answer["sentence"] in text.replace("\u00a0", " ")
    assert answer["evidence"]["as_of"] in text
    assert "What would change it" in text
    assert "14: 7 mixtures, 2 seeds" in text
    assert study_id in text
    assert ATTACK not in page
    assert not re.search(r"\sstyle=|\son\w+=|javascript:", page)


@pytest.mark.parametrize("name", list(FORMATS))
def test_preview_is_the_file(served: tuple[TestClient, str, str], name: str) -> None:
    client, study_id, _ = served
    page = client.get(f"/studies/{study_id}/recommendation", params={"format": name}).text
    address = html.unescape(str(re.search(r'href="([^"]*)" download', page)[1]))  # type: ignore[index]
    file = client.get(address)
    assert file.status_code == 200
    assert without_moments(preview_of(page)).strip() == without_moments(file.text).strip()
    assert file.headers["content-disposition"].split('"')[1] in text_of(page)


def test_options_of_the_form_reach_the_file(served: tuple[TestClient, str, str]) -> None:
    client, study_id, _ = served
    query = {"format": "olmo-core", "path.text": "/data/text.npy", "path.sums": "/data/sums.npy"}
    page = client.get(f"/studies/{study_id}/recommendation", params=query).text
    assert "/data/sums.npy" in preview_of(page)
    # What a form of another format left in the address is not an error.
    assert preview_of(
        client.get(f"/studies/{study_id}/recommendation", params={**query, "format": "yaml"}).text
    )
    wrong = {"format": "datasets", "counts": "documents", "tokens.sums": "many"}
    page = client.get(f"/studies/{study_id}/recommendation", params=wrong)
    assert page.status_code == 200
    assert "Tokens.sums: expected one number of tokens above 0" in text_of(page.text)


def test_report_has_figures_with_their_tables(served: tuple[TestClient, str, str]) -> None:
    client, study_id, _ = served
    page = client.get(f"/studies/{study_id}/report").text
    names = re.findall(r'<figure class="figure" data-name="([^"]+)"', page)
    assert {"score-by-share", "best-shares", "mixtures", "signal"} <= set(names)
    assert page.count("<svg") == page.count("as a table</summary>") == len(names)
    board = client.get(f"/v1/studies/{study_id}/leaderboard").json()
    for row in board["rows"]:
        assert f"{row['mean']:.4f}" in page
    assert ATTACK not in page
    assert not re.search(r"\sstyle=", page)
    # On paper nothing can be unfolded.
    assert "<details open><summary>Sources (2)" in page
    assert re.search(r"\btext pretrain general not stated \d+ 0\b", text_of(page))


@pytest.mark.parametrize("what", ["recommendation", "report"])
def test_times_are_for_people_and_noise_that_is_not_known_has_its_reason(
    served: tuple[TestClient, str, str], what: str
) -> None:
    client, study_id, _ = served
    text = text_of(client.get(f"/studies/{study_id}/{what}").text)
    assert not re.search(r"\d{4}-\d\d-\d\dT\d", text.split("Written for")[0])
    assert re.search(r"Decaymix [\d.]+\S*,? \d+ [A-Z][a-z]+ \d{4}, \d\d:\d\d UTC", text)
    # The small study reads one draw of its data.
    assert "with another draw of the data is not known: all trials read one draw" in text


@pytest.mark.parametrize("what", ["recommendation", "report"])
def test_too_few_trials_are_said(served: tuple[TestClient, str, str], what: str) -> None:
    client, _, few = served
    page = client.get(f"/studies/{few}/{what}")
    assert page.status_code == 200
    assert "There is no recommendation yet." in text_of(page.text)
    assert client.get(f"/studies/nobody/{what}").status_code == 404


def test_links_lead_somewhere(served: tuple[TestClient, str, str]) -> None:
    client, study_id, _ = served
    for what in ("recommendation", "report"):
        page = client.get(f"/studies/{study_id}/{what}").text
        links: set[Any] = {
            html.unescape(one) for one in re.findall(r'(?:href|src)="(/[^"#]*)"', page)
        }
        for link in sorted(links):
            assert client.get(link).status_code == 200, link
