"""The machines of a Ray cluster: they come and go, and each is asked what it has before it is used.

Of a Ray that the controller started itself nothing is asked: it is this machine, and this code.
"""

import asyncio
import logging
import secrets
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

import ray
from ray.exceptions import RayError
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from workers.node_facts import NodeFacts, node_facts, why_refused
from workers.own_thread import in_own_thread
from workers.ray_actors import about_node
from workers.slots import Node, Slots

# How often Ray is asked which machines it has. It notices a dead one after some 15 s itself.
LOOK_SECONDS = 2.0
# A process starts on a new machine and imports us: seconds, on a busy one many.
_CHECK_SECONDS = 60.0
# A head that does not answer is somebody else's to find out (workers/head_watch.py).
_ANSWER_SECONDS = 10.0

log = logging.getLogger(__name__)


class Machines:
    """Keeps `slots` true to what Ray has. `facts` are of the machines that were asked, by id."""

    def __init__(self, slots: Slots, home: Path, is_ours: bool) -> None:
        self.facts: dict[str, NodeFacts] = {}
        self.totals: dict[str, float] = {}
        self._slots, self._home, self._is_ours = slots, home, is_ours
        # Whoever sees this file shares the controller's home.
        self._marker = home / f".controller-{secrets.token_hex(8)}"
        self._tasks: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        """Raises TimeoutError, RayError. What is there at the start has been asked at its end, so
        that what is submitted first is not refused for want of machines.
        """
        if not self._is_ours:
            for left_behind in self._home.glob(".controller-*"):
                left_behind.unlink()
            self._marker.touch()
        await self.look()
        await asyncio.gather(*self._tasks)
        self._keep(self._follow())

    async def stop(self) -> None:
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._marker.unlink(missing_ok=True)

    async def look(self) -> None:
        """Once: who is new, who is gone."""
        async with asyncio.timeout(_ANSWER_SECONDS):
            tables: list[dict[str, Any]] = await in_own_thread(ray.nodes)
        alive = [table for table in tables if table["Alive"]]
        self.totals = _summed([table["Resources"] for table in alive])
        new, gone = self._slots.follow([_node(table) for table in alive])
        for node in gone:
            log.warning("machine %s has left the cluster", node.name)
        for node in new:
            if self._is_ours:
                self._slots.nodes[node.id] = node.model_copy(update={"state": "ok"})
            else:
                self._keep(self._check(node))

    def look_again(self, node_id: str) -> None:
        """A worker was lost there. Ray notices a dead machine late: until this one answers, no
        trial goes to it.
        """
        node = self._slots.nodes.get(node_id)
        if node is not None and node.state == "ok" and not self._is_ours:
            self._slots.nodes[node_id] = node.model_copy(update={"state": "checking"})
            self._keep(self._check(node))

    async def _follow(self) -> None:
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            try:
                await self.look()
            except (RayError, RuntimeError, TimeoutError) as error:
                log.warning("Ray does not say which machines it has: %r", error)

    async def _check(self, node: Node) -> None:
        """Whether trials may go to a machine."""
        ask = ray.remote(about_node).options(
            num_cpus=0, max_retries=0, scheduling_strategy=only_on(node)
        )
        home, marker = str(self._home), str(self._marker)
        facts, reason = None, None
        try:
            async with asyncio.timeout(_CHECK_SECONDS):
                facts = NodeFacts.model_validate_json(await ask.remote(home, marker))
        except TimeoutError:
            reason = f"said nothing of itself in {_CHECK_SECONDS:.0f} s"
        except Exception as error:  # whatever its own code raises, which may be any version's
            reason = f"cannot run this Decaymix: {str(error).strip().splitlines()[-1]}"
        if facts is not None:
            reason = why_refused(facts, await asyncio.to_thread(node_facts, home, marker))
        if node.id not in self._slots.nodes:
            return  # it went away meanwhile
        changes: dict[str, Any] = {"state": "ok", "reason": ""}
        if reason is not None:
            log.error("no trial goes to machine %s: %s", node.name, reason)
            changes = {"state": "refused", "reason": reason}
        elif facts is not None:
            self.facts[node.id] = facts
            changes["has_own_home"] = facts.home is not None
        self._slots.nodes[node.id] = node.model_copy(update=changes)

    def _keep(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def only_on(node: Node) -> NodeAffinitySchedulingStrategy:
    """Ray puts it there or nowhere."""
    return NodeAffinitySchedulingStrategy(node.id, soft=False)


def _node(table: dict[str, Any]) -> Node:
    """One row of `ray.nodes()`."""
    return Node(
        id=table["NodeID"],
        name=f"{table['NodeManagerHostname']} ({table['NodeManagerAddress']})",
        cpus=table["Resources"].get("CPU", 0.0),
        gpus=table["Resources"].get("GPU", 0.0),
    )


def _summed(each: list[dict[str, float]]) -> dict[str, float]:
    found: dict[str, float] = {}
    for resources in each:
        for name, amount in resources.items():
            # Ray names every machine as a resource of its own.
            if not name.startswith("node:"):
                found[name] = found.get(name, 0.0) + amount
    return found
