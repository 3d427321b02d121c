"""Calls about studies."""

from collections.abc import AsyncIterator
from typing import Any, Literal

from decaymix.caller import READ_SECONDS, Caller, object_of, objects_of, part
from decaymix.problems import ApiProblem, ControllerUnreachable


class StudyCalls(Caller):
    """Submit, look, change, watch."""

    async def submit_study(
        self, text: str, kind: Literal["yaml", "json"] = "yaml", is_paused: bool = False
    ) -> dict[str, Any]:
        """The status of the study in `text`; the same text twice is one study."""
        return await self._created(
            "/v1/studies",
            params={"is_paused": True} if is_paused else {},
            content=text.encode(),
            headers={"Content-Type": f"application/{kind}"},
            timeout=READ_SECONDS,
        )

    async def check_study(
        self, text: str, kind: Literal["yaml", "json"] = "yaml"
    ) -> dict[str, Any]:
        """A dry run: all data read, tokenised and built; nothing is stored."""
        headers = {"Content-Type": f"application/{kind}"}
        return object_of(
            await self._call(
                "POST",
                "/v1/studies/check",
                content=text.encode(),
                headers=headers,
                timeout=READ_SECONDS,
            )
        )

    async def studies(self, /, **which: Any) -> list[dict[str, Any]]:
        """Newest first; `q`, `tag` and `archived` (no, yes, all) say which, `limit` how many."""
        return objects_of(await self._call("GET", "/v1/studies", params=which))

    async def study(self, study: str) -> dict[str, Any]:
        """Status, spec and the report on its data."""
        return object_of(await self._call("GET", f"/v1/studies/{part(study)}"))

    async def study_id(self, name_or_id: str) -> str:
        """The id of the study with this id, or of the newest one with this name."""
        for study in await self.studies(archived="all"):
            if name_or_id in (study["id"], study["name"]):
                found: str = study["id"]
                return found
        raise ApiProblem(404, f"there is no study with the name or id {name_or_id!r}")

    async def change_study(self, /, study: str, **change: Any) -> dict[str, Any]:
        """`note`, `tags`, `is_archived`, `is_paused`, `priority`, `max_running`: the rest stays."""
        return await self._changed(f"/v1/studies/{part(study)}", change)

    async def extend_study(self, /, study: str, **more: Any) -> dict[str, Any]:
        """`max_trials`, `max_tokens`, `max_hours`, `seeds`, `sft_share`, `search`."""
        return await self._created(f"/v1/studies/{part(study)}/extend", json=more)

    async def study_yaml(self, study: str) -> str:
        """The study as YAML, to be changed and submitted as another."""
        return (await self._call("GET", f"/v1/studies/{part(study)}/spec.yaml")).text

    async def watch(self, study: str, seconds: float = 1.0) -> AsyncIterator[dict[str, Any]]:
        """The study's status every `seconds`, the last one FINISHED.

        A controller that restarts meanwhile is waited for: its trials go on where they stood.
        """
        while True:
            try:
                status = (await self.study(study))["status"]
            except ControllerUnreachable:
                await self._exchange.sleep(seconds)
                continue
            yield status
            if status["state"] == "FINISHED":
                return
            await self._exchange.sleep(seconds)
