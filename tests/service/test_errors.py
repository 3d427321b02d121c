"""Problems: every exception one shape, every bad value found by its field, none of them a 500."""

import json
from typing import Any

import pytest
from fastapi import APIRouter, FastAPI, HTTPException
from fastapi.exceptions import RequestValidationError
from fastapi.testclient import TestClient
from pydantic import ValidationError

from db.studies import UnknownStudy
from db.trials import IllegalPromotion, UnknownTrial
from mixtures.mixture import Mixture
from mixtures.recommend import NotEnoughTrials
from mixtures.study import StudySpec
from service.errors import (
    BadInput,
    FieldError,
    add_error_handlers,
    field_errors,
    problem_response,
    sentence,
)
from tests.mixtures.share_study import make_study


def errors_of(data: Any) -> list[FieldError]:
    """What is said of a body that is no study."""
    try:
        StudySpec.model_validate(data)
    except ValidationError as error:
        found = [{**one, "loc": ("body", *one["loc"])} for one in error.errors()]
        return field_errors(RequestValidationError(found))
    raise AssertionError("it is a study")


def changed(**changes: Any) -> dict[str, Any]:
    return {**make_study().model_dump(mode="json"), **changes}


def error_of(**changes: Any) -> FieldError:
    return errors_of(changed(**changes))[0]


def test_a_field_is_named_with_its_place_its_value_and_what_would_be_right() -> None:
    error = error_of(space={"sft_share": [0.1, 1.2]})
    assert error == FieldError(
        pointer="/space/sft_share/1",
        field="space.sft_share.1",
        value=1.2,
        message="Input should be less than or equal to 1",
    )
    assert sentence([error]) == "space.sft_share.1 = 1.2: Input should be less than or equal to 1"
    assert sentence([error, error, error]).endswith("(and 2 more)")


def test_a_rule_over_several_fields_names_the_one_that_breaks_it() -> None:
    error = error_of(sft_shares={"chat": 0.5, "proofs": 0.25})
    assert error.field == "sft_shares"
    assert "sum to 0.75, expected 1" in error.message


@pytest.mark.parametrize("name", ["body", "query", "path"])
def test_a_field_of_the_users_may_be_called_like_a_part_of_a_request(name: str) -> None:
    assert error_of(**{name: 1}).field == name
    assert error_of(baselines={name: 7}).field == f"baselines.{name}"


def test_pointers_are_escaped_as_rfc_6901_asks() -> None:
    assert error_of(**{"a/b~c": 1}).pointer == "/a~1b~0c"


def test_the_whole_body_has_a_name() -> None:
    assert errors_of([1])[0].field == "(body)"
    assert errors_of([1])[0].pointer == "/"


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("x" * 300, "x" * 200 + "…"),
        (float("inf"), "inf"),
        (2**64, "an integer of 65 bits"),
        (True, True),
        ("half \ud800 a pair", "half \\ud800 a pair"),
        ({"a": "\udfff"}, "{'a': '\\udfff'}"),
    ],
)
def test_a_value_is_shown_as_it_may_stand_in_json(value: Any, shown: Any) -> None:
    error = error_of(seeds=value)
    assert error.value == shown
    json.dumps(error.model_dump(), allow_nan=False, ensure_ascii=False).encode()


def test_an_integer_that_python_does_not_write_out_is_shown_by_its_size() -> None:
    huge = 16**5000
    assert error_of(seeds=huge).value == "an integer of 20001 bits"
    assert error_of(seeds={"a": [huge]}).value == "{'a': [an integer of 20001 bits]}"


def test_a_value_that_stands_for_much_is_shown_in_brief() -> None:
    value: Any = "x" * 1000
    for _ in range(60):
        value = [value] * 10
    error = error_of(seeds=value)
    assert len(error.value) <= 201


def test_half_a_surrogate_pair_in_a_name_can_be_answered() -> None:
    for changes in ({"\ud800": 1}, {"name": "\ud800"}, {"pretrain_shares": {"\ud800": 1}}):
        error = error_of(**changes)
        response = problem_response(422, sentence([error]), [error])
        assert "\\\\ud800" in bytes(response.body).decode()


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
