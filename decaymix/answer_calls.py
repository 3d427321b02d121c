"""Calls for what a study says."""

from collections.abc import Sequence
from typing import Any, Literal

from decaymix.caller import READ_SECONDS, Caller, object_of, objects_of, part


class AnswerCalls(Caller):
    """Leaderboard, recommendation, how answers move, exports."""

    async def leaderboard(
        self, study: str, objective: Literal["own", "transfer"] = "own"
    ) -> dict[str, Any]:
        """Mixtures by their mean, with intervals, paired differences and ties."""
        path = f"/v1/studies/{part(study)}/leaderboard"
        return object_of(await self._call("GET", path, params=_objective(objective)))

    async def leaderboard_csv(
        self, study: str, objective: Literal["own", "transfer"] = "own"
    ) -> str:
        """The same as CSV."""
        path = f"/v1/studies/{part(study)}/leaderboard"
        given = {"format": "csv", **_objective(objective)}
        return (await self._call("GET", path, params=given)).text

    async def recommendation(self, study: str) -> dict[str, Any]:
        """The mixture to decay on, and how sure that is."""
        return await self._answer(study, "recommendation")

    async def confirm_study(self, /, study: str, **wish: Any) -> dict[str, Any]:
        """Ask for it: `num_seeds`, and `trials` and `studies` (ids) whose mixtures it takes too."""
        path = f"/v1/studies/{part(study)}/confirmation"
        return await self._created(path, json=wish, timeout=READ_SECONDS)

    async def confirmation(self, study: str) -> dict[str, Any]:
        """Who won on fresh seeds, by how much, and whether what was promised held."""
        return await self._answer(study, "confirmation")

    async def signal(self, study: str) -> dict[str, Any]:
        """Per benchmark and metric: the spread between mixtures over the noise of a seed."""
        return await self._answer(study, "signal")

    async def transfer(self, study: str) -> dict[str, Any]:
        """The transfer score's weights and what they rest on."""
        return await self._answer(study, "transfer")

    async def best_shares(self, study: str) -> dict[str, Any]:
        """The best SFT share by benchmark, group and composition."""
        return await self._answer(study, "best-shares")

    async def pareto(self, study: str, objectives: Sequence[str] = ()) -> dict[str, Any]:
        """The Pareto front over benchmarks or groups, each as NAME or NAME:METRIC."""
        return await self._answer(study, "pareto", objective=list(objectives))

    async def effects(self, study: str, objective: str | None = None) -> dict[str, Any]:
        """What more of each source does to the objective."""
        given = {} if objective is None else {"objective": objective}
        return await self._answer(study, "effects", **given)

    async def across_proxies(self, /, studies: Sequence[str], **options: Any) -> dict[str, Any]:
        """Of studies by id. `options`: `parameters` (a list) and `full_parameters`."""
        given = {"study": list(studies), **{k: v for k, v in options.items() if v}}
        return object_of(await self._call("GET", "/v1/across-proxies", params=given))

    async def verdicts(self, study: str, claims: Sequence[str] = ()) -> list[dict[str, Any]]:
        """On the study's claims, or on `claims`, each as JSON."""
        path = f"/v1/studies/{part(study)}/verdicts"
        given = {"claim": list(claims)}
        return objects_of(await self._call("GET", path, params=given, timeout=READ_SECONDS))

    async def report(self, study: str, claims: Sequence[str] = ()) -> dict[str, Any]:
        """All that a report says, with its figures; `claims` as for verdicts."""
        path, given = f"/v1/studies/{part(study)}/report", {"claim": list(claims)}
        return object_of(await self._call("GET", path, params=given, timeout=READ_SECONDS))

    async def report_markdown(self, study: str, claims: Sequence[str] = ()) -> str:
        """The same as a document."""
        path = f"/v1/studies/{part(study)}/report"
        given = {"format": "markdown", "claim": list(claims)}
        return (await self._call("GET", path, params=given, timeout=READ_SECONDS)).text

    async def export(self, /, study: str, format: str = "yaml", **options: Any) -> str:
        """The file's text. `options`: `path`, `tokens_per_document` (lists), `counts`, `force`."""
        given = {"format": format, **{name: one for name, one in options.items() if one}}
        path = f"/v1/studies/{part(study)}/export"
        return (await self._call("GET", path, params=given)).text

    async def export_formats(self) -> list[dict[str, Any]]:
        """The formats of an export."""
        return objects_of(await self._call("GET", "/v1/export-formats"))


def _objective(objective: Literal["own", "transfer"]) -> dict[str, str]:
    return {} if objective == "own" else {"objective": objective}
