"""Calls for what a study says."""

from collections.abc import Sequence
from typing import Any, Literal

from decaymix.caller import Caller, object_of, objects_of, part


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
