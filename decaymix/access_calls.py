"""Calls about data files, backups and tokens."""

from typing import Any

from decaymix.caller import READ_SECONDS, Caller, object_of, objects_of, part


class AccessCalls(Caller):
    """Bring data; make and revoke tokens."""

    async def add_source(self, name: str, content: bytes) -> dict[str, Any]:
        """Upload a data file; its preview. A study names it by `name`."""
        return await self._created(
            "/v1/sources", params={"name": name}, content=content, timeout=READ_SECONDS
        )

    async def sources(self) -> list[dict[str, Any]]:
        """All data files that a study can name."""
        return objects_of(await self._call("GET", "/v1/sources"))

    async def backup(self) -> bytes:
        """All tables as Parquet, zipped."""
        return (await self._call("GET", "/v1/backup", timeout=READ_SECONDS)).content

    async def prune(self, is_dry: bool, days: float) -> dict[str, Any]:
        """Delete leftovers, old caches, and weights and logs of archived studies; how much."""
        wish = {"is_dry": is_dry, "days": days}
        return object_of(await self._call("POST", "/v1/prune", json=wish, timeout=READ_SECONDS))

    async def create_token(
        self, name: str, scopes: list[str], expires_in_days: float | None
    ) -> dict[str, Any]:
        """A new token; its text comes this once, so this call alone is never sent again."""
        wish = {"name": name, "scopes": scopes, "expires_in_days": expires_in_days}
        return object_of(await self._call("POST", "/v1/tokens", repeats=False, json=wish))

    async def tokens(self) -> list[dict[str, Any]]:
        """All tokens, never their text."""
        return objects_of(await self._call("GET", "/v1/tokens"))

    async def revoke_token(self, token_id: str) -> dict[str, Any]:
        """Refuse a token from now on."""
        return object_of(await self._call("DELETE", f"/v1/tokens/{part(token_id)}"))
