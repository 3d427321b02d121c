"""What a machine says of itself before trials go to it, and when none does."""

import shutil
from pathlib import Path

import pytest

from workers.node_facts import NodeFacts, code_hash, node_facts, why_refused

OWN = NodeFacts(versions={"decaymix": "1.0", "torch": "2.13.0"}, code="aa", home=None)


def test_the_same_code_has_the_same_hash_wherever_it_lies(tmp_path: Path) -> None:
    root = Path(__file__).resolve().parents[2]
    for package in ("mixtures", "workers"):
        shutil.copytree(root / package, tmp_path / package)
    assert code_hash(tmp_path) == code_hash(root)
    changed = tmp_path / "workers" / "schedule.py"
    changed.write_text(changed.read_text() + "\n")
    assert code_hash(tmp_path) != code_hash(root)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({}, None),
        ({"home": "/var/lib/other"}, None),
        ({"code": "bb"}, "Decaymix's code is bb there and aa here; install the same"),
        ({"versions": {"decaymix": "0.9", "torch": "2.13.0"}}, "decaymix is 0.9 there and 1.0"),
        ({"versions": {"decaymix": "1.0"}}, "torch is none there and 2.13.0 here"),
        ({"home": ""}, "its Ray was started without DECAYMIX_HOME"),
    ],
)
def test_a_machine_with_other_code_or_no_home_is_refused(
    changes: dict[str, object], reason: str | None
) -> None:
    found = why_refused(OWN.model_copy(update=changes), OWN)
    assert (found is None) == (reason is None)
    assert reason is None or (found is not None and reason in found)


def test_a_machine_shares_the_home_where_it_sees_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    marker = tmp_path / "marker"
    monkeypatch.delenv("DECAYMIX_HOME", raising=False)
    monkeypatch.setenv("DECAYMIX_DATA_ROOTS", "/a:/b")
    assert node_facts(str(tmp_path), str(marker)).home == ""
    marker.touch()
    facts = node_facts(str(tmp_path), str(marker))
    assert (facts.home, facts.data_roots) == (None, ())
    monkeypatch.setenv("DECAYMIX_HOME", "/own")
    facts = node_facts(str(tmp_path), str(marker))
    assert (facts.home, facts.data_roots) == ("/own", ("/a", "/b"))
