"""Server-sent events on a real socket."""

import json
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.service.pretend_runner import PretendRunner
from tests.service.real_server import RealServer


@pytest.fixture
def server(tmp_path: Path, data_root: Path) -> Iterator[RealServer]:
    # Slow enough that the scheduler's poll, once a second, sees trials on their way.
    server = RealServer(tmp_path / "home", data_root, PretendRunner(seconds=1.0))
    server.start()
    yield server
    server.stop()


def test_a_listener_sees_every_trial_from_running_to_complete(server: RealServer) -> None:
    study_id = server.submit(space={"sft_share": [0.0, 1.0]}, baselines={}, seeds=[0, 1])
    seen: list[tuple[str, dict[str, object]]] = []
    address = f"{server.url}/v1/studies/{study_id}/events"
    with httpx.stream("GET", address, timeout=120) as response:
        assert response.headers["content-type"].startswith("text/event-stream")
        event = ""
        for line in response.iter_lines():
            if line.startswith("event: "):
                event = line.removeprefix("event: ")
            elif line.startswith("data: "):
                seen.append((event, json.loads(line.removeprefix("data: "))))
                if [d["state"] for e, d in seen if e == "trial"].count("COMPLETE") == 4:
                    break
    assert seen[0][0] == "status"
    assert seen[0][1]["num_trials"] == 4
    complete = {d["trial_id"] for e, d in seen if e == "trial" and d["state"] == "COMPLETE"}
    trials = httpx.get(f"{server.url}/v1/studies/{study_id}/trials", timeout=60).json()
    assert complete == {trial["id"] for trial in trials}
    progress = [d for e, d in seen if e == "progress"]
    assert progress
    assert {d["phase"] for d in progress} == {"decay"}


def test_a_listener_whose_connection_broke_gets_what_it_missed(server: RealServer) -> None:
    study_id = server.submit(space={"sft_share": [0.0, 1.0]}, baselines={}, seeds=[0])
    address = f"{server.url}/v1/studies/{study_id}/events"
    first = heard(address, {}, until="COMPLETE")
    server.wait_for_the_end(study_id)
    again = heard(address, {"Last-Event-ID": first[-1][0]}, until="COMPLETE")
    assert again[0][0] == ""  # the status, which is no event of the past
    missed = [event for event in again if event[0]]
    assert int(missed[0][0]) > int(first[-1][0])
    assert '"COMPLETE"' in missed[-1][1]


def heard(address: str, headers: dict[str, str], until: str) -> list[tuple[str, str]]:
    """Id (or nothing) and data of each event, up to the first `trial` that says `until`."""
    events: list[tuple[str, str]] = []
    with httpx.stream("GET", address, headers=headers, timeout=120) as response:
        given = {"id": "", "event": ""}
        for line in response.iter_lines():
            name, _, value = line.partition(": ")
            if name == "data":
                events.append((given["id"], value))
                if given["event"] == "trial" and f'"{until}"' in value:
                    break
                given["id"] = ""
            else:
                given[name] = value
    return events
