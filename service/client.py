"""The API from Python: one method a route, plain JSON back, problems as exceptions."""

import time
from collections.abc import Iterator, Sequence
from types import TracebackType
from typing import Any, Literal, Self
from urllib.parse import quote

import httpx

# Submitting a study reads all of its data before the answer comes.
_SUBMIT_SECONDS = 600.0
_SECONDS = 60.0


class ApiProblem(RuntimeError):
    """The controller refused: its `status` and, as text, its one-line reason."""

    def __init__(self, status: int, detail: str) -> None:
        super().__init__(detail)
        self.status = status


class ControllerUnreachable(ConnectionError):
    """Nothing answers at the address."""


class BadAddress(ValueError):
    """What was given as the controller's address is none."""


class Client:
    """Talks to one controller. Use as a context manager, or `close()` it."""

    def __init__(self, url: str, token: str | None = None) -> None:
        """`url` as http://host:port; raises BadAddress."""
        try:
            parsed = httpx.URL(url)
        except httpx.InvalidURL as error:
            raise BadAddress(f"{error}; expected http://host:port") from error
        if parsed.scheme not in ("http", "https") or not parsed.host:
            raise BadAddress("expected http://host:port")
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        self.url = url.rstrip("/")
        self._http = httpx.Client(base_url=self.url, headers=headers, timeout=_SECONDS)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        self._http.close()

    def is_ready(self) -> bool:
        """True once the controller answers and is ready for work."""
        try:
            return self._http.get("/readyz").status_code == httpx.codes.OK
        except httpx.TransportError:
            return False

    def is_alive(self) -> bool:
        """True once anything answers at the address."""
        try:
            self._http.get("/healthz")
        except httpx.TransportError:
            return False
        return True

    def submit_study(
        self, text: str, kind: Literal["yaml", "json"] = "yaml", is_paused: bool = False
    ) -> dict[str, Any]:
        """The status of the study in `text`; the same text twice is one study."""
        answer = self._call(
            "POST",
            "/v1/studies",
            params={"is_paused": True} if is_paused else {},
            content=text.encode(),
            headers={"Content-Type": f"application/{kind}"},
            timeout=_SUBMIT_SECONDS,
        )
        return _object(answer)

    def add_source(self, name: str, content: bytes) -> dict[str, Any]:
        """Upload a data file; its preview. A study names it by `name`."""
        return _object(
            self._call(
                "POST",
                "/v1/sources",
                params={"name": name},
                content=content,
                timeout=_SUBMIT_SECONDS,
            )
        )

    def sources(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self._call("GET", "/v1/sources").json()
        return found

    def studies(self, **which: str) -> list[dict[str, Any]]:
        """Newest first; `q`, `tag` and `archived` (no, yes, all) say which."""
        return _objects(self._call("GET", "/v1/studies", params=which))

    def study(self, study: str) -> dict[str, Any]:
        return _object(self._call("GET", f"/v1/studies/{study}"))

    def study_id(self, name_or_id: str) -> str:
        """The id of the study with this id, or of the newest one with this name."""
        for study in self.studies(archived="all"):
            if name_or_id in (study["id"], study["name"]):
                found: str = study["id"]
                return found
        raise ApiProblem(404, f"there is no study with the name or id {name_or_id!r}")

    def change_study(self, study: str, **change: Any) -> dict[str, Any]:
        """`note`, `tags`, `is_archived`, `is_paused`: what is not given stays."""
        return _object(self._call("PATCH", f"/v1/studies/{study}", json=change))

    def extend_study(self, study: str, **more: Any) -> dict[str, Any]:
        """`max_trials`, `max_tokens`, `max_hours`, `seeds`, `sft_share`, `search`."""
        return _object(self._call("POST", f"/v1/studies/{study}/extend", json=more))

    def study_yaml(self, study: str) -> str:
        """The study as YAML, to be changed and submitted as another."""
        return self._call("GET", f"/v1/studies/{study}/spec.yaml").text

    def submit_trials(
        self, study: str, wanted: dict[str, Any] | list[dict[str, Any]]
    ) -> dict[str, Any]:
        return _object(self._call("POST", f"/v1/studies/{study}/trials", json=wanted))

    def import_trials(self, study: str, text: str) -> dict[str, Any]:
        """Trials that were trained before, as CSV."""
        headers = {"Content-Type": "text/csv"}
        path = f"/v1/studies/{study}/import"
        return _object(self._call("POST", path, content=text.encode(), headers=headers))

    def trials_csv(self, study: str) -> str:
        """Every trial with its state and all its scores, as `take_in_trials` takes it."""
        return self._call("GET", f"/v1/studies/{study}/trials.csv", timeout=_SUBMIT_SECONDS).text

    def take_in_trials(self, study: str, text: str, first_line: int = 2) -> dict[str, Any]:
        """Finished trials of such a table, or of a part that begins at that line of it."""
        path = f"/v1/studies/{study}/finished-trials?first_line={first_line}"
        headers = {"Content-Type": "text/csv"}
        return _object(self._call("POST", path, content=text.encode(), headers=headers))

    def trials(self, study: str) -> list[dict[str, Any]]:
        return _objects(self._call("GET", f"/v1/studies/{study}/trials"))

    def trial(self, trial: str) -> dict[str, Any]:
        return _object(self._call("GET", f"/v1/trials/{_part(trial)}"))

    def cancel(self, trial: str) -> dict[str, Any]:
        return _object(self._call("POST", f"/v1/trials/{_part(trial)}/cancel"))

    def retry(self, trial: str) -> dict[str, Any]:
        return _object(self._call("POST", f"/v1/trials/{_part(trial)}/retry"))

    def repeat(self, trial: str, seed: int | None = None) -> dict[str, Any]:
        """The same mixture with another seed; the smallest unused one when none is given."""
        path = f"/v1/trials/{_part(trial)}/repeat"
        return _object(self._call("POST", path, json={"seed": seed}))

    def change_trial(self, trial: str, **change: Any) -> dict[str, Any]:
        """`note`, `tags`: what is not given stays."""
        return _object(self._call("PATCH", f"/v1/trials/{_part(trial)}", json=change))

    def trial_page(self, study: str, limit: int = 100, **which: Any) -> dict[str, Any]:
        """`trials`, `next_after` and `num_matching`; `after`, `state`, `q`, `tag`, `sort`."""
        path = f"/v1/studies/{study}/trials"
        return _object(self._call("GET", path, params={"limit": limit, **which}))

    def leaderboard(
        self, study: str, objective: Literal["own", "transfer"] = "own"
    ) -> dict[str, Any]:
        given = {} if objective == "own" else {"objective": objective}
        return _object(self._call("GET", f"/v1/studies/{study}/leaderboard", params=given))

    def leaderboard_csv(self, study: str, objective: Literal["own", "transfer"] = "own") -> str:
        given = {} if objective == "own" else {"objective": objective}
        path = f"/v1/studies/{study}/leaderboard"
        return self._call("GET", path, params={"format": "csv", **given}).text

    def recommendation(self, study: str) -> dict[str, Any]:
        return _object(self._call("GET", f"/v1/studies/{study}/recommendation"))

    def transfer(self, study: str) -> dict[str, Any]:
        """The transfer score's weights and what they rest on."""
        return _object(self._call("GET", f"/v1/studies/{study}/transfer"))

    def best_shares(self, study: str) -> dict[str, Any]:
        """The best SFT share by benchmark, group and composition."""
        return _object(self._call("GET", f"/v1/studies/{study}/best-shares"))

    def pareto(self, study: str, objectives: Sequence[str] = ()) -> dict[str, Any]:
        """The Pareto front over benchmarks or groups, each as NAME or NAME:METRIC."""
        path = f"/v1/studies/{study}/pareto"
        return _object(self._call("GET", path, params={"objective": list(objectives)}))

    def effects(self, study: str, objective: str | None = None) -> dict[str, Any]:
        """What more of each source does to the objective."""
        given = {} if objective is None else {"objective": objective}
        return _object(self._call("GET", f"/v1/studies/{study}/effects", params=given))

    def across_proxies(self, studies: Sequence[str], **options: Any) -> dict[str, Any]:
        """Of studies by id. `options`: `parameters` (a list) and `full_parameters`."""
        given = {"study": list(studies), **{k: v for k, v in options.items() if v}}
        return _object(self._call("GET", "/v1/across-proxies", params=given))

    def export(self, study: str, format: str = "yaml", **options: Any) -> str:
        """The file's text. `options`: `path`, `tokens_per_document` (lists), `counts`, `force`."""
        given = {"format": format, **{name: one for name, one in options.items() if one}}
        return self._call("GET", f"/v1/studies/{study}/export", params=given).text

    def export_formats(self) -> list[dict[str, Any]]:
        return _objects(self._call("GET", "/v1/export-formats"))

    def backup(self) -> bytes:
        """All tables as Parquet, zipped."""
        return self._call("GET", "/v1/backup", timeout=_SUBMIT_SECONDS).content

    def prune(self, is_dry: bool, days: float) -> dict[str, Any]:
        wish = {"is_dry": is_dry, "days": days}
        return _object(self._call("POST", "/v1/prune", json=wish, timeout=_SUBMIT_SECONDS))

    def create_token(
        self, name: str, scopes: list[str], expires_in_days: float | None
    ) -> dict[str, Any]:
        wish = {"name": name, "scopes": scopes, "expires_in_days": expires_in_days}
        return _object(self._call("POST", "/v1/tokens", json=wish))

    def tokens(self) -> list[dict[str, Any]]:
        return _objects(self._call("GET", "/v1/tokens"))

    def revoke_token(self, token_id: str) -> dict[str, Any]:
        return _object(self._call("DELETE", f"/v1/tokens/{_part(token_id)}"))

    def watch(self, study: str, seconds: float = 1.0) -> Iterator[dict[str, Any]]:
        """The study's status every `seconds`, the last one FINISHED.

        A controller that restarts meanwhile is waited for: its trials go on where they stood.
        """
        while True:
            try:
                status = self.study(study)["status"]
            except ControllerUnreachable:
                time.sleep(seconds)
                continue
            yield status
            if status["state"] == "FINISHED":
                return
            time.sleep(seconds)

    def _call(self, method: str, path: str, **arguments: Any) -> httpx.Response:
        try:
            response = self._http.request(method, path, **arguments)
        except httpx.TransportError as error:
            raise ControllerUnreachable(
                f"no controller answers at {self.url} ({error}); start one with ./run serve, or "
                "set DECAYMIX_URL"
            ) from error
        if response.is_error:
            raise ApiProblem(response.status_code, _detail(response))
        return response


def _object(response: httpx.Response) -> dict[str, Any]:
    found: dict[str, Any] = _json(response, dict)
    return found


def _objects(response: httpx.Response) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = _json(response, list)
    return found


def _json(response: httpx.Response, kind: type) -> Any:
    """Another server at the address may answer 200 as well, with a page of its own."""
    try:
        found = response.json()
    except ValueError:
        found = None
    if not isinstance(found, kind):
        raise ControllerUnreachable(
            f"what answers at {response.url.copy_with(path='/')} is no Decaymix controller"
        )
    return found


def _part(name: str) -> str:
    """A name as one part of a path, whatever characters it has."""
    return quote(name, safe="") or "-"


def _detail(response: httpx.Response) -> str:
    """The problem's own words, or what little another server in between says."""
    if response.headers.get("content-type", "").startswith("application/problem+json"):
        return str(response.json()["detail"])
    return f"{response.status_code} {response.reason_phrase}: {response.text[:200]}"
