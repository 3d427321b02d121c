"""The token: asked of everything but the sign of life, and compared in constant time."""

import base64
import json

import pytest

import service.auth
from service.auth import TokenAuth, token_of
from tests.service.asgi import Recorder, ask
from tests.service.conftest import StartService

TOKEN = "swordfish"


def basic(text: str) -> str:
    return "Basic " + base64.b64encode(text.encode()).decode()


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


@pytest.mark.parametrize("header", ["Bearer swordfish", basic("me:swordfish")])
def test_the_right_token_is_let_in(header: str) -> None:
    app = Recorder()
    assert ask(TokenAuth(app, TOKEN), headers={"Authorization": header}).status == 200
    assert len(app.bodies) == 1


@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        "Bearer",
        "Bearer ",
        "Bearer swordfis",
        "Bearer swordfishs",
        "Bearer SWORDFISH",
        "Bearer é",
        "Basic é",
        basic("swordfish:"),
        basic("swordfish"),
    ],
)
@pytest.mark.parametrize(
    "path", ["/", "/v1/studies", "/readyz", "/static/x.js", "/healthz/", "//healthz"]
)
def test_a_wrong_token_gets_401_and_nothing_is_run(header: str | None, path: str) -> None:
    app = Recorder()
    headers = {} if header is None else {"Authorization": header}
    answer = ask(TokenAuth(app, TOKEN), path, headers)
    assert answer.status == 401
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["www-authenticate"] == 'Basic realm="Decaymix", charset="UTF-8"'
    assert json.loads(answer.body)["detail"] == "send 'Authorization: Bearer TOKEN'"
    assert app.messages == []


def test_the_sign_of_life_needs_no_token() -> None:
    assert ask(TokenAuth(Recorder(), TOKEN), "/healthz").status == 200


def test_tokens_are_compared_in_constant_time(monkeypatch: pytest.MonkeyPatch) -> None:
    compared = []

    def compare(given: bytes, right: bytes) -> bool:
        compared.append((given, right))
        return given == right

    monkeypatch.setattr(service.auth.hmac, "compare_digest", compare)
    ask(TokenAuth(Recorder(), TOKEN), headers={"Authorization": "Bearer guess"})
    assert compared == [(b"guess", b"swordfish")]


def test_the_whole_service_asks_for_it(start_service: StartService) -> None:
    with start_service(token=TOKEN) as client:
        for path in ("/", "/v1/studies", "/openapi.json", "/readyz", "/nothing"):
            assert client.get(path).status_code == 401, path
            assert client.get(path, headers={"Authorization": "Bearer no"}).status_code == 401
        assert client.get("/healthz").status_code == 200
        allowed = {"Authorization": f"Bearer {TOKEN}"}
        assert client.get("/v1/studies", headers=allowed).json() == []
        assert client.get("/", auth=("anybody", TOKEN)).status_code == 200
