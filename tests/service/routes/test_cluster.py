"""The cluster and the settings as the API and the pages show them; never the token."""

import threading

import pytest
from fastapi.testclient import TestClient

from service.settings import Settings
from tests.service.conftest import SMALL_STUDY, StartService, finished_study
from tests.service.pages.test_pages import text_of
from tests.service.pretend_runner import PretendRunner
from tests.waiting import wait_until

FEW = {**SMALL_STUDY, "space": {"sft_share": [0.0, 0.5, 1.0]}, "baselines": {}, "seeds": [0]}
TOKEN = "a-very-secret-token"


def test_idle_cluster_says_so(client: TestClient) -> None:
    found = client.get("/v1/cluster").json()
    assert found["state"] == "ok"
    assert (found["num_running"], found["num_free"], found["num_waiting"]) == (0, 2, 0)
    text = text_of(client.get("/cluster").text)
    assert "Nothing: no trial runs." in text
    assert "Queue Empty." in text
    assert "Last failures None." in text


def test_busy_cluster_shows_workers_and_queue(start_service: StartService) -> None:
    gate = threading.Event()
    with start_service(runner=PretendRunner(gate=gate)) as client:
        study_id = client.post("/v1/studies", json=FEW).json()["id"]

        def is_busy() -> bool:
            found = client.get("/v1/cluster").json()
            return [bool(one["progress"]) for one in found["workers"]] == [True, True]

        wait_until(is_busy)
        found = client.get("/v1/cluster").json()
        assert (found["num_running"], found["num_free"], found["num_waiting"]) == (2, 0, 1)
        assert found["queue"][0]["study_id"] == study_id
        assert {one["progress"]["phase"] for one in found["workers"]} == {"decay"}
        text = text_of(client.get("/cluster").text)
        assert "2 busy, 0 free of 2 cores" in text
        assert "0 % SFT, seed 0 small decay" in text
        assert "small 2 1" in text
        gate.set()


def test_workers_on_one_mixture_are_told_apart_by_their_levels(start_service: StartService) -> None:
    gate = threading.Event()
    space = {"sft_share": [0.64], "factors": {"decay.lr_ratio": [0.5, 1.0]}}
    with start_service(runner=PretendRunner(gate=gate)) as client:
        client.post("/v1/studies", json={**FEW, "space": space}).raise_for_status()
        wait_until(lambda: len(client.get("/v1/cluster").json()["workers"]) == 2)
        found = [one["factors"] for one in client.get("/v1/cluster").json()["workers"]]
        assert found == [{"decay.lr_ratio": 0.5}, {"decay.lr_ratio": 1.0}]
        text = text_of(client.get("/cluster").text)
        assert "64 % SFT, seed 0 decay.lr_ratio 0.5 small" in text
        assert "64 % SFT, seed 0 decay.lr_ratio 1 small" in text
        gate.set()


def test_last_failures_are_listed(start_service: StartService) -> None:
    with start_service(runner=PretendRunner(fail={0.5: ValueError("no")})) as client:
        finished_study(client, FEW)
        (failure,) = client.get("/v1/cluster").json()["failures"]
        assert failure["outcome"] == "FAILED"
        assert f'href="/trials/{failure["trial_id"]}"' in client.get("/cluster").text


def test_every_setting_is_shown_and_the_token_is_not(start_service: StartService) -> None:
    with start_service(token=TOKEN, max_body_bytes=12_345) as client:
        headers = {"Authorization": f"Bearer {TOKEN}"}
        found = client.get("/v1/settings", headers=headers)
        page = client.get("/settings", headers=headers)
    assert TOKEN not in found.text
    assert TOKEN not in page.text
    shown = {one["name"]: one for one in found.json()["settings"]}
    assert set(shown) == set(Settings.model_fields)
    assert shown["token"]["value"] == "set"
    assert shown["max_body_bytes"]["value"] == "12345"
    assert not shown["max_body_bytes"]["is_default"]
    assert shown["ray_address"]["variable"] == "RAY_ADDRESS"
    for one in shown.values():
        assert one["about"]
        assert one["variable"] in page.text
    assert shown["token_file"]["how"] == "DECAYMIX_TOKEN_FILE=VALUE ./run serve"
    assert "asked for with every request" in text_of(page.text)
    assert found.json()["versions"]["torch"]


def test_without_a_token_the_page_warns_until_one_is_made(client: TestClient) -> None:
    assert "not asked for : whoever reaches this address" in text_of(client.get("/settings").text)
    made = client.post("/v1/tokens", json={"name": "ann", "scopes": ["admin"]}).json()
    held = {"Authorization": f"Bearer {made['token']}"}
    assert "asked for with every request" in text_of(client.get("/settings", headers=held).text)
    assert client.get("/v1/settings", headers=held).json()["has_token"]


@pytest.mark.parametrize("path", ["/v1/cluster", "/v1/settings", "/cluster", "/settings"])
def test_both_ask_for_the_token(start_service: StartService, path: str) -> None:
    with start_service(token=TOKEN) as client:
        assert client.get(path).status_code == 401
