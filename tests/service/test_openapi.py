"""The description of the API: what changes in it is seen, and its examples are taken."""

import difflib
import json
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
from fastapi.testclient import TestClient
from typer.testing import CliRunner

from service.cli import app as cli
from service.examples import BODY_EXAMPLES, PROBLEM_EXAMPLES
from service.openapi import written
from tests.service.test_change import OUTSIDE

SNAPSHOT = Path(__file__).parent / "openapi.json"
RENEW = "./run decaymix openapi > tests/service/openapi.json"


@pytest.fixture
def described(client: TestClient) -> dict[str, Any]:
    found: dict[str, Any] = client.get("/openapi.json").json()
    return found


def test_the_api_is_the_one_that_was_agreed_on(described: dict[str, Any]) -> None:
    before = SNAPSHOT.read_text(encoding="utf-8").splitlines()
    now = written(described).splitlines()
    changed = list(difflib.unified_diff(before, now, "agreed", "now", n=1, lineterm=""))
    assert not changed, "\n".join(
        [f"the API has changed; where that is meant: {RENEW}", *changed[:100]]
    )


def test_it_is_what_the_command_prints() -> None:
    printed = CliRunner().invoke(cli, ["openapi"])
    assert printed.exit_code == 0
    assert json.loads(printed.stdout)["openapi"].startswith("3.1")
    assert printed.stdout == written(json.loads(printed.stdout))


def test_every_operation_is_named_versioned_and_told(described: dict[str, Any]) -> None:
    unversioned = {"/healthz", "/readyz", "/metrics"}
    for path, methods in described["paths"].items():
        assert path.startswith("/v1/") or path in unversioned, path
        for method, operation in methods.items():
            assert operation["operationId"].isidentifier(), (method, path)
            assert operation["summary"] and operation["description"], (method, path)


def test_every_body_has_an_example_that_its_schema_takes(described: dict[str, Any]) -> None:
    num_examples = 0
    for path, methods in described["paths"].items():
        for method, operation in methods.items():
            for media in operation.get("requestBody", {}).get("content", {}).values():
                examples = [one["value"] for one in media.get("examples", {}).values()]
                examples += [media["example"]] if "example" in media else []
                assert examples, (method, path)
                whole = {**media["schema"], "components": described["components"]}
                for example in examples:
                    jsonschema_rs.Draft202012Validator(whole).validate(example)
                    num_examples += 1
    assert num_examples > 15
    shared = described["components"]
    whole = {"$ref": "#/components/schemas/Problem", "components": shared}
    for example in PROBLEM_EXAMPLES.values():
        jsonschema_rs.Draft202012Validator(whole).validate(example)


def test_the_examples_are_taken_as_they_stand(client: TestClient) -> None:
    study = {**OUTSIDE, "benchmarks": [{"name": "gsm8k"}], "budget": {"max_trials": 50}}
    study_id = client.post("/v1/studies", json=study).json()["id"]
    path = f"/v1/studies/{study_id}"
    asked = client.post(f"{path}/ask", json=BODY_EXAMPLES["ask_trials"])
    trial = f"/v1/trials/{asked.json()['trials'][0]['trial_id']}"
    answers = {
        "ask_trials": asked,
        "change_study": client.patch(path, json=BODY_EXAMPLES["change_study"]),
        "extend_study": client.post(f"{path}/extend", json=BODY_EXAMPLES["extend_study"]),
        "change_trial": client.patch(trial, json=BODY_EXAMPLES["change_trial"]),
        "repeat_trial": client.post(f"{trial}/repeat", json=BODY_EXAMPLES["repeat_trial"]),
        "renew_lease": client.post(f"{trial}/renew", json=BODY_EXAMPLES["renew_lease"]),
        "tell_trial": client.post(f"{trial}/tell", json=BODY_EXAMPLES["tell_trial"]),
    }
    statuses = {name: (answer.status_code, answer.text[:300]) for name, answer in answers.items()}
    assert {name: status for name, status in statuses.items() if status[0] >= 400} == {}
    wish = {**BODY_EXAMPLES["create_token"], "scopes": ["admin"]}
    assert client.post("/v1/tokens", json=wish).status_code == 201
