"""Every error of the service is RFC 9457 problem+json, on every route and from every layer."""

import json
import re
from typing import Any

import httpx
import pytest
from fastapi.testclient import TestClient

from tests.service.conftest import SMALL_STUDY, StartService

_METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
KEYS = {"type", "title", "status", "detail", "errors"}


def problem_of(answer: httpx.Response, status: int) -> dict[str, Any]:
    """The problem, looked at for its form."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    found: dict[str, Any] = answer.json()
    assert set(found) == KEYS
    assert found["status"] == status
    assert found["detail"] and found["title"] and found["type"] == "about:blank"
    for error in found["errors"]:
        assert set(error) == {"pointer", "field", "value", "message"}
        assert error["pointer"].startswith("/")
    return found


def test_methods_and_paths_that_are_not_there(client: TestClient) -> None:
    paths = client.get("/openapi.json").json()["paths"]
    assert len(paths) > 20
    for path in paths:
        # GET /v1/studies/check is one of GET /v1/studies/{study_id}.
        alike = [one for one in paths if re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", one), path)]
        methods = {name.upper() for one in alike for name in paths[one]}
        for method in set(_METHODS) - methods:
            answer = client.request(method, path)
            problem_of(answer, 405)
            allowed = {name.strip() for name in answer.headers["allow"].split(",")}
            assert allowed <= methods | {"HEAD"}, path
    for path in ("/nothing", "/v1/nothing", "/static/nothing.js", "/v1/studies/x/nothing"):
        problem_of(client.get(path), 404)


def test_ids_that_are_not_there(client: TestClient) -> None:
    paths = client.get("/openapi.json").json()["paths"]
    for path, methods in paths.items():
        if "_id}" not in path:
            continue
        for method in set(methods) & {"get", "delete"}:
            filled = path.replace("{study_id}", "x").replace("{trial_id}", "x")
            answer = client.request(method, filled.replace("{token_id}", "x"))
            if answer.status_code == 422:  # a query that it needs is looked at first
                problem_of(answer, 422)
            else:
                problem_of(answer, 404)


def test_bodies_of_another_kind(client: TestClient) -> None:
    study = {**SMALL_STUDY, "name": "other"}
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    for path in (
        "/v1/studies",
        "/v1/studies/x/trials",
        "/v1/studies/x/ask",
        "/v1/trials/x/renew",
        "/v1/trials/x/tell",
        "/v1/studies/x/import",
        "/v1/tokens",
    ):
        answer = client.post(path, content=json.dumps(study), headers=form)
        (error,) = problem_of(answer, 415)["errors"]
        assert error["field"] == "Content-Type"
        assert error["value"] == "application/x-www-form-urlencoded"
        assert answer.headers["accept"].split(", ")[0] in ("application/json", "text/csv")
    assert client.get("/v1/studies").json() == []
    for kind in ("application/json; charset=utf-8", "application/vnd.x+json", None):
        headers = {} if kind is None else {"Content-Type": kind}
        answer = client.post("/v1/studies", content=json.dumps(study), headers=headers)
        assert answer.status_code in (200, 201), kind


@pytest.mark.parametrize(
    ("path", "body", "pointer"),
    [
        ("/v1/studies", {**SMALL_STUDY, "seeds": [0, -1]}, "/seeds/1"),
        ("/v1/studies", {**SMALL_STUDY, "space": {"sft_share": [2]}}, "/space/sft_share/0"),
        ("/v1/studies", {**SMALL_STUDY, "a/b~c": 1}, "/a~1b~0c"),
        ("/v1/studies", [], "/"),
        ("/v1/studies/x/ask", {"num": 0, "worker": "w"}, "/num"),
        ("/v1/trials/x/renew", {"attempt": "one"}, "/attempt"),
        ("/v1/tokens", {"name": "a", "scopes": ["all"]}, "/scopes/0"),
        ("/v1/tokens", {"name": "a", "scopes": []}, "/scopes"),
        (
            "/v1/tokens",
            {"name": "a", "scopes": ["read"], "expires_in_days": -1},
            "/expires_in_days",
        ),
    ],
)
def test_bad_input_is_pointed_at(client: TestClient, path: str, body: Any, pointer: str) -> None:
    errors = problem_of(client.post(path, json=body), 422)["errors"]
    assert pointer in [error["pointer"] for error in errors]


@pytest.mark.parametrize("path", ["/v1/studies", "/v1/studies/x/ask", "/v1/tokens"])
def test_bodies_that_are_no_json(client: TestClient, path: str) -> None:
    headers = {"Content-Type": "application/json"}
    for body in ("{", "{]", "\x00"):
        assert problem_of(client.post(path, content=body, headers=headers), 422)["errors"]


def test_what_the_layers_around_the_routes_refuse(start_service: StartService) -> None:
    with start_service(token="swordfish", max_body_bytes=1000) as client:
        owner = {"Authorization": "Bearer swordfish"}
        problem_of(client.get("/v1/studies"), 401)
        problem_of(client.get("/healthz", headers={"Host": "evil.example"}), 421)
        problem_of(client.post("/v1/studies", headers={**owner, "Origin": "http://a"}), 403)
        big = problem_of(client.post("/v1/studies", content=b"x" * 1001, headers=owner), 413)
        assert big["errors"][0]["pointer"] == "/"
        problem_of(client.delete("/v1/tokens/none", headers=owner), 404)
    with start_service() as client:
        problem_of(client.post("/v1/tokens", json={"name": "a", "scopes": ["read"]}), 409)
    with start_service(requests_per_second=0.5) as client:
        client.get("/healthz")
        assert problem_of(client.get("/healthz"), 429)["title"] == "Too Many Requests"


def test_a_defect_says_no_more_than_that(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken() -> None:
        raise RuntimeError("the password is swordfish")

    keyring = client.app.state.controller.keyring  # type: ignore[attr-defined]
    monkeypatch.setattr(keyring, "list", broken)
    quiet = TestClient(client.app, base_url="http://127.0.0.1", raise_server_exceptions=False)
    answer = quiet.get("/v1/tokens", headers={"X-Request-ID": "mine"})
    assert problem_of(answer, 500)["detail"] == "a defect of Decaymix: RuntimeError; see its log"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["x-request-id"] == "mine"


def test_the_description_has_every_error_as_a_problem(client: TestClient) -> None:
    schema = client.get("/openapi.json").json()
    reference = {"schema": {"$ref": "#/components/schemas/Problem"}}
    for path, methods in schema["paths"].items():
        for method, operation in methods.items():
            for status, response in operation["responses"].items():
                if status >= "400" and (path, status) != ("/readyz", "503"):
                    if "$ref" in response:
                        response = schema["components"]["responses"][status]
                    (kind,) = response["content"]
                    assert kind == "application/problem+json"
                    assert response["content"][kind]["schema"] == reference["schema"]
            assert "500" in operation["responses"], (method, path)
    assert "HTTPValidationError" not in schema["components"]["schemas"]
