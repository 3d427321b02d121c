"""Submitting a study that starts from a checkpoint of one's own: what is taken, what is refused."""

from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from tests.service.conftest import SMALL_STUDY
from tests.workers.byte_tokenizer import byte_tokenizer
from tests.workers.tiny_study import TINY_PROXY
from workers.checkpoint import export_hf
from workers.xmodel2 import Xmodel2


def study(**changes: Any) -> dict[str, Any]:
    return {**SMALL_STUDY, "stable": {"checkpoint": "models/mine"}, "proxy": TINY_PROXY, **changes}


@pytest.fixture
def mine(data_root: Path) -> Path:
    """A model and its tokenizer, without an optimiser's state."""
    from mixtures.proxy import Proxy

    model = Xmodel2(Proxy.model_validate(TINY_PROXY))
    model.init_weights(0)
    export_hf(model, byte_tokenizer(), data_root / "models" / "mine")
    return data_root / "models" / "mine"


def test_the_study_is_taken_and_says_what_the_checkpoint_holds(
    client: TestClient, mine: Path
) -> None:
    response = client.post("/v1/studies", json=study())
    assert response.status_code == 201, response.text
    detail = client.get(response.headers["location"]).json()
    report = detail["data_report"]
    assert report["checkpoint"] == {
        "num_parameters": 31_392,
        "dtypes": ["F32"],
        "end_id": 2,
        "optimiser_state": "fresh",
    }
    assert len(report["data_hashes"]["stable.checkpoint"]) == 64
    assert detail["spec"]["stable"] == {
        "tokens": 0,
        "warmup_tokens": 0,
        "checkpoint": "models/mine",
    }
    page = client.get(f"/studies/{detail['status']['id']}").text
    assert "from models/mine, with fresh AdamW moments: the folder has no optimiser state" in page


@pytest.mark.parametrize(
    ("changes", "pointer", "message"),
    [
        ({"proxy": {**TINY_PROXY, "rope_base": 2e4}}, "/proxy/rope_base", "has 10000.0"),
        ({"stable": {"checkpoint": "models/none"}}, "/stable/checkpoint", "no such folder"),
        ({"stable": {"checkpoint": "m", "tokens": 5}}, "/stable/tokens", "leave tokens out"),
    ],
)
def test_what_does_not_fit_is_refused_at_its_field(
    client: TestClient, mine: Path, changes: dict[str, Any], pointer: str, message: str
) -> None:
    response = client.post("/v1/studies", json=study(**changes))
    assert response.status_code == 422
    error = response.json()["errors"][0]
    assert error["pointer"] == pointer
    assert message in error["message"]
    assert client.get("/v1/studies").json() == []


def test_other_weights_under_the_same_name_are_another_study(
    client: TestClient, mine: Path
) -> None:
    first = client.post("/v1/studies", json=study()).json()["id"]
    assert client.post("/v1/studies", json=study()).json()["id"] == first
    (mine / "tokenizer_config.json").unlink()
    assert client.post("/v1/studies", json=study()).json()["id"] != first
