"""Exceptions as answers: each a problem of one shape, a page for people, none of them a 500."""

import pytest
from fastapi import APIRouter, FastAPI, HTTPException
from fastapi.testclient import TestClient

from db.studies import UnknownStudy
from db.trials import IllegalPromotion, UnknownTrial
from mixtures.mixture import Mixture
from mixtures.recommend import NotEnoughTrials
from service.error_answers import add_error_handlers
from service.errors import BadInput


@pytest.fixture
def client() -> TestClient:
    """An app whose every path raises one exception."""
    app = FastAPI()
    router = APIRouter()

    def raises(path: str, error: Exception) -> None:
        @router.get(path)
        def handler() -> None:
            raise error

    raises("/bad", BadInput("sources.a~b.files", float("nan"), "no such file"))
    raises("/study", UnknownStudy("abc"))
    raises("/trial", UnknownTrial("abc"))
    raises("/promotion", IllegalPromotion("trial abc is COMPLETE and cannot become WAITING"))
    raises("/trials", NotEnoughTrials("3 shares more"))
    raises("/teapot", HTTPException(418, "short and stout", headers={"X-Spout": "here"}))
    raises("/defect", RuntimeError("the password is swordfish"))

    @router.get("/invalid")
    def invalid() -> None:
        Mixture(shares={"a": 0.5})

    @router.get("/query")
    def query(count: int) -> None: ...

    app.include_router(router)
    add_error_handlers(app)
    return TestClient(app, raise_server_exceptions=False)


@pytest.mark.parametrize(
    ("path", "status", "title", "detail"),
    [
        ("/bad", 422, "Unprocessable", "sources.a~b.files = 'nan': no such file"),
        ("/study", 404, "Not Found", "there is no study abc; GET /v1/studies lists them"),
        ("/trial", 404, "Not Found", "there is no trial abc; GET /v1/studies/{study_id}/trials"),
        ("/promotion", 409, "Conflict", "trial abc is COMPLETE and cannot become WAITING"),
        ("/trials", 409, "Conflict", "3 shares more"),
        ("/teapot", 418, "I'm a Teapot", "short and stout"),
        ("/nothing", 404, "Not Found", "Not Found"),
        ("/query?count=x", 422, "Unprocessable", "count = 'x': Input should be a valid integer"),
        ("/defect", 500, "Internal Server Error", "a defect of Decaymix: RuntimeError"),
        # What the service itself got wrong is not the user's input.
        ("/invalid", 500, "Internal Server Error", "a defect of Decaymix: ValidationError"),
    ],
)
def test_every_exception_is_a_problem_of_one_shape(
    client: TestClient, path: str, status: int, title: str, detail: str
) -> None:
    response = client.get(path)
    assert response.status_code == status
    assert response.headers["content-type"] == "application/problem+json"
    problem = response.json()
    assert set(problem) == {"type", "title", "status", "detail", "errors"}
    assert problem["status"] == status
    assert problem["title"].startswith(title)
    assert problem["detail"].startswith(detail)
    assert "swordfish" not in response.text


def test_errors_come_beside_the_sentence(client: TestClient) -> None:
    assert client.get("/bad").json()["errors"] == [
        {
            "pointer": "/sources/a~0b/files",
            "field": "sources.a~b.files",
            "value": "nan",
            "message": "no such file",
        }
    ]
    assert client.get("/study").json()["errors"] == []


def test_a_body_as_a_whole_is_pointed_at_in_one_way() -> None:
    app = FastAPI()

    @app.get("/")
    def body() -> None:
        raise BadInput("(body)", None, "not JSON")

    add_error_handlers(app)
    assert TestClient(app).get("/").json()["errors"][0]["pointer"] == "/"


def test_headers_of_an_http_exception_stay(client: TestClient) -> None:
    assert client.get("/teapot").headers["X-Spout"] == "here"
    assert client.post("/study").status_code == 405
    assert client.post("/study").headers["allow"] == "GET"


@pytest.mark.parametrize(
    ("path", "accept", "is_page"),
    [
        ("/nowhere", "text/html,*/*;q=0.8", True),
        ("/v1/nowhere", "text/html,*/*;q=0.8", False),
        ("/nowhere", "application/json", False),
    ],
)
def test_a_person_gets_a_page_and_a_program_a_problem(
    path: str, accept: str, is_page: bool
) -> None:
    app = FastAPI()
    add_error_handlers(app)
    answer = TestClient(app).get(path, headers={"Accept": accept})
    assert answer.status_code == 404
    assert ("Try again" in answer.text) == is_page
    kind = "text/html" if is_page else "application/problem+json"
    assert answer.headers["content-type"].startswith(kind)
