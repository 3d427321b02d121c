"""Epochs of every trial in the list, of the recommendation, and on the page."""

import pytest
from fastapi.testclient import TestClient

from service.pages import study_view
from tests.service.conftest import SMALL_STUDY, StartService, finished_study
from tests.service.pretend_runner import PretendRunner


def test_epochs_stand_beside_every_trial_and_the_recommended_mixture(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(study_view, "FIRST_SCREEN_SECONDS", 60.0)
    # The pretend runner counts 1,000,000 tokens of text and 10,000 of sums.
    study = {**SMALL_STUDY, "full_run": {"decay_tokens": 300_000}}
    study_id = finished_study(client, study)
    trials = client.get(f"/v1/studies/{study_id}/trials").json()
    by_share = {trial["sft_share"]: trial["epochs"] for trial in trials}
    assert by_share[0.2] == {
        "text": {"proxy": 0.24, "full_run": 0.24},
        "sums": {"proxy": 6.0, "full_run": 6.0},
    }
    assert set(by_share[0.0]) == {"text"}
    found = client.get(f"/v1/studies/{study_id}/recommendation").json()
    sums = found["epochs"]["sums"]
    assert sums["full_run"] == 300_000 * found["mixture"]["shares"]["sums"] / 10_000
    assert any("sums is read" in note and "max_epochs of 4" in note for note in found["notes"])
    page = client.get(f"/studies/{study_id}", headers={"accept": "text/html"}).text
    assert "In the full run" in page
    assert f"{sums['full_run']:.1f}\u00a0times" in page


def test_a_trial_without_a_result_has_epochs_once_another_has_counted(
    start_service: StartService,
) -> None:
    with start_service(runner=PretendRunner(fail={0.0: RuntimeError("no")})) as client:
        study_id = finished_study(client, {**SMALL_STUDY, "space": {"sft_share": [0.0]}})
        trials = client.get(f"/v1/studies/{study_id}/trials").json()
    # The baseline of the paper completed, so the tokens are known for the failed ones as well.
    assert {trial["state"]: bool(trial["epochs"]) for trial in trials} == {
        "FAILED": True,
        "COMPLETE": True,
    }
