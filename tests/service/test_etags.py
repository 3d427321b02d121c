"""Entity tags: 304 for what is known, 412 and 428 for writing over what was not seen."""

from typing import Any

import pytest
from fastapi.testclient import TestClient

from mixtures.labels import StudyChange
from service.etags import NotModified, PreconditionFailed, require_match, require_modified, tag_of
from tests.service.conftest import StartService, finished_study
from tests.service.test_change import first_trial, outside_study
from tests.service.test_problems import problem_of


def same(client: TestClient, path: str, **given: Any) -> int:
    """The status of a second look with the first one's tag."""
    first = client.get(path, **given)
    assert first.status_code == 200, first.text
    headers = {**given.pop("headers", {}), "If-None-Match": first.headers["etag"]}
    again = client.get(path, headers=headers, **given)
    if again.status_code == 304:
        assert again.content == b""
        assert again.headers["etag"] == first.headers["etag"]
        assert "content-type" not in again.headers
    return again.status_code


@pytest.mark.parametrize("encoding", ["gzip", "identity"])
def test_what_is_known_comes_as_304_until_it_changes(client: TestClient, encoding: str) -> None:
    study = finished_study(client)
    trial = first_trial(client, study)
    headers = {"Accept-Encoding": encoding}
    paths = [
        f"/v1/trials/{trial}",
        f"/v1/studies/{study}",
        "/v1/studies",
        f"/v1/studies/{study}/trials",
        f"/v1/studies/{study}/trials?limit=3",
        f"/v1/studies/{study}/leaderboard",
        f"/v1/studies/{study}/leaderboard?format=csv",
        "/v1/sources",
        "/openapi.json",
    ]
    assert {path: same(client, path, headers=headers) for path in paths} == dict.fromkeys(
        paths, 304
    )
    before = {path: client.get(path, headers=headers).headers["etag"] for path in paths[:5]}
    assert client.patch(f"/v1/trials/{trial}", json={"note": "odd"}).status_code == 200
    assert client.patch(f"/v1/studies/{study}", json={"note": "odd"}).status_code == 200
    for path, tag in before.items():
        now = client.get(path, headers={**headers, "If-None-Match": tag})
        assert now.status_code == 200, path
        assert now.headers["etag"] != tag


def test_each_encoding_has_a_tag_of_its_own(client: TestClient) -> None:
    path = f"/v1/studies/{outside_study(client)}"
    plain = client.get(path, headers={"Accept-Encoding": "identity"})
    zipped = client.get(path, headers={"Accept-Encoding": "gzip"})
    assert "content-encoding" not in plain.headers
    assert zipped.headers["content-encoding"] == "gzip"
    assert plain.headers["etag"] != zipped.headers["etag"]
    assert zipped.headers["etag"].endswith('-gzip"')


def test_nobody_writes_over_what_was_not_seen(client: TestClient) -> None:
    study = outside_study(client)
    for path in (f"/v1/studies/{study}", f"/v1/trials/{first_trial(client, study)}"):
        seen = client.get(path).headers["etag"]
        first = client.patch(path, json={"note": "mine"}, headers={"If-Match": seen})
        assert first.status_code == 200
        late = client.patch(path, json={"note": "theirs"}, headers={"If-Match": seen})
        problem_of(late, 412)
        # The answer to a change, and the refusal, say what to send next.
        for tag in (first.headers["etag"], late.headers["etag"]):
            again = client.patch(path, json={"note": "mine"}, headers={"If-Match": tag})
            assert again.status_code == 200
        for tag in ("*", f'"other", {client.get(path).headers["etag"]}'):
            again = client.patch(path, json={"note": "mine"}, headers={"If-Match": tag})
            assert again.status_code == 200
        for tag in (f"W/{client.get(path).headers['etag']}", '"x"', "x"):
            problem_of(client.patch(path, json={"note": "no"}, headers={"If-Match": tag}), 412)
        assert client.patch(path, json={"note": "who cares"}).status_code == 200


def test_whatever_may_be_written_changes_what_if_match_compares(client: TestClient) -> None:
    path = f"/v1/studies/{outside_study(client)}"
    for field in StudyChange.model_fields:
        seen = client.get(path).headers["etag"]
        other = {"note": "x", "tags": ["x"], "priority": 3, "max_running": 2}.get(field, True)
        assert client.patch(path, json={field: other}).status_code == 200
        late = client.patch(path, json={"note": "mine"}, headers={"If-Match": seen})
        problem_of(late, 412)


def test_a_trial_that_moves_meanwhile_refuses_no_note(client: TestClient) -> None:
    study = outside_study(client)
    path = f"/v1/trials/{first_trial(client, study)}"
    seen = {one: client.get(one).headers["etag"] for one in (path, f"/v1/studies/{study}")}
    assert client.post(f"{path}/cancel").status_code == 202
    for one, tag in seen.items():
        assert client.get(one).headers["etag"] != tag
        answer = client.patch(one, json={"note": "still"}, headers={"If-Match": tag})
        assert answer.status_code == 200


def test_a_setting_asks_for_if_match(start_service: StartService) -> None:
    with start_service(require_if_match=True) as client:
        study = outside_study(client)
        for path in (f"/v1/studies/{study}", f"/v1/trials/{first_trial(client, study)}"):
            problem_of(client.patch(path, json={"note": "blind"}), 428)
            answer = client.patch(path, json={"note": "any"}, headers={"If-Match": "*"})
            assert answer.status_code == 200


def test_a_tag_is_equal_for_equal_states_alone() -> None:
    assert tag_of(["a", 1], ["x"]) == tag_of(["a", 1], ["x"])
    tags = [tag_of(["a"], ["x"]), tag_of(["b"], ["x"]), tag_of(["a"], ["y"]), tag_of(["a"])]
    assert len(set(tags)) == 4
    require_match(tags[1], tags[0], True)
    with pytest.raises(PreconditionFailed):
        require_match(tags[2], tags[0], False)


def test_a_version_is_known_before_anything_is_computed(client: TestClient) -> None:
    from starlette.requests import Request

    def request(header: str) -> Request:
        raw = [(b"if-none-match", header.encode())]
        return Request({"type": "http", "method": "GET", "path": "/", "headers": raw})

    tag = tag_of(["state"])
    require_modified(request('"other"'), tag)
    for known in (tag, f'"x", {tag}', f'{tag[:-1]}-gzip"'):
        with pytest.raises(NotModified):
            require_modified(request(known), tag)
