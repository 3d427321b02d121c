"""A user of the controller in bench/chaos.py, who remembers what was acknowledged.

Whatever was answered with success has to be there at the end; what was asked while the controller
died is asked again, and may have happened once.
"""

import itertools
import threading
import time
from dataclasses import dataclass, field

from bench.chaos_controller import Supervisor
from bench.chaos_study import OUTSIDE_STUDY
from decaymix import ApiProblem, Client, ControllerUnreachable

PAUSE_SECONDS = 0.4


@dataclass(slots=True)
class Acknowledged:
    """By what it is about: ids of trials, scores by trial, notes by trial, ids of tokens."""

    trials: set[str] = field(default_factory=set)
    told: dict[str, float] = field(default_factory=dict)
    notes: dict[str, str] = field(default_factory=dict)
    tokens: set[str] = field(default_factory=set)

    def counts(self) -> dict[str, int]:
        return {name: len(getattr(self, name)) for name in ("trials", "told", "notes", "tokens")}


class Trainer:
    """One thread: submits trials of our own study, trains those of an outside study."""

    def __init__(self, supervisor: Supervisor, study_id: str, least_waiting: int) -> None:
        self._supervisor, self._study_id = supervisor, study_id
        self._least_waiting = least_waiting
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._numbers = itertools.count()
        self.acknowledged = Acknowledged()
        self.outside_id = supervisor.patiently(lambda c: c.submit_study(OUTSIDE_STUDY)["id"])
        self.trouble: list[str] = []

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """After what is under way."""
        self._is_over.set()
        self._thread.join(60)

    def _run(self) -> None:
        try:
            self._train()
        except Exception as error:
            # Without it nothing is acknowledged any more, and the study runs out of trials.
            self.trouble.append(f"the trainer ended: {error!r}")

    def _train(self) -> None:
        while not self._is_over.wait(PAUSE_SECONDS):
            number = next(self._numbers)
            try:
                with self._supervisor.client() as client:
                    self._turn(client, number)
            except ControllerUnreachable:
                time.sleep(0.2)
            except ApiProblem as problem:
                # 409: another attempt of ours, of before a kill, has the trial.
                if problem.status not in (409, 503):
                    self.trouble.append(f"{problem.status} {problem}")

    def _turn(self, client: Client, number: int) -> None:
        counts = client.study(self._study_id)["status"]["trials"]
        if counts["WAITING"] < self._least_waiting:
            wanted = {"sft_share": (number % 21) / 20, "seed": 2 + number}
            found = client.submit_trials(self._study_id, wanted)
            self.acknowledged.trials |= set(found["trial_ids"])
        self._train_outside(client, number)
        trial_id = next(iter(self.acknowledged.trials), None)
        if trial_id is not None:
            note = f"note {number}"
            client.change_trial(trial_id, note=note)
            self.acknowledged.notes[trial_id] = note
        if number % 10 == 0:
            token = client.create_token(f"chaos-{number}", ["read"], None)
            self.acknowledged.tokens.add(token["stored"]["id"])

    def _train_outside(self, client: Client, number: int) -> None:
        wanted = {"sft_share": (number % 101) / 100, "seed": number}
        submitted = client.submit_trials(self.outside_id, wanted)
        self.acknowledged.trials |= set(submitted["trial_ids"])
        asked = client.ask(self.outside_id, "chaos", num=2, lease_seconds=30.0)
        for trial in asked["trials"]:
            value = 1.0 + trial["sft_share"] / 3 + number / 7
            score = {"benchmark": "exam", "metric": "bits_per_byte", "value": value}
            client.tell(trial["trial_id"], trial["attempt"], [score])
            self.acknowledged.told[trial["trial_id"]] = value
