"""The machine that `bench/state_machine.py` runs: one study, its model, and what each step must do.

A study that outside trainers train is asked, told, cancelled, retried, paused and asked for more,
while leases end, answers are lost and asked for again, commits fail and the controller restarts.
After each step the trials are those of the model: none is lost, none completed twice, no score
changes, and the leaderboard has as many as are complete.
"""

import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from unittest import mock

import httpx
from fastapi.testclient import TestClient
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
)

from bench.idle_pool import IdlePool
from db.database import Database, now
from mixtures.retries import Retries
from service.app import create_app
from service.settings import Settings

LEASE_SECONDS = 3600.0
_STUDY: dict[str, Any] = {
    "name": "any-order",
    "question": "Is anything lost?",
    "trained_by": "outside",
    "sources": [
        {"name": "text", "kind": "pretrain", "tokens": 1_000_000},
        {"name": "sums", "kind": "sft", "tokens": 100_000},
    ],
    "benchmarks": [{"name": "test_sums"}],
    "space": {"sft_share": [0.0, 0.5, 1.0]},
    "baselines": {},
}
# Steps taken so far, by rule.
steps: Counter[str] = Counter()
_ANY = st.integers(min_value=0, max_value=1000)


@dataclass
class Trial:
    """What the model knows of one trial. `told` is by attempt."""

    state: str = "WAITING"
    attempt: int = 0
    lost: int = 0
    is_cancelled: bool = False
    told: dict[int, dict[str, Any]] = field(default_factory=dict)
    value: float | None = None


class Trials(RuleBasedStateMachine):
    """One study of trials, in the order in which they are given out."""

    def __init__(self) -> None:
        super().__init__()
        self._stack = ExitStack()
        self._home = Path(self._stack.enter_context(tempfile.TemporaryDirectory()))
        self._ahead = timedelta()
        for module in ("db.leases", "db.trials", "db.answered"):
            self._stack.enter_context(mock.patch(f"{module}.now", self._now))
        self.trials: dict[str, Trial] = {}
        self.is_paused = False
        self._keys = 0
        self._last: tuple[str, dict[str, Any], httpx.Response] | None = None
        self._start()

    def _now(self) -> datetime:
        return now() + self._ahead

    def _start(self) -> None:
        (self._home / "data").mkdir(exist_ok=True)
        configured = Settings(home=self._home / "home", data_roots=(self._home / "data",))
        app = create_app(configured, IdlePool())
        self._running = ExitStack()
        self.client = self._running.enter_context(
            TestClient(app, base_url="http://127.0.0.1", raise_server_exceptions=False)
        )

    def teardown(self) -> None:
        self._running.close()
        self._stack.close()

    @initialize()
    def submit(self) -> None:
        answer = self.client.post("/v1/studies", json=_STUDY)
        assert answer.status_code == 201, answer.text
        self.study = answer.json()["id"]
        listed = self.client.get(f"/v1/studies/{self.study}/trials").json()
        self.trials = {one["id"]: Trial() for one in listed}
        assert len(self.trials) == 6

    # What people do

    @rule(share=st.integers(0, 10), seed=st.integers(0, 2))
    def ask_for_more(self, share: int, seed: int) -> None:
        steps["ask_for_more"] += 1
        wish = {"sft_share": share / 10, "seed": seed}
        answer = self._post(f"/v1/studies/{self.study}/trials", wish)
        assert answer.status_code == 202
        (trial,) = answer.json()["trial_ids"]
        assert answer.json()["num_new"] == (trial not in self.trials)
        self.trials.setdefault(trial, Trial())

    @rule(which=_ANY)
    def repeat(self, which: int) -> None:
        steps["repeat"] += 1
        answer = self._post(f"/v1/trials/{self._pick(which)}/repeat", {})
        (trial,) = answer.json()["trial_ids"]
        assert answer.json()["num_new"] == 1
        assert trial not in self.trials
        self.trials[trial] = Trial()

    @rule(which=_ANY)
    def cancel(self, which: int) -> None:
        steps["cancel"] += 1
        trial = self._pick(which)
        model = self.trials[trial]
        is_over = model.state not in ("WAITING", "RUNNING")
        answer = self._post(f"/v1/trials/{trial}/cancel", None)
        assert answer.status_code == (409 if is_over else 202)
        if model.state == "WAITING":
            model.state = "CANCELLED"
        elif model.state == "RUNNING":
            model.is_cancelled = True

    @rule(which=_ANY)
    def retry(self, which: int) -> None:
        steps["retry"] += 1
        trial = self._pick(which)
        model = self.trials[trial]
        can_be = model.state in ("FAILED", "CANCELLED")
        answer = self._post(f"/v1/trials/{trial}/retry", None)
        assert answer.status_code == (202 if can_be else 409)
        if can_be:
            model.state, model.lost, model.is_cancelled = "WAITING", 0, False

    @rule(is_paused=st.booleans())
    def pause(self, is_paused: bool) -> None:
        steps["pause"] += 1
        path = f"/v1/studies/{self.study}"
        tag = self.client.get(path).headers["etag"]
        for expected in (200, 200 if is_paused == self.is_paused else 412):
            answer = self.client.patch(
                path, json={"is_paused": is_paused}, headers={"If-Match": tag}
            )
            assert answer.status_code == expected
        self.is_paused = is_paused

    # What trainers do

    @rule(num=st.integers(1, 4))
    def ask(self, num: int) -> None:
        steps["ask"] += 1
        answer = self._post(f"/v1/studies/{self.study}/ask", self._wish(num))
        self._given(answer, num)

    @rule(which=_ANY, behind=st.integers(0, 1), value=st.integers(1, 3))
    def tell(self, which: int, behind: int, value: int) -> None:
        steps["tell"] += 1
        trial = self._pick(which)
        model = self.trials[trial]
        attempt = max(1, model.attempt - behind)
        score = {"benchmark": "test_sums", "metric": "bits_per_byte", "value": float(value)}
        told: dict[str, Any] = {"attempt": attempt}
        told |= {"failure": "it broke"} if value == 3 else {"scores": [score]}
        answer = self.client.post(f"/v1/trials/{trial}/tell", json=told)
        if attempt in model.told:
            assert answer.status_code == (200 if told == model.told[attempt] else 409)
            return
        is_held = model.state == "RUNNING" or (model.state == "WAITING" and model.attempt > 0)
        if not is_held or attempt != model.attempt:
            assert answer.status_code == 409, answer.text
            return
        assert answer.status_code == 200, answer.text
        model.told[attempt] = told
        model.state = "FAILED" if value == 3 else "COMPLETE"
        if value == 3 and model.is_cancelled:
            # Whoever cancelled it is told that it is, not of what broke on the way.
            model.state = "CANCELLED"
        model.value = None if value == 3 else float(value)

    # What goes wrong

    @rule()
    def leases_end(self) -> None:
        steps["leases_end"] += 1
        self._ahead += timedelta(seconds=LEASE_SECONDS + 60)
        # Whoever asks takes them back, where the loop has not.
        answer = self._post(f"/v1/studies/{self.study}/ask", self._wish(1))
        for model in self.trials.values():
            if model.state == "RUNNING":
                model.lost += 1
                is_over = model.lost >= Retries().lost
                model.state = "FAILED" if is_over else "WAITING"
                if model.is_cancelled:
                    model.state = "CANCELLED"
        self._given(answer, 1)

    @rule()
    def an_answer_is_lost_and_asked_for_again(self) -> None:
        steps["an_answer_is_lost_and_asked_for_again"] += 1
        if self._last is None:
            return
        path, given, first = self._last
        again = self.client.post(path, **given)
        if first.status_code < 400 and "ask" not in path:
            assert again.content == first.content
            assert again.headers["idempotency-replayed"] == "true"
        elif first.status_code < 400 and first.json()["trials"]:
            # The same attempts, whatever has become of them.
            assert _attempts(again) == _attempts(first)
        elif first.status_code < 400:
            # Nothing was given, so nothing can be given twice: it asks anew.
            self._last = (path, given, again)
            self._given(again, given["json"]["num"])

    @rule(which=_ANY)
    def a_commit_fails(self, which: int) -> None:
        steps["a_commit_fails"] += 1

        @contextmanager
        def failing(database: Database) -> Iterator[Any]:
            with original(database) as session:
                yield session
                raise OSError("no space left on device")

        original = Database.write
        with mock.patch.object(Database, "write", failing):
            answers = [
                self._post(f"/v1/trials/{self._pick(which)}/repeat", {}),
                self._post(f"/v1/studies/{self.study}/trials", {"sft_share": 0.77}),
            ]
        assert [answer.status_code for answer in answers] == [500, 500]
        self._last = None

    @rule()
    def restart(self) -> None:
        steps["restart"] += 1
        self._running.close()
        self._start()

    @invariant()
    def the_trials_are_those_of_the_model(self) -> None:
        if not self.trials:
            return
        listed = self.client.get(f"/v1/studies/{self.study}/trials").json()
        assert {one["id"]: one["state"] for one in listed} == {
            trial: model.state for trial, model in self.trials.items()
        }
        scores = {one["id"]: one["objective"] for one in listed}
        assert scores == {
            trial: model.value if model.state == "COMPLETE" else None
            for trial, model in self.trials.items()
        }
        status = self.client.get(f"/v1/studies/{self.study}").json()["status"]
        assert status["num_trials"] == len(self.trials)
        board = self.client.get(f"/v1/studies/{self.study}/leaderboard").json()
        complete = sum(model.state == "COMPLETE" for model in self.trials.values())
        assert board["num_trials"] == complete

    def _post(self, path: str, body: Any) -> httpx.Response:
        self._keys += 1
        given: dict[str, Any] = {"headers": {"Idempotency-Key": f"wish-{self._keys}"}}
        if body is not None:
            given["json"] = body
        answer = self.client.post(path, **given)
        self._last = (path, given, answer)
        return answer

    def _wish(self, num: int) -> dict[str, Any]:
        return {"num": num, "worker": "ann", "lease_seconds": LEASE_SECONDS}

    def _given(self, answer: httpx.Response, num: int) -> None:
        """What waits is given in order, as the next attempt; nothing of a paused study."""
        assert answer.status_code == 200, answer.text
        given = answer.json()["trials"]
        waiting = [trial for trial, model in self.trials.items() if model.state == "WAITING"]
        wanted = [] if self.is_paused else waiting[:num]
        assert [one["trial_id"] for one in given] == wanted
        for one in given:
            model = self.trials[one["trial_id"]]
            model.attempt += 1
            assert one["attempt"] == model.attempt
            model.state, model.is_cancelled = "RUNNING", False

    def _pick(self, which: int) -> str:
        return list(self.trials)[which % len(self.trials)]


def _attempts(asked: httpx.Response) -> list[tuple[str, int]]:
    return [(one["trial_id"], one["attempt"]) for one in asked.json()["trials"]]
