"""What may be deleted: said before it goes, and never what cannot be made again."""

import os
import time
from pathlib import Path

from fastapi.testclient import TestClient

from tests.service.conftest import SMALL_STUDY, finished_study

OLD = time.time() - 40 * 24 * 3600


def put(path: Path, is_old: bool = True) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"x" * 100)
    for one in (path, path.parent):
        os.utime(one, (OLD, OLD) if is_old else None)
    return path


def pruned(client: TestClient, **wish: object) -> dict[str, str]:
    answer = client.post("/v1/prune", json=wish)
    assert answer.status_code == 200, answer.text
    return {one["path"]: one["why"] for one in answer.json()["found"]}


def test_only_what_can_be_made_again_or_was_put_away_goes(
    client: TestClient, tmp_path: Path
) -> None:
    home = tmp_path / "home"
    study_id = finished_study(client)
    trial_id = client.get(f"/v1/studies/{study_id}/trials").json()[0]["id"]
    put(home / "decay" / trial_id / "decay.safetensors", is_old=False)
    put(home / "tokenised" / "old" / "tokens.npy")
    put(home / "tokenised" / "new" / "tokens.npy", is_old=False)
    put(home / "stable" / "cut.partial" / "x", is_old=True)
    put(home / "sources" / "a.jsonl")
    put(home / "trials" / trial_id / "items.parquet")
    weights = put(home / "trials" / trial_id / "weights.safetensors")
    copy = put(home / "decaymix.duckdb.before-0006")
    os.utime(home)
    expected = {
        f"decay/{trial_id}",
        "tokenised/old",
        "stable/cut.partial",
        "decaymix.duckdb.before-0006",
    }
    found = pruned(client)
    assert set(found) == expected
    assert found["tokenised/old"].startswith("a cache older than 30 days")
    # It was only said.
    assert copy.exists() and (home / "decay" / trial_id).exists()
    assert set(pruned(client, is_dry=False)) == expected
    assert pruned(client) == {}
    assert not copy.exists() and not (home / "decay" / trial_id).exists()
    assert (home / "tokenised" / "new").exists() and (home / "sources" / "a.jsonl").exists()

    # A study that was put away keeps all but its weights and logs.
    client.patch(f"/v1/studies/{study_id}", json={"is_archived": True})
    assert pruned(client) == {}
    assert set(pruned(client, days=0)) >= {f"trials/{trial_id}/weights.safetensors"}
    assert weights.exists()
    assert not any("items" in path for path in pruned(client, days=0))


def test_caches_stay_while_a_trial_waits(client: TestClient, tmp_path: Path) -> None:
    client.post("/v1/studies?is_paused=true", json=SMALL_STUDY)
    put(tmp_path / "home" / "tokenised" / "old" / "tokens.npy")
    assert pruned(client) == {}
