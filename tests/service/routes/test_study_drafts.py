"""Drafts of studies: from a form's fields or from text, with what is wrong and where."""

from pathlib import Path
from typing import Any

import yaml
from fastapi.testclient import TestClient

from mixtures.study import StudySpec
from service.presets import presets
from service.study_draft import draft_of_fields, draft_of_text, lines_of
from tests.service.conftest import SMALL_STUDY, StartService
from tests.workers.tiny_study import tiny_study, write_data

ROOT = Path(__file__).resolve().parents[3]


def test_every_ready_study_is_whole_and_says_what_it_is() -> None:
    found = presets()
    assert [one.name for one in found][:2] == ["example", "demo-quick"]
    assert len(found) == 1 + len(list((ROOT / "studies").glob("*.yaml")))
    for one in found:
        assert one.about
        assert draft_of_text(one.yaml).errors == ()


def test_a_forms_fields_become_the_yaml_of_the_same_study() -> None:
    fields: dict[str, Any] = {
        # As a form sends it: in another order, with what was left blank.
        "seeds": [0, 1],
        "search": {},
        "budget": {"max_trials": 40, "max_hours": None},
        "question": "",
        "full_run": {"decay_tokens": ""},
        "space": {"sft_share_range": [0.0, 1.0], "bounds": {"sums": [0.1, 0.5]}},
        **{key: SMALL_STUDY[key] for key in ("name", "sources", "benchmarks")},
    }
    draft = draft_of_fields({**fields, "full_run": None})
    assert draft.errors == ()
    assert draft.yaml.startswith("name: small\nsources:\n")
    assert draft.yaml.endswith("search: {}\n") or "search: {}\n" in draft.yaml
    spec = StudySpec.model_validate(yaml.safe_load(draft.yaml))
    assert (spec.budget.max_trials, spec.question) == (40, "")
    assert spec.search is not None
    assert (draft.num_trials, draft.decay_tokens) == (
        spec.num_first_trials,
        spec.num_first_trials * 150_000,
    )


def test_what_is_wrong_is_named_by_field_with_its_line() -> None:
    text = "name: mine\nspace: {sft_share: [0.1, 1.2]}\nseeds:\n  - 0\n  - 0\n"
    draft = draft_of_text(text)
    wrong = {one.field: one for one in draft.errors}
    assert {"space.sft_share.1", "seeds", "sources", "benchmarks"} <= set(wrong)
    assert wrong["space.sft_share.1"].value == 1.2
    assert draft.lines["space.sft_share.1"] == 2
    assert (draft.lines["seeds"], draft.lines["seeds.1"]) == (3, 5)
    assert (draft.num_trials, draft.yaml) == (None, text)


def test_a_list_of_wrong_entries_is_not_called_too_short_too() -> None:
    source = {"name": "text", "kind": "pretrain", "text": "{{ text }}"}
    draft = draft_of_fields({"name": "mine", "sources": [source], "benchmarks": []})
    fields = [one.field for one in draft.errors]
    assert "sources.0" in fields
    assert "sources" not in fields
    assert "benchmarks" in fields


def test_text_that_is_no_yaml_is_wrong_as_a_whole() -> None:
    for text, words in (
        ("name: [a\n", "line 2"),
        ("a: 1\na: 2\n", "given twice"),
        ("- x", "object"),
    ):
        (error,) = draft_of_text(text).errors
        assert words in error.message


def test_lines_end_where_an_alias_repeats_itself() -> None:
    bomb = "a: &a [1, 1]\n" + "".join(f"b{i}: &b{i} [*a, *a]\n" for i in range(3))
    # What is repeated stands where it was written first.
    assert lines_of(bomb) == {"a": 1, "a.0": 1, "a.1": 1} | {
        name: line
        for i in range(3)
        for name, line in ((f"b{i}", i + 2), (f"b{i}.0", 1), (f"b{i}.1", 1))
    }
    assert lines_of("") == {}


def test_drafts_and_ready_studies_over_rest(client: TestClient) -> None:
    names = [one["name"] for one in client.get("/v1/study-presets").json()]
    assert "demo" in names
    draft = client.post("/v1/study-drafts", json={"name": "Mine!"}).json()
    assert draft["yaml"] == "name: Mine!\n"
    assert "name" in {one["field"] for one in draft["errors"]}
    headers = {"Content-Type": "application/yaml"}
    answer = client.post("/v1/study-drafts", content="name: mine", headers=headers).json()
    assert "sources" in {one["field"] for one in answer["errors"]}
    assert client.post("/v1/study-drafts", content="[1").status_code == 422
    assert client.post("/v1/study-drafts", json=[1]).status_code == 422
    assert client.get("/v1/studies").json() == []


def test_a_dry_run_tells_tokens_epochs_time_and_disk(
    start_service: StartService, data_root: Path
) -> None:
    write_data(data_root / "tiny")
    for file in (data_root / "tiny").iterdir():
        file.replace(data_root / file.name)
    with start_service() as client:
        body = tiny_study().model_dump(mode="json")
        answer = client.post("/v1/studies/check", json=body)
        assert answer.status_code == 200, answer.text
        found = answer.json()
        assert found["num_trials"] == tiny_study().num_first_trials
        assert found["sources"]["text"]["num_tokens"] > 1000
        assert found["trial_seconds"] > 0
        assert found["disk_bytes"] > 0
        assert client.get("/v1/studies").json() == []
