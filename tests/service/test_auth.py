"""The door: tokens, logins, scopes, forged requests, wrong guesses, and what is written down."""

import base64
from collections.abc import Iterator
from typing import Any

import pytest
from fastapi.routing import iter_route_contexts
from fastapi.testclient import TestClient

from service.app import create_app
from service.auth import COOKIE, token_of
from service.pages.html import static_url
from service.scopes import Needs
from service.settings import Settings
from tests.service.conftest import SMALL_STUDY, StartService
from tests.service.pretend_runner import PretendRunner
from tests.service.thread_pool import ThreadPool

TOKEN = "swordfish"
OWNER = {"Authorization": f"Bearer {TOKEN}"}


def basic(text: str) -> str:
    return "Basic " + base64.b64encode(text.encode()).decode()


@pytest.fixture
def locked(start_service: StartService) -> Iterator[TestClient]:
    with start_service(token=TOKEN) as client:
        yield client


def make(client: TestClient, *scopes: str, **wish: Any) -> str:
    """The text of a new token."""
    body = {"name": "-".join(scopes), "scopes": scopes, **wish}
    answer = client.post("/v1/tokens", json=body, headers=OWNER)
    assert answer.status_code == 201, answer.text
    token: str = answer.json()["token"]
    return token


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


@pytest.mark.parametrize(
    ("header", "token"),
    [
        ("Bearer swordfish", "swordfish"),
        ("bearer  swordfish ", "swordfish"),
        (basic("anybody:swordfish"), "swordfish"),
        (basic(":swordfish"), "swordfish"),
        # A colon may stand in a password, but not in a user name.
        (basic("a:b:c"), "b:c"),
        (basic("swordfish"), ""),
        (basic("a:pässwort"), "pässwort"),
        ("Basic !!!", ""),
        ("Basic é", ""),
        ("Basic " + base64.b64encode(b"a:\xff").decode(), ""),
        ("Digest swordfish", ""),
        ("swordfish", ""),
        ("", ""),
    ],
)
def test_the_token_in_a_header(header: str, token: str) -> None:
    assert token_of(header) == token


def test_without_any_token_all_are_let_in(client: TestClient) -> None:
    assert client.get("/v1/studies").status_code == 200
    assert client.get("/v1/tokens").json() == []


def test_without_a_token_nothing_but_the_sign_of_life_answers(locked: TestClient) -> None:
    for path in ("/v1/studies", "/openapi.json", "/readyz", "/nothing", "/metrics"):
        answer = locked.get(path)
        assert answer.status_code == 401, path
        assert answer.headers["www-authenticate"] == 'Bearer realm="Decaymix"'
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.json()["detail"] == "send 'Authorization: Bearer TOKEN'"
        assert locked.post(path).status_code == 401, path
    assert locked.get("/healthz").status_code == 200
    assert locked.get(static_url("page.css")).status_code == 200
    assert locked.get("/v1/studies", headers=OWNER).json() == []
    assert locked.get("/", auth=("anybody", TOKEN)).status_code == 200


@pytest.mark.parametrize(
    "header",
    ["Bearer swordfis", "Bearer swordfishs", "Bearer SWORDFISH", basic("swordfish:"), "Basic é"],
)
def test_a_token_that_is_nearly_right_is_wrong(locked: TestClient, header: str) -> None:
    headers = {b"authorization": header.encode("latin-1")}
    assert locked.get("/v1/studies", headers=headers).status_code == 401  # type: ignore[arg-type]


def test_each_scope_allows_what_it_says(locked: TestClient) -> None:
    reader, submitter = bearer(make(locked, "read")), bearer(make(locked, "submit"))
    admin = bearer(make(locked, "admin"))
    assert locked.get("/v1/studies", headers=reader).status_code == 200
    refused = locked.post("/v1/studies", json=SMALL_STUDY, headers=reader)
    assert refused.status_code == 403
    assert "may read, and change nothing" in refused.json()["detail"]
    assert locked.post("/v1/studies", json=SMALL_STUDY, headers=submitter).status_code == 201
    for headers in (reader, submitter):
        refused = locked.get("/v1/tokens", headers=headers)
        assert refused.status_code == 403
        assert "this needs the scope 'admin'" in refused.json()["detail"]
        assert locked.get("/v1/audit", headers=headers).status_code == 403
    assert len(locked.get("/v1/tokens", headers=admin).json()) == 3


def test_every_route_declares_its_scope() -> None:
    app = create_app(Settings(), ThreadPool(runner=PretendRunner()))
    routes = list(iter_route_contexts(app.routes))
    assert len(routes) > 25
    for route in routes:
        if route.path in ("/static/{version}", "/openapi.json"):
            continue  # asked for a token, or open, by the door alone: a test above looks
        calls = [one.call for one in route.dependant.dependencies]
        declared = {one.scope for one in calls if isinstance(one, Needs)}
        assert declared, f"{route.path} declares no scope; see service/scopes.py"
        is_change = bool((route.methods or set()) - {"GET", "HEAD"})
        if is_change and route.path not in ("/login", "/logout"):
            assert declared & {"submit", "admin"}, f"{route.methods} {route.path} may be read"


def test_a_revoked_token_is_refused_at_once(locked: TestClient) -> None:
    token = make(locked, "read")
    assert locked.get("/v1/studies", headers=bearer(token)).status_code == 200
    (stored,) = locked.get("/v1/tokens", headers=OWNER).json()
    assert locked.delete(f"/v1/tokens/{stored['id']}", headers=OWNER).json()["revoked_at"]
    assert locked.get("/v1/studies", headers=bearer(token)).status_code == 401
    assert locked.delete("/v1/tokens/none", headers=OWNER).status_code == 404


def test_wrong_guesses_wait_and_ours_do_not(locked: TestClient) -> None:
    ours = make(locked, "read")
    for _ in range(10):
        assert locked.get("/v1/studies", headers=bearer("guess")).status_code == 401
    refused = locked.get("/v1/studies", headers=bearer("guess"))
    assert refused.status_code == 429
    assert 1 <= int(refused.headers["retry-after"]) <= 6
    # What can be guessed is not even looked at; what cannot is let in.
    assert locked.get("/v1/studies", headers=OWNER).status_code == 429
    assert locked.get("/v1/studies", headers=bearer(ours)).status_code == 200
    assert locked.get("/v1/studies").status_code == 401
    assert locked.post("/login", data={"token": TOKEN}).status_code == 429


def log_in(client: TestClient, token: str, target: str = "/") -> Any:
    return client.post("/login", data={"token": token, "next": target}, follow_redirects=False)


def test_a_browser_is_led_to_the_login_and_back(locked: TestClient) -> None:
    page = locked.get("/?page=1", headers={"Accept": "text/html"}, follow_redirects=False)
    assert (page.status_code, page.headers["location"]) == (303, "/login?next=/%3Fpage%3D1")
    assert 'name="token"' in locked.get("/login").text
    answer = log_in(locked, TOKEN, "/?page=1")
    assert (answer.status_code, answer.headers["location"]) == (303, "/?page=1")
    cookie = answer.headers["set-cookie"]
    assert "HttpOnly" in cookie and "SameSite=lax" in cookie and "Max-Age=43200" in cookie
    assert locked.get("/").status_code == 200
    assert "Logged in as DECAYMIX_TOKEN" in locked.get("/login").text
    own = {"Origin": "http://127.0.0.1"}
    assert locked.post("/logout", headers=own, follow_redirects=False).status_code == 303
    assert locked.get("/v1/studies").status_code == 401


def test_a_wrong_token_does_not_log_in(locked: TestClient) -> None:
    answer = log_in(locked, "wrong")
    assert answer.status_code == 401
    assert "This is no token" in answer.text
    assert COOKIE not in answer.cookies


@pytest.mark.parametrize(
    "target", ["//evil.example", "/\\evil.example", "https://evil.example", "/a\r\nSet-Cookie: b"]
)
def test_the_login_leads_to_no_other_site(locked: TestClient, target: str) -> None:
    assert log_in(locked, TOKEN, target).headers["location"] == "/"


def test_a_login_ends_with_its_token(start_service: StartService) -> None:
    with start_service(token=TOKEN) as client:
        reader = make(client, "read")
        assert log_in(client, reader).status_code == 303
        assert client.get("/v1/studies").status_code == 200
        (stored,) = client.get("/v1/tokens", headers=OWNER).json()
        client.delete(f"/v1/tokens/{stored['id']}", headers=OWNER)
        assert client.get("/v1/studies").status_code == 401
        log_in(client, TOKEN)
        cookie = client.cookies[COOKIE]
    # A login outlives a restart, but not a change of DECAYMIX_TOKEN.
    with start_service(token=TOKEN) as client:
        assert client.get("/v1/studies", headers={"Cookie": f"{COOKIE}={cookie}"}).is_success
    with start_service(token="marlin") as client:
        refused = client.get("/v1/studies", headers={"Cookie": f"{COOKIE}={cookie}"})
        assert refused.status_code == 401


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Sec-Fetch-Site": "same-origin"}, 404),
        ({"Origin": "http://127.0.0.1"}, 404),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Sec-Fetch-Site": "same-site"}, 403),
        ({"Origin": "http://evil.example"}, 403),
        ({"Origin": "http://127.0.0.1:81"}, 403),
        ({"Origin": "null"}, 403),
        ({}, 403),
    ],
)
def test_a_change_by_a_login_must_come_from_a_page_of_ours(
    locked: TestClient, headers: dict[str, str], status: int
) -> None:
    log_in(locked, TOKEN)
    assert locked.post("/v1/trials/none/cancel", headers=headers).status_code == status


def test_a_page_of_another_site_changes_nothing_where_no_token_is_asked_for(
    client: TestClient,
) -> None:
    assert client.post("/v1/trials/none/cancel").status_code == 404
    for headers in ({"Origin": "http://evil.example"}, {"Sec-Fetch-Site": "cross-site"}):
        assert client.post("/v1/trials/none/cancel", headers=headers).status_code == 403


def test_too_many_requests_are_told_to_wait(start_service: StartService) -> None:
    with start_service(requests_per_second=2) as client:
        answers = [client.get("/healthz") for _ in range(6)]
    assert [one.status_code for one in answers[:4]] == [200] * 4
    assert answers[5].status_code == 429
    assert answers[5].headers["retry-after"] == "1"


def test_what_was_done_is_written_down(locked: TestClient) -> None:
    submitter = make(locked, "submit")
    study = locked.post("/v1/studies", json=SMALL_STUDY, headers=bearer(submitter)).json()["id"]
    locked.get(f"/v1/studies/{study}", headers=bearer(submitter))
    locked.get("/v1/studies", headers=bearer("guess"))
    log_in(locked, TOKEN)
    assert locked.get("/v1/tokens", headers=bearer(submitter)).status_code == 403
    page = locked.get("/v1/audit", headers=OWNER, params={"limit": 4}).json()
    told = [(one["who"], one["action"], one["path"], one["status"]) for one in page["entries"]]
    (stored,) = locked.get("/v1/tokens", headers=OWNER).json()
    name = f"token submit ({stored['id']})"
    assert told == [
        (name, "list_tokens", "GET /v1/tokens", 403),
        ("DECAYMIX_TOKEN", "log_in", "POST /login", 303),
        ("nobody", "refused", "GET /v1/studies", 401),
        (name, "submit_study", "POST /v1/studies", 201),
    ]
    assert {one["address"] for one in page["entries"]} == {"testclient"}
    params = {"before": page["next_before"]}
    older = locked.get("/v1/audit", headers=OWNER, params=params).json()
    assert older["next_before"] is None
    assert [one["detail"] for one in older["entries"]] == [f"{stored['id']} submit: submit"]


def test_a_secret_is_nowhere_in_clear(start_service: StartService, tmp_path: Any) -> None:
    canary = "canary-8d1f-swordfish"
    hooks = {"webhook_urls": ("http://127.0.0.1:9/canary-path",), "webhook_secret": "canary-key"}
    with start_service(token=canary, **hooks) as client:
        owner = bearer(canary)
        made = client.post("/v1/tokens", json={"name": "a", "scopes": ["admin"]}, headers=owner)
        token = made.json()["token"]
        log_in(client, canary)
        cookie = client.cookies[COOKIE]
        shown = [
            client.get(path, headers=owner).text
            for path in (
                *("/", "/login", "/v1/tokens", "/v1/audit", "/openapi.json", "/readyz"),
                *("/settings", "/v1/settings", "/cluster", "/v1/cluster", "/metrics"),
            )
        ]
        shown.append(client.get("/v1/studies", headers=bearer(canary + "x")).text)
    home = tmp_path / "home"
    kept = [file.read_bytes() for file in home.rglob("*") if file.is_file()]
    assert kept
    for secret in (canary, "canary-path", "canary-key", token, token.split("_", 2)[2], cookie):
        assert not any(secret in text for text in shown)
        assert not any(secret.encode() in content for content in kept)
