"""Every list comes in pages: the `Link` of one leads to the next, and all of them are the whole."""

import re
from pathlib import Path
from typing import Any
from urllib.parse import quote

from fastapi.testclient import TestClient

from tests.service.conftest import StartService
from tests.service.test_change import OUTSIDE, first_trial, outside_study
from tests.service.test_problems import problem_of


def follow(client: TestClient, path: str, **given: Any) -> list[Any]:
    """The pages from this one on, by their links."""
    pages = []
    while True:
        answer = client.get(path, **given)
        assert answer.status_code == 200, answer.text
        pages.append(answer.json())
        if "link" not in answer.headers:
            return pages
        match = re.fullmatch(r'<(/v1/[^>]+)>; rel="next"', answer.headers["link"])
        assert match, answer.headers["link"]
        path = match[1]


def test_pages_of_a_plain_list_are_the_list(start_service: StartService) -> None:
    with start_service(token="swordfish") as client:
        client.headers["Authorization"] = "Bearer swordfish"
        for name in ("a", "b", "c", "d", "e"):
            client.post("/v1/studies", json={**OUTSIDE, "name": name})
            client.post("/v1/tokens", json={"name": name, "scopes": ["read"]})
            wish = {"note": "a&b=c" if name != "c" else "other"}
            client.patch(f"/v1/studies/{client.get('/v1/studies').json()[0]['id']}", json=wish)
        whole = [
            "/v1/studies",
            f"/v1/studies?q={quote('a&b=c')}",
            "/v1/tokens",
            "/v1/sources",
            "/v1/benchmarks",
            "/v1/study-presets",
            "/v1/export-formats",
        ]
        for path in whole:
            every = client.get(path).json()
            assert "link" not in client.get(path).headers
            join = "&" if "?" in path else "?"
            pages = follow(client, f"{path}{join}limit=2")
            assert [one for page in pages for one in page] == every, path
            assert [len(page) for page in pages[:-1]] == [2] * (len(pages) - 1)
            assert len(every) >= 3
        assert len(client.get(whole[1]).json()) == 4


def test_a_list_that_is_not_in_the_order_of_its_names_loses_nothing(
    client: TestClient, data_root: Path
) -> None:
    (data_root / "a_task.yaml").write_text("task: a_task\n")
    every = client.get("/v1/benchmarks").json()
    assert [one["name"] for one in every] != sorted(one["name"] for one in every)
    pages = follow(client, "/v1/benchmarks?limit=2")
    assert [one for page in pages for one in page] == every


def test_pages_that_are_objects_have_links_too(client: TestClient) -> None:
    study = outside_study(client)
    pages = follow(client, f"/v1/studies/{study}/trials?limit=2&sort=-sft_share")
    assert [len(page["trials"]) for page in pages] == [2, 2, 2]
    pages = follow(client, "/v1/audit?limit=1")
    assert [len(page["entries"]) for page in pages] == [1]
    trial = first_trial(client, study)
    for _ in range(3):
        client.post(f"/v1/studies/{study}/ask", json={"worker": "w", "lease_seconds": 1})
        told = {"attempt": client.get(f"/v1/trials/{trial}").json()["attempt"], "failure": "no"}
        assert client.post(f"/v1/trials/{trial}/tell", json=told).status_code == 200
        assert client.post(f"/v1/trials/{trial}/retry").status_code == 202
    pages = follow(client, f"/v1/trials/{trial}/attempts?limit=2")
    numbers = [[one["number"] for one in page["attempts"]] for page in pages]
    assert numbers == [[1, 2], [3]]
    pages = follow(client, "/v1/audit?limit=4")
    assert len(pages) == 3
    assert sum(len(page["entries"]) for page in pages) == 10


def test_what_comes_meanwhile_moves_no_page(client: TestClient) -> None:
    ids = [
        client.post("/v1/studies", json={**OUTSIDE, "name": name}).json()["id"] for name in "abc"
    ]
    first = client.get("/v1/studies?limit=2")
    assert [one["id"] for one in first.json()] == [ids[2], ids[1]]
    client.post("/v1/studies", json={**OUTSIDE, "name": "d"})
    path = first.headers["link"].split(">")[0][1:]
    assert [one["id"] for one in client.get(path).json()] == [ids[0]]


def test_a_page_after_what_is_not_there_is_refused(client: TestClient) -> None:
    for path in ("/v1/studies", "/v1/tokens", "/v1/study-presets"):
        answer = client.get(path, params={"after": "nothing", "limit": 2})
        assert problem_of(answer, 422)["errors"][0]["field"] == "after"
        assert client.get(path, params={"limit": 0}).status_code == 422
