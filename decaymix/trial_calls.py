"""Calls about trials, our own workers' and those of outside trainers."""

from collections.abc import AsyncIterator, Iterable, Sequence
from itertools import islice
from typing import Any

from decaymix.caller import READ_SECONDS, Caller, object_of, objects_of, part

# Wishes that are sent at once; a body of them stays well under the controller's limit.
CHUNK = 500


class TrialCalls(Caller):
    """Ask for trials, look at them, train them elsewhere."""

    async def submit_trials(
        self, study: str, wanted: dict[str, Any] | list[dict[str, Any]]
    ) -> dict[str, Any]:
        """Ask for trials, all or none: `trial_ids`, and `num_new` of them."""
        return await self._created(f"/v1/studies/{part(study)}/trials", json=wanted)

    async def submit_batch(
        self, study: str, wanted: Iterable[dict[str, Any]], chunk: int = CHUNK
    ) -> AsyncIterator[dict[str, Any]]:
        """Ask for very many trials, each by itself, `chunk` at once; what came of each, in order:
        `trial_ids` and `num_new`, or `errors`.
        """
        wishes = iter(wanted)
        path = f"/v1/studies/{part(study)}/trials"
        while batch := list(islice(wishes, chunk)):
            taken = await self._created(path, json=batch, params={"all_or_none": False})
            for result in taken["results"]:
                yield result

    async def import_trials(self, study: str, text: str) -> dict[str, Any]:
        """Trials that were trained before, as CSV."""
        headers = {"Content-Type": "text/csv"}
        path = f"/v1/studies/{part(study)}/import"
        return await self._created(path, content=text.encode(), headers=headers)

    async def trials_csv(self, study: str) -> str:
        """Every trial with its state and all its scores, as `take_in_trials` takes it."""
        path = f"/v1/studies/{part(study)}/trials.csv"
        return (await self._call("GET", path, timeout=READ_SECONDS)).text

    async def take_in_trials(self, study: str, text: str, first_line: int = 2) -> dict[str, Any]:
        """Finished trials of such a table, or of a part that begins at that line of it."""
        path = f"/v1/studies/{part(study)}/finished-trials"
        headers = {"Content-Type": "text/csv"}
        given = {"first_line": first_line}
        return await self._created(path, params=given, content=text.encode(), headers=headers)

    async def trials(self, study: str) -> list[dict[str, Any]]:
        """All trials of a study, in claiming order."""
        return objects_of(await self._call("GET", f"/v1/studies/{part(study)}/trials"))

    async def trial_page(self, /, study: str, limit: int = 100, **which: Any) -> dict[str, Any]:
        """`trials`, `next_after` and `num_matching`; `after`, `state`, `q`, `tag`, `sort`."""
        path = f"/v1/studies/{part(study)}/trials"
        return object_of(await self._call("GET", path, params={"limit": limit, **which}))

    async def each_trial(
        self, /, study: str, limit: int = 1000, **which: Any
    ) -> AsyncIterator[dict[str, Any]]:
        """The trials that match, one by one, read a page at a time."""
        after: dict[str, Any] = {}
        while True:
            page = await self.trial_page(study, limit, **which, **after)
            for trial in page["trials"]:
                yield trial
            if page["next_after"] is None:
                return
            after = {"after": page["next_after"]}

    async def trial(self, trial: str) -> dict[str, Any]:
        """Spec, state, scores, learning curve, failure."""
        return object_of(await self._call("GET", f"/v1/trials/{part(trial)}"))

    async def cancel(self, trial: str) -> dict[str, Any]:
        """Cancel a waiting or running trial."""
        return await self._created(f"/v1/trials/{part(trial)}/cancel")

    async def retry(self, trial: str) -> dict[str, Any]:
        """Run a failed or cancelled trial again."""
        return await self._created(f"/v1/trials/{part(trial)}/retry")

    async def repeat(self, trial: str, seed: int | None = None) -> dict[str, Any]:
        """The same mixture with another seed; the smallest unused one when none is given."""
        return await self._created(f"/v1/trials/{part(trial)}/repeat", json={"seed": seed})

    async def change_trial(self, /, trial: str, **change: Any) -> dict[str, Any]:
        """`note`, `tags`: what is not given stays."""
        return await self._changed(f"/v1/trials/{part(trial)}", change)

    async def ask(
        self, study: str, worker: str, num: int = 1, lease_seconds: float = 3600.0
    ) -> dict[str, Any]:
        """Trials to train, each with its `attempt`; `why_fewer` where they are fewer."""
        wish = {"num": num, "worker": worker, "lease_seconds": lease_seconds}
        return await self._created(f"/v1/studies/{part(study)}/ask", json=wish)

    async def renew(
        self, trial: str, attempt: int, lease_seconds: float = 3600.0
    ) -> dict[str, Any]:
        """Keep a trial for longer; says whether it is still wanted."""
        wish = {"attempt": attempt, "lease_seconds": lease_seconds}
        return object_of(await self._call("POST", f"/v1/trials/{part(trial)}/renew", json=wish))

    async def tell(
        self,
        trial: str,
        attempt: int,
        scores: Sequence[dict[str, Any]] = (),
        failure: str | None = None,
    ) -> dict[str, Any]:
        """Scores of a trial (`benchmark`, `metric`, `value`), or why there are none."""
        told: dict[str, Any] = {"attempt": attempt}
        told |= {"failure": failure} if failure is not None else {"scores": list(scores)}
        return object_of(await self._call("POST", f"/v1/trials/{part(trial)}/tell", json=told))
