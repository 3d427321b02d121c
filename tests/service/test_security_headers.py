"""Every answer has the headers, errors and refusals included."""

import pytest
from fastapi.testclient import TestClient

from tests.service.conftest import StartService

NAMES = (
    "content-security-policy",
    "x-content-type-options",
    "x-frame-options",
    "referrer-policy",
    "cross-origin-opener-policy",
    "cross-origin-resource-policy",
    "permissions-policy",
    "cache-control",
)


@pytest.mark.parametrize(
    ("path", "status"),
    [("/", 200), ("/healthz", 200), ("/v1/studies", 200), ("/nothing", 404), ("/v1/trials/x", 404)],
)
def test_every_answer_has_them(client: TestClient, path: str, status: int) -> None:
    answer = client.get(path)
    assert answer.status_code == status
    assert [name for name in NAMES if name not in answer.headers] == []
    assert "strict-transport-security" not in answer.headers


def test_what_programs_read_may_load_nothing_at_all(client: TestClient) -> None:
    page, api = (
        client.get(path).headers["content-security-policy"] for path in ("/", "/v1/sources")
    )
    assert "script-src 'self'" in page and "unsafe" not in page
    assert api == "default-src 'none'; base-uri 'none'; frame-ancestors 'none'"


def test_refusals_have_them_too(start_service: StartService) -> None:
    with start_service(token="swordfish", max_body_bytes=1000) as client:
        for answer in (
            client.get("/v1/studies"),
            client.get("/healthz", headers={"Host": "evil.example"}),
        ):
            assert not answer.is_success
            assert [name for name in NAMES if name not in answer.headers] == []
            assert answer.headers["content-security-policy"].startswith("default-src 'none'")


def test_a_file_for_good_keeps_its_own_word_on_caching(client: TestClient) -> None:
    answer = client.get("/assets/plotly.min.js")
    assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"


def test_over_tls_a_browser_is_to_stay_there(client: TestClient) -> None:
    answer = client.get("https://127.0.0.1/healthz")
    assert answer.headers["strict-transport-security"] == "max-age=31536000"
