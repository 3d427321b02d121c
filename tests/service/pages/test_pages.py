"""The pages as a browser without JavaScript gets them."""

import gzip
import html
import re
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from fastapi.testclient import TestClient

from service import headlines
from service.pages import studies as studies_page
from service.pages.numbers import probability
from tests.service.conftest import SMALL_STUDY, StartService, finished_study
from tests.service.pretend_runner import PretendRunner
from tests.waiting import wait_until

ATTACK = "<script>alert(1)</script>"


def text_of(page: str) -> str:
    """What a reader sees: no tags, no scripts, single spaces."""
    page = re.sub(r"<(script|style)\b.*?</\1>", " ", page, flags=re.DOTALL)
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", page)).split())


def study_named(name: str, **changes: Any) -> dict[str, Any]:
    return {**SMALL_STUDY, "name": name, **changes}


def part(page: str, name: str) -> str:
    """One part of the page, from its mark to the next one's."""
    return page.split(f'data-part="{name}"')[1].split("data-part=")[0]


# The list of studies


def test_first_page_without_studies_says_how_to_submit_one(client: TestClient) -> None:
    page = client.get("/")
    assert page.status_code == 200
    assert "./run decaymix submit studies/demo.yaml" in text_of(page.text)
    assert 'href="/v1/studies"' in page.text


def first_page(client: TestClient, query: str = "") -> str:
    """The page once nothing on it is late."""
    wait_until(lambda: "being computed" not in client.get(f"/{query}").text)
    return client.get(f"/{query}").text


def test_first_page_shows_each_study_newest_first(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = finished_study(client, study_named("first", question="Is it so?"))
    few = {"space": {"sft_share": [0.0]}, "baselines": {}}
    second = finished_study(client, study_named("second", question="", **few))
    page = first_page(client)
    assert page.index(f'href="/studies/{second}"') < page.index(f'href="/studies/{first}"')
    text = text_of(page)
    sentence = client.get(f"/v1/studies/{first}/recommendation").json()["sentence"]
    assert text.count(sentence) == 1
    # Six shares and the paper's, two seeds each; the second has too few for an answer.
    assert "Is it so?" in text
    assert "14 of 14 14 complete" in text
    assert "2 of 2 2 complete" in text

    # The first of the leaderboard, raw and by the posterior, as the API says it.
    best = client.get(f"/v1/studies/{first}/leaderboard").json()["rows"][0]
    assert f"{100 * best['sft_share']:g} % SFT" in text
    assert f"raw {best['mean']:.4f} {best['interval'][0]:.4f} to" in text
    assert f"posterior {best['posterior']['mean']:.4f}" in text
    (listed,) = (one for one in client.get("/v1/studies").json() if one["id"] == first)
    assert listed["headline"]["best"]["posterior_mean"] == best["posterior"]["mean"]
    assert listed["headline"]["sentence"] == sentence

    monkeypatch.setattr(studies_page, "STUDIES_PER_PAGE", 1)
    older = client.get("/?page=2").text
    assert f"/studies/{first}" in older
    assert f'href="/studies/{second}"' not in older
    assert "Page 2 of 2" in text_of(older)


def test_first_page_finds_studies_by_words_tags_and_archive(client: TestClient) -> None:
    first = finished_study(client, study_named("first", question="How much arithmetic?"))
    second = finished_study(client, study_named("second", question="How much logic?"))
    client.patch(f"/v1/studies/{second}", json={"tags": ["pilot & more"], "note": "see <b>"})

    def shown(query: str) -> set[str]:
        page = client.get(f"/{query}").text
        return {one for one in (first, second) if f'href="/studies/{one}"' in page}

    assert shown("") == {first, second}
    assert shown("?q=much+LOGIC") == {second}
    page = client.get("/?tag=pilot+%26+more")
    assert shown("?tag=pilot+%26+more") == {second}
    assert 'href="/v1/studies?tag=pilot+%26+more"' in page.text
    assert "see &lt;b&gt;" in page.text
    client.patch(f"/v1/studies/{second}", json={"is_archived": True})
    assert shown("") == {first}
    assert shown("?archived=yes") == {second}
    assert shown("?archived=all") == {first, second}
    assert "No study matches" in text_of(client.get("/?q=nothing").text)


def test_first_page_does_not_wait_for_answers(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate = threading.Event()

    def slow(*_: object) -> None:
        gate.wait(60)

    monkeypatch.setattr(headlines, "_headline", slow)
    finished_study(client)
    assert "being computed" in text_of(client.get("/").text)
    gate.set()
    # One that cannot be computed is not waited for.
    wait_until(lambda: "Best so far none yet" in text_of(client.get("/").text))


# The page of one study


@pytest.fixture
def finished(start_service: StartService) -> Iterator[tuple[TestClient, str]]:
    """A finished study in which both trials at 80 % failed."""
    runner = PretendRunner(fail={0.8: ValueError(f"loss is not finite {ATTACK}")})
    with start_service(runner=runner) as client:
        yield client, finished_study(client, study_named("small", question=ATTACK))


def test_study_page_of_a_finished_study(finished: tuple[TestClient, str]) -> None:
    client, study_id = finished
    page = client.get(f"/studies/{study_id}").text
    api = f"/v1/studies/{study_id}"
    board = client.get(f"{api}/leaderboard").json()
    answer = client.get(f"{api}/recommendation").json()

    # The answer and how sure it is. The curve is lowest at 60 %.
    said = text_of(part(page, "answer"))
    assert abs(answer["sft_share"] - 0.6) < 0.05
    assert answer["sentence"] in said
    assert "enough evidence" in said
    assert "Better than pretrain only (0 %) over 99 %" in said
    chance = probability(answer["p_best_of_choice"]).replace("\u00a0", " ")
    assert f"It is the best of the mixtures tried and itself {chance}" in said
    assert "14 of 14 trials done, 2 failed" in text_of(part(page, "progress"))

    # The leaderboard, with ties as ties.
    _, *rows = re.findall(r"<tr.*?</tr>", part(page, "table"), re.DOTALL)
    assert len(rows) == len(board["rows"]) == 6
    for row, expected in zip(rows, board["rows"], strict=True):
        share = f"{100 * expected['sft_share']:.0f} %"
        tie = ", tied with the best" if expected["tied_with_best"] else ""
        assert ('class="tied"' in row) == expected["tied_with_best"]
        assert f"{expected['rank']} {tie} {share}".replace("  ", " ") in text_of(row)
        assert f"{expected['mean']:.4f}" in row
        assert f"{expected['posterior']['mean']:.4f}" in row
    assert sum(row["tied_with_best"] for row in board["rows"]) < 6
    worst = text_of(rows[-1])
    assert worst.startswith("6 0 % pretrain only 3.3")
    assert "worse" in worst
    assert "better" in text_of(rows[0])

    # Parts of the noise, where somebody asks for them.
    noise = client.get(f"/studies/{study_id}/table?columns=noise:seed&columns=noise:subset").text
    parts = text_of(re.findall(r"<tr.*?</tr>", part(noise, "table"), re.DOTALL)[1])
    assert parts.endswith(f"{board['rows'][0]['noise']['seed']:.4f} not known")

    # What failed, and what is not known.
    failed = text_of(part(page, "failed"))
    assert failed.count(f"loss is not finite {ATTACK}") == 2
    assert "80 % SFT, seed 1" in failed
    notes = text_of(part(page, "notes"))
    assert all(note in notes for note in [*answer["notes"], *board["notes"]])

    # The curve has the numbers of the leaderboard, and the fit of the recommendation.
    curve = client.get(f"{api}/curve").json()
    means = {mean["sft_share"]: mean["mean"] for mean in curve["line"]["means"]}
    assert means == {row["sft_share"]: row["mean"] for row in board["rows"]}
    assert curve["line"]["curve"] == answer["curve"]
    assert curve["baselines"] == {"pretrain_only": 0.0, "paper": 0.64}
    assert curve["shown"] is None
    alone = client.get(f"{api}/curve?line=benchmark:held_out").json()["line"]
    assert len(alone["points"]) == 12
    assert alone["best_share"] is not None
    assert re.findall(r'<option value="([^"]*)"', page) == [
        "objective",
        "benchmark:test_sums",
        "benchmark:held_out",
    ]

    # Every link of ours leads somewhere.
    links = {html.unescape(link) for link in re.findall(r'(?:href|src)="(/[^"#]*)"', page)}
    assert {f"{api}/export?format=yaml", f"{api}/leaderboard?format=csv"} <= links
    for link in sorted(links):
        if not link.startswith("/compare"):
            assert client.get(link).status_code == 200, link

    # What the user wrote is text, and no script is inline: the policy would refuse it.
    for content in (page, client.get("/").text):
        assert ATTACK not in content
        assert ATTACK in text_of(content)
        for attributes in re.findall(r"<script\b([^>]*)>", content):
            assert "src=" in attributes or 'type="application/json"' in attributes
        assert not re.search(r"\son\w+=|javascript:", content)


def test_question_and_group_cannot_leave_their_place(client: TestClient) -> None:
    closing = f"</script></option>{ATTACK}"
    benchmarks = [{**SMALL_STUDY["benchmarks"][0], "group": closing}]
    study_id = finished_study(client, study_named("small", benchmarks=benchmarks))
    page = client.get(f"/studies/{study_id}").text
    assert ATTACK not in page
    assert closing not in page
    assert html.unescape(page).count(closing) == 1


def test_study_page_says_what_it_waits_for(start_service: StartService) -> None:
    gate = threading.Event()
    with start_service(runner=PretendRunner(gate=gate)) as client:
        study_id = client.post("/v1/studies", json=SMALL_STUDY).json()["id"]
        status = f"/v1/studies/{study_id}"
        wait_until(lambda: len(client.get(status).json()["status"]["running"]) == 2)
        text = text_of(client.get(f"/studies/{study_id}").text)
        assert "No answer yet: 0 of 14 trials are done." in text
        assert "A recommendation needs completed trials at 4 SFT shares or more" in text
        assert "No trial is done yet." in text
        assert "Download the mixture" not in text
        # The first two trials are the ends of the sweep.
        progress = text_of(client.get(f"/studies/{study_id}/progress").text)
        assert "0 of 14 trials done" in progress
        assert "0 % SFT seed 0 decay" in progress
        assert "100 % SFT seed 0 decay" in progress
        assert "state running" in client.get("/").text
        gate.set()
        wait_until(lambda: client.get(status).json()["status"]["state"] == "FINISHED")
        finished_text = text_of(client.get(f"/studies/{study_id}/progress").text)
        assert finished_text == "Progress 14 of 14 trials done"


def test_one_seed_is_named_as_not_known(client: TestClient) -> None:
    few = {"space": {"sft_share": [0.0, 0.5]}, "seeds": [0]}
    study_id = finished_study(client, study_named("small", **few))
    page = client.get(f"/studies/{study_id}").text
    assert "One seed only: no noise estimate" in text_of(part(page, "notes"))
    assert "not known" in text_of(part(page, "table"))
    # Nothing is ruled out while the noise is unknown.
    assert part(page, "table").count('class="tied"') == 3


def test_mixture_off_the_line_is_spelled_out(client: TestClient) -> None:
    sources = [*SMALL_STUDY["sources"], {**SMALL_STUDY["sources"][1], "name": "more"}]
    few = {"space": {"sft_share": [0.0, 0.5]}, "seeds": [0], "near_duplicates": "flag"}
    study_id = finished_study(client, study_named("small", sources=sources, **few))
    mixture = {"text": 0.5, "sums": 0.1, "more": 0.4}
    client.post(f"/v1/studies/{study_id}/trials", json={"shares": mixture})
    board = f"/v1/studies/{study_id}/leaderboard"
    wait_until(lambda: client.get(board).json()["num_trials"] == 4)
    rows = text_of(part(client.get(f"/studies/{study_id}").text, "table"))
    assert rows.count("text 50 %, sums 10 %, more 40 %") == 1


@pytest.mark.parametrize(
    "path", ["/studies/unknown", "/studies/%3Cscript%3Ealert(1)%3C%2Fscript%3E"]
)
def test_unknown_study_is_a_page_for_browsers(client: TestClient, path: str) -> None:
    page = client.get(path, headers={"Accept": "text/html,*/*;q=0.8"})
    assert page.status_code == 404
    if "script" not in path:
        assert "There is no study unknown here." in text_of(page.text)
    assert ATTACK not in page.text


def test_unknown_study_is_a_problem_for_programs(client: TestClient) -> None:
    answer = client.get("/studies/unknown", headers={"Accept": "application/json"})
    assert answer.status_code == 404
    assert answer.headers["content-type"] == "application/problem+json"


def test_plotly_is_served_from_its_package_and_may_be_kept(client: TestClient) -> None:
    plain = client.get("/assets/plotly.min.js", headers={"Accept-Encoding": "identity"})
    assert plain.headers["content-type"].startswith("text/javascript")
    assert "immutable" in plain.headers["cache-control"]
    assert b"plotly.js v" in plain.content[:200]
    with client.stream("GET", "/assets/plotly.min.js") as packed:
        assert packed.headers["content-encoding"] == "gzip"
        assert gzip.decompress(b"".join(packed.iter_raw())) == plain.content


def test_the_page_says_which_benchmarks_tell_mixtures_apart(client: TestClient) -> None:
    study_id = finished_study(client)
    page = client.get(f"/studies/{study_id}").text
    rows = client.get(f"/v1/studies/{study_id}/signal").json()["rows"]
    shown = text_of(part(page, "signal"))
    assert "Which benchmarks tell mixtures apart" in shown
    for row in rows:
        # The stand-in for a worker counts no items.
        assert f"{row['benchmark']} bits per byte \u2013 \u2013 {row['ratio']:.1f}" in shown
    board = client.get(f"/v1/studies/{study_id}/leaderboard").json()
    assert set(board["unknown_noise"]) == {"subset"}
    for why in board["unknown_noise"].values():
        assert f"is not known: {why}." in shown
