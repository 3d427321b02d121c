"""Data files over REST: taken in whole, checked, listed, previewed, used by a study."""

import gzip
import json
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from tests.service.conftest import SMALL_STUDY, StartService

ROWS = [{"question": f"What is {i} times 3?", "answer": str(3 * i)} for i in range(50)]
RAW = "".join(json.dumps(row) + "\n" for row in ROWS).encode()


def uploads(tmp_path: Path) -> list[str]:
    return sorted(path.name for path in (tmp_path / "home" / "sources").glob("*"))


def test_an_uploaded_file_is_listed_previewed_and_used_by_a_study(client: TestClient) -> None:
    packed = gzip.compress(RAW)
    done = client.post("/v1/sources", params={"name": "triples.jsonl.gz"}, content=packed)
    assert done.status_code == 201, done.text
    assert done.json()["num_documents"] == 50
    assert done.json()["source"]["prompt"] == "{{ question }}"
    listed = client.get("/v1/sources").json()
    assert {"name": "triples.jsonl.gz", "place": "uploaded", "num_bytes": len(packed)} in listed
    assert [one["name"] for one in listed if one["place"] == "data root"] == [
        "sums.jsonl",
        "test_sums.jsonl",
        "text.jsonl",
    ]
    assert client.get("/v1/sources/triples.jsonl.gz/preview").json() == done.json()
    source = {**SMALL_STUDY["sources"][1], "name": "triples", "files": ["triples.jsonl.gz"]}
    study = {**SMALL_STUDY, "sources": [*SMALL_STUDY["sources"], source]}
    submitted = client.post("/v1/studies", json=study)
    assert submitted.status_code == 201, submitted.text


def test_the_same_file_twice_is_one_and_another_of_its_name_is_refused(client: TestClient) -> None:
    for status, raw in ((201, RAW), (200, RAW), (422, RAW + RAW)):
        done = client.post("/v1/sources", params={"name": "a.jsonl"}, content=raw)
        assert done.status_code == status, done.text
    assert done.json()["errors"][0]["field"] == "name"
    assert client.get("/v1/sources/a.jsonl/preview").json()["num_documents"] == 50


def test_a_file_under_a_data_root_is_named(client: TestClient, data_root: Path) -> None:
    (data_root / "deep").mkdir()
    (data_root / "deep" / "x.jsonl").write_bytes(RAW)
    done = client.post("/v1/sources", params={"file": "deep/x.jsonl"})
    assert (done.status_code, done.json()["num_documents"]) == (200, 50)
    assert client.get("/v1/sources/deep/x.jsonl/preview").json() == done.json()


@pytest.mark.parametrize(
    ("params", "raw", "field", "words"),
    [
        ({"name": "x.jsonl"}, RAW + b'{"question": \n', "(body)", "line 51 is not JSON"),
        ({"name": "x.jsonl"}, b"", "(body)", "is empty"),
        ({"name": "x.jsonl.gz"}, gzip.compress(RAW)[:-9], "(body)", "unreadable after line"),
        ({"name": "x.exe"}, RAW, "name", "an ending of a data file"),
        ({"name": "../x.jsonl"}, RAW, "name", "give letters, digits"),
        ({"name": ".x.jsonl"}, RAW, "name", "give letters, digits"),
        ({"name": "x.jsonl", "file": "y.jsonl"}, RAW, "name", "give exactly one"),
        ({}, RAW, "name", "give exactly one"),
        ({"file": "../x.jsonl"}, b"", "file", "relative to a data root"),
        ({"file": "no.jsonl"}, b"", "file", "no such file"),
    ],
)
def test_what_cannot_be_taken_in_is_refused_and_leaves_nothing(
    client: TestClient,
    tmp_path: Path,
    params: dict[str, str],
    raw: bytes,
    field: str,
    words: str,
) -> None:
    done = client.post("/v1/sources", params=params, content=raw)
    assert done.status_code == 422
    error: dict[str, Any] = done.json()["errors"][0]
    assert error["field"] == field
    assert words in error["message"]
    assert uploads(tmp_path) == []


def test_a_file_over_the_limit_is_refused_as_it_comes(
    start_service: StartService, tmp_path: Path
) -> None:
    with start_service(max_upload_bytes=2000, max_body_bytes=1000) as client:
        done = client.post("/v1/sources", params={"name": "x.jsonl"}, content=RAW)
        assert done.status_code == 413
        assert "DECAYMIX_MAX_UPLOAD_BYTES" in done.json()["detail"]
        assert uploads(tmp_path) == []
        # Over the limit of other bodies, under its own.
        done = client.post("/v1/sources", params={"name": "x.jsonl"}, content=RAW[:1500] + b"\n")
        assert done.status_code in (201, 422)


def test_a_preview_of_nothing_is_refused(client: TestClient) -> None:
    done = client.get("/v1/sources/no.jsonl/preview")
    assert done.status_code == 422
    assert done.json()["errors"][0]["field"] == "name"
