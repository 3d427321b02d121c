"""Which mixture a list names as a study's best so far."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from fastapi.testclient import TestClient

from mixtures.trial import Progress, TrialResult, TrialSpec
from tests.service.conftest import SMALL_STUDY, StartService, finished_study
from tests.service.pages.test_pages import first_page, text_of
from tests.service.pretend_runner import PretendRunner
from tests.waiting import wait_until


@dataclass
class LargerIsBetter(PretendRunner):
    """By a whole bit, at every share."""

    def run(
        self, spec: TrialSpec, attempt: int, on_progress: Callable[[Progress], None]
    ) -> TrialResult:
        found = super().run(spec, attempt, on_progress)
        if spec.recipe.proxy.preset == "pico":
            return found
        better = [one.model_copy(update={"value": one.value - 1.0}) for one in found.scores]
        return found.model_copy(update={"scores": tuple(better)})


def headline_of(client: TestClient, study_id: str) -> dict[str, Any]:
    def listed() -> dict[str, Any]:
        studies: list[dict[str, Any]] = client.get("/v1/studies").json()
        return next(one for one in studies if one["id"] == study_id)

    wait_until(lambda: listed()["headline"] is not None and not listed()["is_late"])
    found: dict[str, Any] = listed()["headline"]
    return found


def test_best_is_of_the_studys_own_proxy_as_the_recommendation(
    start_service: StartService,
) -> None:
    space = {"sft_share": [0.0, 0.2, 0.4, 0.6, 0.8, 1.0], "factors": {"proxy": ["pico", "nano"]}}
    with start_service(runner=LargerIsBetter()) as client:
        study_id = finished_study(client, {**SMALL_STUDY, "space": space})
        headline = headline_of(client, study_id)
        rows = client.get(f"/v1/studies/{study_id}/leaderboard").json()["rows"]
        page = text_of(first_page(client))
    assert rows[0]["factors"] == {"proxy": "nano"}
    best = headline["best"]
    assert best["factors"] == {"proxy": "pico"}
    first_at_pico = next(row for row in rows if row["factors"] == {"proxy": "pico"})
    assert (best["sft_share"], best["mean"]) == (first_at_pico["sft_share"], first_at_pico["mean"])
    assert headline["sentence"].startswith("At proxy pico: ")
    assert f"{100 * best['sft_share']:g} % SFT at proxy pico (like the best: " in page
    assert f"raw {best['mean']:.4f}" in page
