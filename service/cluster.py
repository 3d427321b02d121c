"""What the cluster does: workers, the queue, memory and what went wrong last.

The cluster's page and the API's route both come from here.
"""

import math
import platform
from datetime import datetime
from pathlib import Path
from typing import Literal

from db.attempts import EndedAttempt, last_failures
from db.queue import QueuedStudy, queue
from db.studies import get_study
from db.trials import get_trial
from mixtures.factors import Level
from mixtures.study import Resources
from mixtures.trial import Progress
from mixtures.value import Value
from service.state import Controller
from workers.pool import Node

NUM_FAILURES = 20
_MEMINFO = Path("/proc/meminfo")
_STATUS = Path("/proc/self/status")


class WorkerNow(Value):
    """A worker that has a trial, at these levels of its study's factors. `progress` is None in the
    first second.
    """

    trial_id: str
    study_id: str
    study: str
    sft_share: float
    seed: int
    attempt: int
    factors: dict[str, Level]
    started_at: datetime | None
    progress: Progress | None
    is_outside: bool


class Memory(Value):
    """Of the controller's machine in bytes; None where the system does not say."""

    total_bytes: int | None
    available_bytes: int | None
    controller_bytes: int | None


class Cluster(Value):
    """`resources` are Ray's totals by its names. `num_free` workers of one core could start a trial
    now. `tokens_per_second` sums over what runs. `nodes` are the machines, with the reason where
    no trial goes to one.
    """

    state: Literal["ok", "scheduler stopped", "no CPU"]
    ray_address: str | None
    machine: str
    resources: dict[str, float]
    nodes: tuple[Node, ...]
    num_cores: float
    num_running: int
    num_free: int
    num_waiting: int
    tokens_per_second: float
    workers: tuple[WorkerNow, ...]
    queue: tuple[QueuedStudy, ...]
    memory: Memory
    failures: tuple[EndedAttempt, ...]


def cluster_now(controller: Controller) -> Cluster:
    """As of the scheduler's last look, a second ago at most."""
    resources = controller.pool.cluster_resources()
    cores = resources.get("CPU", 0.0)
    with controller.database.read() as session:
        queued = queue(session)
        workers = []
        for study in queued:
            progress = {
                one.trial_id: one for one in controller.scheduler.progress_of(study.study_id)
            }
            spec = get_study(session, study.study_id).spec
            for trial_id in study.running:
                trial = get_trial(session, trial_id)
                workers.append(
                    WorkerNow(
                        trial_id=trial_id,
                        study_id=study.study_id,
                        study=study.name,
                        sft_share=trial.spec.sft_share,
                        seed=trial.spec.seed,
                        attempt=trial.attempt,
                        factors=trial.spec.factors,
                        started_at=trial.started_at,
                        progress=progress.get(trial_id),
                        is_outside=spec.trained_by == "outside",
                    )
                )
        failures = last_failures(session, NUM_FAILURES)
    own = [one for one in workers if not one.is_outside]
    # Packed trials share one.
    busy = {(one.progress and one.progress.worker) or one.trial_id for one in own}
    rates = [one.progress.tokens_per_second or 0.0 for one in own if one.progress is not None]
    state: Literal["ok", "scheduler stopped", "no CPU"] = "ok"
    if not controller.scheduler.is_alive:
        state = "scheduler stopped"
    elif cores < 1 or controller.pool.num_slots(Resources()) < 1:
        state = "no CPU"
    return Cluster(
        state=state,
        ray_address=controller.settings.ray_address,
        machine=f"{platform.system()} {platform.machine()}, Python {platform.python_version()}",
        resources=resources,
        nodes=tuple(controller.pool.nodes()),
        num_cores=cores,
        num_running=len(own),
        num_free=max(0, controller.pool.num_slots(Resources()) - len(busy)),
        num_waiting=sum(study.num_waiting for study in queued),
        tokens_per_second=math.fsum(rates),
        workers=tuple(workers),
        queue=tuple(queued),
        memory=_memory(),
        failures=tuple(failures),
    )


def machine_words(controller: Controller) -> str:
    """What trials run on, for people: `1 machine: 2 cores, no GPU; Linux x86_64, 8 GB memory`."""
    nodes = [one for one in controller.pool.nodes() if one.state == "ok"]
    each = sorted({_node_words(one) for one in nodes})
    num = f"{len(nodes)} machine{'s' if len(nodes) != 1 else ''}"
    total = _memory().total_bytes
    held = "" if total is None else f", {total / 1e9:.0f} GB memory"
    return (
        f"{num}{': ' if each else ''}{' or '.join(each)}; controller on {platform.system()} "
        f"{platform.machine()}{held}"
    )


def _node_words(node: Node) -> str:
    cores = f"{node.cpus:g} core{'s' if node.cpus != 1 else ''}"
    gpus = f"{node.gpus:g} GPU{'s' if node.gpus != 1 else ''}" if node.gpus else "no GPU"
    return f"{cores}, {gpus}"


def _memory() -> Memory:
    return Memory(
        total_bytes=_kilobytes(_MEMINFO, "MemTotal"),
        available_bytes=_kilobytes(_MEMINFO, "MemAvailable"),
        controller_bytes=_kilobytes(_STATUS, "VmRSS"),
    )


def _kilobytes(path: Path, name: str) -> int | None:
    """A line such as `MemTotal: 16 kB` of Linux's /proc, in bytes; None on other systems."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except OSError:
        return None
    found = next((line.split() for line in lines if line.startswith(f"{name}:")), None)
    return 1024 * int(found[1]) if found else None
