"""Kills at random points of a running study: is anything lost that was acknowledged?

    python bench/chaos.py [--quick] [--seed 0]

A controller with a Ray of its own trains a study of small trials. A trainer from outside asks,
tells, writes notes, makes tokens, and keeps what was acknowledged (`chaos_trainer.py`).
Workers, the controller, Ray's head, and everything at once get SIGKILL at seeded random moments,
some workers SIGSTOP and the controller SIGTERM; a supervisor starts one that is gone again, as
systemd would. Afterwards the same trials are trained undisturbed in a second home and compared
bit for bit.
"""

import argparse
import os
import random
import signal
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

from bench.chaos_checks import Watcher, differing, lost, undisturbed
from bench.chaos_controller import Supervisor
from bench.chaos_study import ALL, QUICK, STUDY, Plan
from bench.chaos_trainer import Trainer
from bench.goal import goal_line

MOST_MINUTES = 50.0
LEASE_SECONDS = 20.0
# A moment after all is up again: inside a claim, a decay, an evaluation or between two trials.
LONGEST_PAUSE_SECONDS, LONGEST_START_SECONDS = 2.5, 10.0
_FINDINGS = ("stuck", "lost", "completed_twice", "zombies", "disorderly", "refused", "differing")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="nine kills")
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    plan = QUICK if given.quick else ALL
    started = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="chaos-") as folder:
        found = run(plan, Path(folder), given.seed)
    minutes = (time.monotonic() - started) / 60
    kills: Counter[str] = found["kills"]
    print(f"kills: {dict(kills)}, attempts: {found['attempts']}")
    print(f"acknowledged: {found['acknowledged']}, trials: {found['num_trials']}")
    for kind in ("worker", "controller", "ray"):
        print(goal_line(f"chaos_{kind}_kills", kills[kind], plan.least[kind], is_at_least=True))
    total = sum(kills[kind] for kind in plan.least)
    print(goal_line("chaos_kills", total, sum(plan.least.values()), is_at_least=True))
    for name in _FINDINGS:
        for one in found[name][:10]:
            print(f"{name}: {one}")
        print(goal_line(f"chaos_{name}", len(found[name]), 0))
    print(goal_line("chaos_minutes", minutes, MOST_MINUTES))


def run(plan: Plan, folder: Path, seed: int) -> dict[str, Any]:
    """The kills, and what was found after them."""
    draw = random.Random(seed)
    with Supervisor(folder / "home", lease_seconds=LEASE_SECONDS) as supervisor:
        study_id = supervisor.patiently(lambda client: client.submit_study(STUDY)["id"])
        watcher = Watcher(supervisor, study_id, LEASE_SECONDS)
        trainer = Trainer(supervisor, study_id, least_waiting=plan.least_waiting)
        trainer.start()
        watcher.start()
        stuck: list[str] = []
        kills: Counter[str] = Counter()
        try:
            for kind in plan.kinds(draw, kills):
                if kind == "controller" and draw.random() < 0.5:
                    # Also while it starts.
                    time.sleep(draw.uniform(0.0, LONGEST_START_SECONDS))
                else:
                    supervisor.until_at_work(study_id)
                    time.sleep(draw.uniform(0.0, LONGEST_PAUSE_SECONDS))
                kills.update(strike(supervisor, kind, draw))
                say(f"{kind}: {dict(kills)}")
        except TimeoutError as error:
            # No reason to tell nothing of what there was before.
            stuck.append(str(error))
        finally:
            trainer.stop()
        say("no more kills; the study goes on to its end")
        try:
            supervisor.until_finished(study_id)
        except TimeoutError as error:
            stuck.append(str(error))
        watcher.stop()
        facts = watcher.facts()
        say("looks for what was acknowledged")
        found = {
            "kills": kills,
            "stuck": stuck,
            "attempts": dict(facts.outcomes),
            "acknowledged": trainer.acknowledged.counts(),
            "refused": trainer.trouble,
            "num_trials": len(facts.results),
            "lost": lost(supervisor, trainer.acknowledged, facts),
            "completed_twice": facts.completed_twice,
            "zombies": watcher.zombies,
            "disorderly": supervisor.disorderly,
        }
    say(f"trains the same {len(facts.wanted)} trials undisturbed")
    fresh = undisturbed(folder / "undisturbed", facts)
    return {**found, "differing": differing(facts.results, fresh)}


def strike(supervisor: Supervisor, kind: str, draw: random.Random) -> Counter[str]:
    """Kill what `kind` says; how many kills of each kind that was."""
    supervisor.until_it_runs()
    pids = supervisor.processes()
    workers = [pid for pid, name in pids.items() if name.startswith("ray::_Actor")]
    if kind == "term":
        supervisor.end_in_order()
        return Counter({kind: 1})
    if kind in ("worker", "stopped"):
        victims = workers if draw.random() < 0.75 else workers[:1]
        number = signal.SIGKILL if kind == "worker" else signal.SIGSTOP
        return Counter({kind: sum(send(pid, number) for pid in victims)})
    if kind == "ray":
        which = draw.choice(("/gcs_server ", "/raylet "))
        for pid in [pid for pid, name in pids.items() if which in f"{name.split(' ')[0]} "]:
            return Counter({"ray": int(send(pid, signal.SIGKILL))})
        return Counter()
    victims = [supervisor.pid, *(pids if kind == "all" else ())]
    killed = {pid for pid in victims if send(pid, signal.SIGKILL)}
    found = Counter({"controller": int(supervisor.pid in killed)})
    if kind == "all":
        heads = [pid for pid, name in pids.items() if name.split(" ")[0].endswith("/gcs_server")]
        found += Counter({"ray": len(killed & set(heads)), "worker": len(killed & set(workers))})
    return found


def send(pid: int, number: signal.Signals) -> bool:
    """To one that may have ended a moment ago: then False, for that is no kill."""
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return False
    return True


def say(what: str) -> None:
    print(time.strftime("%H:%M:%S"), what, flush=True)


if __name__ == "__main__":
    main()
