"""What bench/chaos.py holds the controller to, while it kills and afterwards."""

import threading
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from bench.chaos_controller import TOKEN, Supervisor
from bench.chaos_study import STUDY
from bench.chaos_trainer import Acknowledged
from decaymix import ApiProblem, ControllerUnreachable

# For the worker to be ended and the trial to be taken back, on a machine that is busy.
SLACK_SECONDS = 10.0
_COMPARED = ("scores", "weights_sha256", "source_tokens", "epochs", "curve")


@dataclass(frozen=True, slots=True)
class Facts:
    """The study at its end. `results` by trial; `wanted` says what makes each trial again."""

    results: dict[str, dict[str, Any]]
    wanted: list[dict[str, Any]]
    states: dict[str, str]
    outcomes: Counter[str]
    completed_twice: list[str]


class Watcher:
    """A thread that looks at all running trials: is each of them somewhere new?

    Each has a lease of time to be so, and at its beginning, before its worker has said anything,
    two of them.
    """

    def __init__(self, supervisor: Supervisor, study_id: str, lease_seconds: float) -> None:
        self._supervisor, self._study_id = supervisor, study_id
        self._lease_seconds, self._longest = lease_seconds, lease_seconds + SLACK_SECONDS
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._seen: dict[str, tuple[Any, float]] = {}
        self.zombies: list[str] = []

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._is_over.set()
        self._thread.join(60)

    def _run(self) -> None:
        try:
            self._watch()
        except Exception as error:
            # A watcher that ends sees nothing: that must not pass for there being nothing.
            self.zombies.append(f"the watcher ended: {error!r}")

    def _watch(self) -> None:
        while not self._is_over.wait(1.0):
            try:
                with self._supervisor.client() as client:
                    running = client.trial_page(self._study_id, limit=1000, state="RUNNING")
                    status = client.study(self._study_id)["status"]
            except (ControllerUnreachable, ApiProblem):
                # Nothing is RUNNING on a controller that is down: its next start takes all back.
                self._seen.clear()
                continue
            self._look(running["trials"], status["running"])

    def _look(self, running: list[dict[str, Any]], progress: list[dict[str, Any]]) -> None:
        stands = {one["trial_id"]: (one["phase"], one["done"]) for one in progress}
        now, before = time.monotonic(), self._seen
        self._seen = {}
        for trial in running:
            where = (trial["attempt"], stands.get(trial["id"]))
            seen, since = before.get(trial["id"], (None, now))
            self._seen[trial["id"]] = (where, since if seen == where else now)
            longest = self._longest if where[1] else self._lease_seconds + self._longest
            if seen == where and now - since > longest:
                self.zombies.append(f"{trial['id']} RUNNING at {where} for {now - since:.0f} s")

    def facts(self) -> Facts:
        """Once the study has ended."""
        results, wanted, states, twice = {}, [], {}, []
        outcomes: Counter[str] = Counter()
        with self._supervisor.client() as client:
            for listed in client.trials(self._study_id):
                trial = client.trial(listed["id"])
                ends = [one["outcome"] for one in _attempts(client.url, listed["id"])]
                outcomes.update(ends)
                states[listed["id"]] = trial["state"]
                if ends.count("COMPLETE") > 1:
                    twice.append(f"{listed['id']}: {ends}")
                if trial["state"] == "RUNNING":
                    self.zombies.append(f"{listed['id']} RUNNING after the end")
                if trial["result"] is not None:
                    results[listed["id"]] = trial["result"]
                shares = trial["spec"]["mixture"]["shares"]
                wanted.append({"shares": shares, "seed": trial["spec"]["seed"]})
        return Facts(results, wanted, states, outcomes, twice)


def lost(supervisor: Supervisor, acknowledged: Acknowledged, facts: Facts) -> list[str]:
    """What was acknowledged and is not there."""
    missing = [
        f"trial {one} is {state}" for one, state in facts.states.items() if state != "COMPLETE"
    ]
    with supervisor.client() as client:
        about = (acknowledged.trials, acknowledged.told, acknowledged.notes)
        trials = {one: _trial(client, one) for one in set().union(*about)}
        missing += [f"trial {one}" for one, trial in trials.items() if trial is None]
        for trial_id, value in acknowledged.told.items():
            trial = trials[trial_id]
            scores = trial and trial["result"] and [s["value"] for s in trial["result"]["scores"]]
            if scores != [value]:
                missing.append(f"score {value} of {trial_id}: {scores}")
        for trial_id, note in acknowledged.notes.items():
            trial = trials[trial_id]
            found = str(trial and trial["note"]).split()
            # The last may have been written over by one whose answer was lost.
            if len(found) != 2 or int(found[1]) < int(note.split()[1]):
                missing.append(f"note {note!r} of {trial_id}: {trial and trial['note']!r}")
        tokens = {one["id"] for one in client.tokens()}
        missing += [f"token {one}" for one in acknowledged.tokens - tokens]
    return missing


def undisturbed(home: Path, facts: Facts) -> dict[str, dict[str, Any]]:
    """Results by trial of the same trials, trained with nobody killing anything."""
    with Supervisor(home) as supervisor:
        study_id = supervisor.patiently(lambda client: client.submit_study(STUDY)["id"])
        with supervisor.client() as client:
            client.submit_trials(study_id, facts.wanted)
            supervisor.until_finished(study_id)
            return {one["id"]: client.trial(one["id"])["result"] for one in client.trials(study_id)}


def differing(results: dict[str, dict[str, Any]], fresh: dict[str, dict[str, Any]]) -> list[str]:
    """Trials whose weights, scores, curve or tokens are not the same bit for bit."""
    return [
        f"{trial_id}: {name}"
        for trial_id, result in results.items()
        for name in _COMPARED
        if (fresh.get(trial_id) or {}).get(name) != result[name]
    ]


def _attempts(url: str, trial_id: str) -> list[dict[str, Any]]:
    """Which the client has no call for."""
    path = f"{url}/v1/trials/{trial_id}/attempts"
    answer = httpx.get(path, headers={"Authorization": f"Bearer {TOKEN}"}, timeout=60)
    found: list[dict[str, Any]] = answer.raise_for_status().json()["attempts"]
    return found


def _trial(client: Any, trial_id: str) -> dict[str, Any] | None:
    try:
        found: dict[str, Any] = client.trial(trial_id)
    except ApiProblem:
        return None
    return found
