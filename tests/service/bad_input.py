"""Ways to get a study wrong, and what must be said of each: field, value, what would be right.

The same table goes through the API (routes/test_studies.py) and the command line (test_cli.py).
"""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.service.conftest import SMALL_STUDY

GOOD = '{"question": "a", "answer": "b"}\n'


@dataclass(frozen=True)
class BadStudy:
    """SMALL_STUDY with `changes`, beside `files` of these names in the data root."""

    about: str
    changes: dict[str, Any]
    field: str
    value: Any
    right: str
    files: dict[str, bytes] = field(default_factory=dict)
    status: int = 422

    def study(self, root: Path) -> dict[str, Any]:
        """The study; its files are written below `root`."""
        for name, raw in self.files.items():
            (root / name).write_bytes(raw)
        return {**SMALL_STUDY, **self.changes}

    def __str__(self) -> str:
        return self.about


def _sums_from(name: str) -> dict[str, Any]:
    text, sums = SMALL_STUDY["sources"]
    return {"sources": [text, {**sums, "files": [name]}]}


def _test_sums_from(name: str) -> dict[str, Any]:
    test_sums, held_out = SMALL_STUDY["benchmarks"]
    return {"benchmarks": [{**test_sums, "files": [name]}, held_out]}


BAD_STUDIES = [
    BadStudy(
        "shares that do not sum to 1",
        {"sft_shares": {"sums": 0.5}},
        field="sft_shares",
        value="{'sums': 0.5}",
        right="sum to 0.5, expected 1",
    ),
    BadStudy(
        "a preset that there is not",
        {"proxy": {"preset": "picco", "vocab_size": 512}},
        field="proxy.preset",
        value="picco",
        right="expected one of pico, nano",
    ),
    BadStudy(
        "an unknown source",
        {"sft_shares": {"songs": 1.0}},
        field="sft_shares.songs",
        value=1.0,
        right="['sums']",
    ),
    BadStudy(
        "a missing file",
        _sums_from("nowhere.jsonl"),
        field="sources.sums.files",
        value="nowhere.jsonl",
        right="no such file under the data roots",
    ),
    BadStudy(
        "an empty source",
        _sums_from("empty.jsonl"),
        files={"empty.jsonl": b"\n  \n"},
        field="sources.sums",
        value="empty.jsonl",
        right="expected at least one",
    ),
    BadStudy(
        "a file that is not UTF-8",
        _sums_from("latin.jsonl"),
        files={"latin.jsonl": f'{GOOD}{{"question": "é"}}'.encode("latin-1")},
        field="sources.sums.files",
        value="latin.jsonl",
        right="line 2 is not UTF-8 (byte 14); save it as UTF-8",
    ),
    BadStudy(
        "a file that is not JSON",
        _sums_from("broken.jsonl"),
        files={"broken.jsonl": f'{GOOD}\n{GOOD}{{"question": oops}}'.encode()},
        field="sources.sums.files",
        value="broken.jsonl",
        right="line 4 is not JSON (Expecting value at column 14)",
    ),
    BadStudy(
        "a benchmark without answers",
        _test_sums_from("unanswered.jsonl"),
        files={"unanswered.jsonl": b'{"question": "a", "answer": null}\n' * 3},
        field="benchmarks.test_sums.answer",
        value="{{ answer }}",
        right="unanswered.jsonl, line 1 has no answer to score",
    ),
    BadStudy(
        "more resources than the cluster has",
        {"resources": {"cpus_per_trial": 64}},
        field="resources.cpus_per_trial",
        value=64.0,
        right="the cluster has 2 cores in all; ask for at most that",
    ),
    BadStudy(
        "a part of a GPU where there is none",
        {"resources": {"gpus_per_trial": 0.5}},
        field="resources.gpus_per_trial",
        value=0.5,
        right="no machine of the cluster has more than 0 GPUs; ask for at most that",
    ),
    BadStudy(
        "a budget of zero",
        {"budget": {"max_trials": 0}},
        field="budget.max_trials",
        value=0,
        right="greater than or equal to 1",
    ),
    BadStudy(
        "NaN",
        {"optimiser": {"peak_lr": float("nan")}},
        field="optimiser.peak_lr",
        value="NaN",
        right="give a finite one",
    ),
    BadStudy(
        "a body over the limit",
        {"question": "?" * 3_000_000},
        field="(body)",
        value=None,  # its size, which differs with the language
        right="over the limit of 2000000 bytes; send less",
        status=413,
    ),
]


def written(home: Path) -> list[str]:
    """What lies below a home, but for the database's own journal."""
    paths = (path.relative_to(home).as_posix() for path in home.rglob("*"))
    return sorted(path for path in paths if not path.endswith(".wal"))
