"""Comparisons by address: what the API gives, and errors that name what is wrong."""

import threading
from typing import Any

import pytest
from fastapi.testclient import TestClient

from service.app import create_app
from service.settings import Settings
from tests.service.conftest import SMALL_STUDY, StartService, finished_study, write_small_data
from tests.service.pretend_runner import PretendRunner
from tests.service.thread_pool import ThreadPool

FEW = {**SMALL_STUDY, "space": {"sft_share": [0.0, 0.3, 0.6]}, "baselines": {}}


@pytest.fixture(scope="module")
def compared(
    tmp_path_factory: pytest.TempPathFactory,
) -> Any:
    """A service with two finished studies: client, id and id."""
    root = tmp_path_factory.mktemp("compare")
    settings = Settings(home=root / "home", data_roots=(write_small_data(root / "data"),))
    app = create_app(settings, ThreadPool(runner=PretendRunner()))
    with TestClient(app, base_url="http://127.0.0.1") as client:
        first = finished_study(client, FEW)
        second = finished_study(client, {**FEW, "name": "other", "decay": {"tokens": 100_000}})
        yield client, first, second


def trial_ids(client: TestClient, study_id: str) -> list[str]:
    return [trial["id"] for trial in client.get(f"/v1/studies/{study_id}/trials").json()]


def test_trials_of_a_study(compared: Any) -> None:
    client, first, _ = compared
    ids = trial_ids(client, first)
    found = client.get("/v1/compare", params={"trial": ids}).json()
    assert len(found["trials"]) == 6
    assert len(found["mixtures"]) == 3
    assert all(one["differences"]["objective"]["num_pairs"] == 2 for one in found["mixtures"][1:])


def test_studies_that_order_mixtures_alike(compared: Any) -> None:
    client, first, second = compared
    found = client.get("/v1/compare", params={"study": [first, second]}).json()
    assert [one["name"] for one in found["studies"]] == ["small", "other"]
    (pair,) = found["pairs"]
    # The pretend scores fall towards 0.6 in both.
    assert pair["spearman"] == 1.0
    assert len(pair["common"]) == 3
    assert (pair["rank_in_second"], pair["rank_in_first"]) == (1, 1)
    # Three shares are too few for an answer, and the study says so.
    assert found["studies"][0]["has_answer"] is False
    assert "4 SFT shares" in found["studies"][0]["sentence"]


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ({"trial": ["one"]}, "1 trials given; give 2 to 200 different ones"),
        ({"trial": ["one", "one"]}, "1 trials given"),
        ({"trial": ["nobody", "neither"]}, "there is no trial nobody, neither"),
        ({"study": ["nobody", "neither"]}, "there is no study nobody, neither"),
        ({"study": [str(i) for i in range(7)]}, "7 studies given; give 2 to 6"),
        ({"trial": [str(i) for i in range(201)]}, "201 trials given"),
        ({}, "neither trials nor studies given"),
        ({"trial": ["a", "b"], "study": ["a", "b"]}, "both trials and studies given"),
    ],
)
def test_errors_name_what_is_wrong(compared: Any, query: dict[str, list[str]], said: str) -> None:
    client = compared[0]
    answer = client.get("/v1/compare", params=query)
    assert answer.status_code == 422
    assert said in answer.json()["detail"]
    page = client.get("/compare", params=query, headers={"Accept": "text/html"})
    if query:
        assert page.status_code == 422
        assert said[0].upper() + said[1:] in page.text
    else:
        assert page.status_code == 200


def test_the_page_offers_studies_and_keeps_what_was_chosen(compared: Any) -> None:
    client, first, second = compared
    offered = client.get("/compare").text
    for study in (first, second):
        assert f'name="study" value="{study}">' in offered
    # One is too few: the page says so, and it is still chosen. An id from elsewhere is still there.
    again = client.get("/compare", params={"study": first, "trial": ""}).text
    assert f'name="study" value="{first}" checked>' in again
    assert ">elsewhere</textarea>" in client.get("/compare?study=elsewhere").text


def test_pages_show_the_numbers_of_the_api(compared: Any) -> None:
    client, first, second = compared
    ids = trial_ids(client, first)
    found = client.get("/v1/compare", params={"trial": ids}).json()
    page = client.get("/compare", params={"trial": ids}).text
    for one in found["mixtures"]:
        assert f"{one['mean']:.4f}" in page
    benchmark = found["benchmarks"][0]
    # Ids that a user typed into one field, and a benchmark of their choice.
    shown = client.get("/compare", params={"trial": "\n".join(ids), "show": benchmark}).text
    assert f"Bits per byte of {benchmark}" in shown
    assert client.get("/compare", params={"trial": ids, "show": "piqa"}).status_code == 422
    studies = client.get("/compare", params={"study": [first, second]}).text
    assert "Mixtures of both: small and other" in studies
    # One proxy: nothing to ask across sizes.
    assert "Do smaller models" not in studies
    assert "1.00" in studies


def test_a_trial_that_waits_is_compared_as_not_known(start_service: StartService) -> None:
    gate = threading.Event()
    with start_service(runner=PretendRunner(gate=gate)) as client:
        study_id = client.post("/v1/studies", json=FEW).json()["id"]
        page = client.get("/compare", params={"trial": trial_ids(client, study_id)[:2]})
        assert page.status_code == 200
        assert "No score in bits_per_byte" in page.text
        gate.set()


def test_proxies_of_two_sizes_are_compared_across_or_it_is_said_why_not(compared: Any) -> None:
    client, first, _ = compared
    nano = {"preset": "nano", "vocab_size": 2048, "context_tokens": 256}
    larger = finished_study(client, {**FEW, "name": "larger", "proxy": nano})
    page = client.get("/compare", params={"study": [first, larger]}).text
    assert "Do smaller models say what larger ones say?" in page
    why = client.get("/v1/across-proxies", params={"study": [first, larger]})
    # Three mixtures are too few; the page has the API's own words.
    assert why.status_code == 409
    assert why.json()["detail"][1:40] in page
