"""The recommended mixture as a file: formats, options, and what is refused."""

import json

import pytest
import yaml
from fastapi.testclient import TestClient

from mixtures.export.formats import FORMATS
from mixtures.export.plain import verify_export
from mixtures.export.signed import verify_signed
from tests.service.conftest import StartService, finished_study
from tests.service.pretend_runner import PretendRunner
from tests.waiting import wait_until


def test_the_export_is_the_recommended_mixture_with_its_provenance(client: TestClient) -> None:
    study_id = finished_study(client)
    found = client.get(f"/v1/studies/{study_id}/recommendation").json()
    as_yaml = client.get(f"/v1/studies/{study_id}/export")
    assert "small-mixture.yaml" in as_yaml.headers["content-disposition"]
    exported = yaml.safe_load(as_yaml.text)
    assert exported["mixture"] == found["mixture"]["shares"]
    assert sum(exported["mixture"].values()) == 1.0
    assert len(exported["provenance"]["trial_ids"]) == 14
    assert exported["provenance"]["seeds"] == [0, 1]
    assert verify_export(as_yaml.text)
    as_json = client.get(f"/v1/studies/{study_id}/export", params={"format": "json"})
    assert as_json.json()["mixture"] == exported["mixture"]
    response = client.get(f"/v1/studies/{study_id}/export", params={"format": "toml"})
    assert response.status_code == 422
    for name in FORMATS:
        assert repr(name) in response.json()["detail"]


def test_all_formats_are_listed_and_each_has_a_file_that_verifies(client: TestClient) -> None:
    study_id = finished_study(client)
    listed = client.get("/v1/export-formats").json()
    assert [one["name"] for one in listed] == list(FORMATS)
    assert all(one["trainer"] and one["written_for"] and one["counts"] for one in listed)
    for one in listed:
        found = client.get(f"/v1/studies/{study_id}/export", params={"format": one["name"]})
        assert found.status_code == 200, found.text
        verify = verify_signed if one["path_is"] else verify_export
        assert verify(found.text)
        assert f'.{one["suffix"]}"' in found.headers["content-disposition"]


def test_a_trainers_file_has_paths_weights_and_what_the_trials_say(client: TestClient) -> None:
    study_id = finished_study(client)
    shares = client.get(f"/v1/studies/{study_id}/recommendation").json()["mixture"]["shares"]
    wanted = {"format": "megatron", "path": ["text=/data/a=b/text", "sums=/data/sums é"]}
    found = client.get(f"/v1/studies/{study_id}/export", params=wanted).json()
    assert found["train"] == [
        repr(shares["text"]),
        "/data/a=b/text",
        repr(shares["sums"]),
        "/data/sums é",
    ]
    assert len(found["_provenance"]["trial_ids"]) == 14
    assert found["_provenance"]["data_hashes"].keys() >= {"sources.text", "sources.sums"}
    # Several paths of one source, where a trainer takes them.
    wanted = {"format": "levanter", "path": ["sums=a.jsonl", "sums=b.jsonl"]}
    text = client.get(f"/v1/studies/{study_id}/export", params=wanted).text
    components = yaml.safe_load(text)["data"]["components"]
    assert components["sums"]["source"]["train_urls"] == ["a.jsonl", "b.jsonl"]


def test_documents_are_counted_by_the_studys_own_lengths_or_the_users(client: TestClient) -> None:
    study_id = finished_study(client)
    shares = client.get(f"/v1/studies/{study_id}/recommendation").json()["mixture"]["shares"]
    path = f"/v1/studies/{study_id}/export"

    def proportions(**more: object) -> dict[str, float]:
        wanted = {"format": "mosaicml", "counts": "documents", **more}
        streams = yaml.safe_load(client.get(path, params=wanted).text)["streams"]
        return {name: one["proportion"] for name, one in streams.items()}

    # The trials said 200 tokens a document of text and 10 of sums.
    draws = {"text": shares["text"] / 200, "sums": shares["sums"] / 10}
    assert proportions() == pytest.approx(
        {name: one / sum(draws.values()) for name, one in draws.items()}
    )
    even = proportions(tokens_per_document=["text=12.5", "sums=12.5"])
    assert even == pytest.approx(shares)


def test_a_study_that_knows_no_lengths_asks_for_them_by_name(start_service: StartService) -> None:
    with start_service(PretendRunner(document_tokens=None)) as client:
        study_id = finished_study(client)
        path = f"/v1/studies/{study_id}/export"
        response = client.get(path, params={"format": "datasets"})
        assert response.status_code == 422
        assert response.json()["errors"][0]["field"] == "tokens_per_document.text"
        assert "--tokens-per-document text=N" in response.json()["detail"]
        given = {"format": "datasets", "tokens_per_document": ["text=300", "sums=20"]}
        assert client.get(path, params=given).status_code == 200
        # What counts no documents needs none.
        assert client.get(path, params={"format": "olmo-core"}).status_code == 200


BAD_OPTIONS: list[tuple[dict[str, object], str, str]] = [
    ({"path": ["text"]}, "path", "expected NAME=VALUE"),
    ({"path": ["=x"]}, "path", "expected NAME=VALUE"),
    ({"path": ["web=x"]}, "path.web", "no source 'web'; there are ['sums', 'text']"),
    ({"tokens_per_document": ["text=many"]}, "tokens_per_document.text", "above 0"),
    ({"tokens_per_document": ["text=nan"]}, "tokens_per_document.text", "above 0"),
    ({"tokens_per_document": ["text=1", "text=2"]}, "tokens_per_document.text", "one number"),
    ({"counts": "documents"}, "counts", "counts sequences, not documents"),
    ({"counts": "bytes"}, "counts", "'sequences'"),
]


def test_a_bad_option_is_named(client: TestClient) -> None:
    study_id = finished_study(client)
    for wanted, field, words in BAD_OPTIONS:
        given = {"format": "megatron", **wanted}
        response = client.get(f"/v1/studies/{study_id}/export", params=given)
        assert response.status_code == 422, wanted
        assert response.json()["errors"][0]["field"] == field
        assert words in response.json()["detail"]


def test_without_enough_evidence_there_is_no_file_unless_forced(
    start_service: StartService,
) -> None:
    with start_service(PretendRunner(noise=5.0)) as client:
        study_id = finished_study(client)
        path = f"/v1/studies/{study_id}/export"
        assert not client.get(f"/v1/studies/{study_id}/recommendation").json()["enough_evidence"]
        for format in ("yaml", "megatron"):
            response = client.get(path, params={"format": format})
            assert response.status_code == 409
            assert response.json()["detail"].startswith("Not enough evidence to prefer a share")
            assert "--force" in response.json()["detail"]
        forced = client.get(path, params={"format": "megatron", "force": "true"})
        assert forced.status_code == 200
        assert json.loads(forced.text)["_provenance"]["enough_evidence"] is False
        # The page's links lead to the file all the same, and say so, once its answer is there.
        wait_until(lambda: "all the same" in client.get(f"/studies/{study_id}").text)
        page = client.get(f"/studies/{study_id}").text
        assert f"{path}?format=yaml&amp;force=true" in page or "format=yaml&force=true" in page
