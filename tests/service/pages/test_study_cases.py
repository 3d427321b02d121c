"""The study's page where there is little, much or something odd to show: it is right as well."""

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from fastapi.testclient import TestClient

from service.app import create_app
from service.settings import Settings
from tests.service.conftest import StartService
from tests.service.pages.test_pages import part, text_of
from tests.service.pretend_runner import PretendRunner
from tests.service.test_outside import ask, submit, tell, told
from tests.service.thread_pool import ThreadPool


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    """One service for all: studies trained outside, so that nothing is read and nothing runs."""
    settings = Settings(home=tmp_path_factory.mktemp("home"))
    app = create_app(settings, ThreadPool(runner=PretendRunner()))
    with TestClient(app, base_url="http://127.0.0.1") as client:
        yield client


def everything(client: TestClient, study: str) -> str:
    """The page's text, after all that it shows and links was looked at."""
    page = client.get(f"/studies/{study}")
    assert page.status_code == 200, page.text
    found = [page.text]
    for path in ("table", "curve"):
        twin = client.get(f"/v1/studies/{study}/{path}")
        assert twin.status_code == 200, twin.text
        json.loads(twin.text, parse_constant=pytest.fail)
    names = re.findall(r'data-lazy="[^"]*/figures/(\w+)"', page.text)
    assert names
    # Those two are fits of their own, and tests of the API have them.
    for name in set(names) - {"effects", "pareto"}:
        figure = client.get(f"/studies/{study}/figures/{name}")
        twin = client.get(f"/v1/studies/{study}/figures/{name}")
        assert figure.status_code == 200, figure.text
        assert twin.status_code in (200, 409), twin.text
        # The page shows the rows of the twin, or says why there are none.
        if twin.status_code == 409:
            said = text_of(figure.text).replace("\u00a0", " ").casefold()
            assert twin.json()["detail"].rstrip(".").casefold() in said
        else:
            shown = figure.text.split("<tbody>")[1].split("</tbody>")[0]
            assert shown.count("<tr>") == len(twin.json()["rows"])
        found.append(figure.text)
    for text in found:
        assert not re.search(r"\b(nan|None|undefined|inf)\b", text_of(text)), text_of(text)
        assert not re.search(r"\sstyle=|\son\w+=", text)
    return text_of(page.text)


def study_with(client: TestClient, values: list[Any], **changes: Any) -> str:
    """A study whose trials scored these values, in the order in which they are asked for."""
    changes.setdefault("name", f"case-{len(client.get('/v1/studies').json())}")
    study = submit(client, **changes)
    trials = ask(client, study, num=len(values), lease_seconds=600) if values else []
    for trial, value in zip(trials, values, strict=False):
        body = (
            {"attempt": trial["attempt"], "failure": value}
            if isinstance(value, str)
            else told(trial, value)
        )
        assert tell(client, trial, body).status_code == 200
    return study


def test_no_trial(client: TestClient) -> None:
    text = everything(client, study_with(client, []))
    assert "No answer yet: 0 of" in text
    assert "No trial is done yet." in text


def test_one_trial(client: TestClient) -> None:
    study = study_with(client, [2.0])
    text = everything(client, study)
    assert "No answer yet: 1 of" in text
    assert "One mixture only" in text
    assert client.get(f"/v1/studies/{study}/table").json()["num_matching"] == 1


def test_all_failed(client: TestClient) -> None:
    study = submit(client, design={"num_mixtures": 6, "num_repeated": 0})
    trials = ask(client, study, num=100, lease_seconds=600)
    for trial in trials:
        body = {"attempt": trial["attempt"], "failure": "loss is not finite"}
        assert tell(client, trial, body).status_code == 200
    text = everything(client, study)
    # A failed trial of an outside trainer is final, and only the newest ones are spelled out.
    assert f"{len(trials)} failed" in text
    assert text.count("loss is not finite") == min(len(trials), 10)
    assert "No trial is done yet." in text


def test_a_missing_score_leaves_its_trial_out_and_says_so(client: TestClient) -> None:
    study = study_with(client, [2.0, 3.0, 2.5])
    (trial,) = ask(client, study, num=1, lease_seconds=600)
    scores = [{"benchmark": "math", "metric": "loss", "value": 1.0}]
    answer = tell(client, trial, {"attempt": trial["attempt"], "scores": scores})
    text = everything(client, study)
    shown = client.get(f"/v1/studies/{study}/table").json()["num_mixtures"]
    assert shown == 3
    if answer.status_code == 200:
        assert f"Trial {trial['trial_id']} is left out: it has no score on code." in text
    else:
        assert answer.status_code == 422


def test_nan_is_refused_before_it_can_be_shown(client: TestClient) -> None:
    study = study_with(client, [2.0, 3.0])
    (trial,) = ask(client, study, num=1, lease_seconds=600)
    body = json.dumps(told(trial, 1.0)).replace("1.0", "NaN")
    answer = client.post(
        f"/v1/trials/{trial['trial_id']}/tell",
        content=body,
        headers={"Content-Type": "application/json"},
    )
    assert answer.status_code == 422
    everything(client, study)


def test_forty_sources_with_long_names(client: TestClient) -> None:
    sources = [
        {
            "name": f"{'a-very-long-name-of-a-source-' * 2}{place:02}",
            "kind": "pretrain" if place < 20 else "sft",
            "tokens": 10_000,
        }
        for place in range(40)
    ]
    values = [2.0 + place / 10 for place in range(12)]
    study = study_with(client, values, sources=sources, name="n" * 64)
    text = everything(client, study)
    assert sources[0]["name"] in text
    header = client.get(f"/v1/studies/{study}/figures/parallel").json()["header"]
    assert len(header) == 2 + 40


@pytest.mark.parametrize(
    "words",
    [
        "\u0643\u0645 \u0645\u0646 \u0627\u0644\u0628\u064a\u0627\u0646\u0627\u062a\u061f",
        "\u591a\u5c11\u6570\u636e\uff1f",
        "x" * 300,
        "<b>&amp;\u202e reversed",
    ],
)
def test_words_of_every_script_stand_as_they_were_written(client: TestClient, words: str) -> None:
    benchmarks = [{"name": "math", "group": words[:60]}, {"name": "code"}]
    study = study_with(client, [2.0, 3.0, 2.5], question=words, benchmarks=benchmarks)
    assert " ".join(words.split()) in everything(client, study)


def test_a_page_that_waits_for_its_first_answer_says_so_and_then_has_it(
    start_service: StartService, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("service.pages.study_view.FIRST_SCREEN_SECONDS", 0.0)
    with start_service() as client:
        study = study_with(client, [2.0, 3.0])
        page = client.get(f"/studies/{study}?sort=-posterior").text
        assert "data-late" in page
        assert "The leaderboard is being computed" in text_of(part(page, "table"))
        assert "The answer is being computed." in text_of(part(page, "answer"))
        assert client.get(f"/v1/studies/{study}/table").json()["num_matching"] == 2
        page = client.get(f"/studies/{study}").text
        assert "data-late" not in page
        assert "2 mixtures" in text_of(part(page, "table"))

        # New scores: the page shows those of before meanwhile, and says so.
        (trial,) = ask(client, study, num=1, lease_seconds=600)
        assert tell(client, trial, told(trial, 1.0)).status_code == 200
        text = text_of(client.get(f"/studies/{study}").text)
        assert "what stands here is of 2 trials" in text or "3 mixtures" in text


def test_what_the_study_is_not_is_an_error_with_its_name(client: TestClient) -> None:
    study = study_with(client, [2.0])
    for path, field in (
        (f"/v1/studies/{study}/table?sort=size", "sort"),
        (f"/v1/studies/{study}/curve?line=benchmark:none", "line"),
        (f"/v1/studies/{study}/figures/none", "name"),
        (f"/v1/studies/{study}/table?share_from=2", "share_from"),
    ):
        answer = client.get(path)
        assert answer.status_code == 422, path
        assert answer.json()["errors"][0]["field"] == field


def test_a_higher_score_is_better_where_the_study_says_so(client: TestClient) -> None:
    study = submit(
        client,
        name="higher",
        objective={"metric": "loss", "better": "higher"},
        space={"sft_share": [0.0, 0.5]},
        baselines={"none": 0.0},
    )
    trials = ask(client, study, num=4, lease_seconds=600)
    ids = {}
    for trial in trials:
        share, seed = trial["shares"]["chat"] + trial["shares"]["proofs"], trial["seed"]
        assert tell(client, trial, told(trial, 1.0 + share + 0.01 * seed)).status_code == 200
        ids[share, seed] = trial["trial_id"]
    pages = (
        client.get("/compare", params={"trial": [ids[key] for key in sorted(ids)]}).text,
        client.get(f"/studies/{study}/report").text,
        client.get(f"/studies/{study}").text,
    )
    for page in pages:
        assert "+0.5000 better" in text_of(page)
        assert " worse" not in text_of(page)
