"""What may go wrong on the way to a controller."""

from typing import Any

import httpx


class ApiProblem(RuntimeError):
    """The controller refused: its `status` and, as text, its one-line reason.

    `errors` are those about input, each with `pointer`, `field`, `value` and `message`;
    `retry_after` is in seconds, where the controller says when to ask again.
    """

    def __init__(
        self,
        status: int,
        detail: str,
        errors: list[dict[str, Any]] | None = None,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(detail)
        self.status, self.errors, self.retry_after = status, errors or [], retry_after


class ControllerUnreachable(ConnectionError):
    """Nothing answers at the address."""


class BadAddress(ValueError):
    """What was given as the controller's address is none."""


def problem_of(response: httpx.Response) -> ApiProblem:
    """The problem in its own words, or what little another server in between says."""
    wait = response.headers.get("retry-after", "")
    retry_after = float(wait) if wait.isdigit() else None
    if response.headers.get("content-type", "").startswith("application/problem+json"):
        told = response.json()
        return ApiProblem(
            response.status_code, str(told["detail"]), told.get("errors"), retry_after
        )
    text = f"{response.status_code} {response.reason_phrase}: {response.text[:200]}"
    return ApiProblem(response.status_code, text, None, retry_after)
