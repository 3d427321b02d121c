"""The studies that the service is loaded with, and homes that hold one already."""

import json
from pathlib import Path
from typing import Any

from sqlalchemy import text

from db.database import Database
from db.studies import insert_study
from mixtures.mixture import Mixture
from mixtures.study import StudySpec
from mixtures.trial import TrialSpec
from mixtures.value import canonical_json

SOURCES = [
    {"name": "web", "kind": "pretrain", "tokens": 800_000_000},
    {"name": "books", "kind": "pretrain", "tokens": 200_000_000},
    {"name": "chat", "kind": "sft", "tokens": 60_000_000},
    {"name": "proofs", "kind": "sft", "tokens": 40_000_000},
]


def outside_study(num_trials: int, num_benchmarks: int) -> dict[str, Any]:
    """One that others train, so that no data is needed."""
    return {
        "name": f"{num_trials}-trials",
        "trained_by": "outside",
        "sources": SOURCES,
        "benchmarks": [{"name": f"benchmark{place}"} for place in range(num_benchmarks)],
        "objective": {"metric": "loss", "better": "lower"},
        "decay": {"tokens": 1_000_000},
        "space": {"sft_share": [0.0, 1.0]},
        "baselines": {},
        "seeds": [0],
        "budget": {"max_trials": num_trials},
    }


def our_study(num_trials: int, data_root: Path) -> dict[str, Any]:
    """One that our own workers train, on two small files that are written for it."""
    data_root.mkdir(parents=True, exist_ok=True)
    texts = [{"text": f"Document {i} says {i * i} and then {i * i * i}."} for i in range(60)]
    sums = [{"question": f"What is {i} + {i + 1}?", "answer": f"{2 * i + 1}"} for i in range(50)]
    asked = [{"question": f"What is {i} - 3?", "answer": f"{i - 3}"} for i in range(900, 950)]
    for name, rows in (("text", texts), ("sums", sums), ("asked", asked)):
        lines = "\n".join(json.dumps(row) for row in rows)
        (data_root / f"{name}.jsonl").write_text(lines, encoding="utf-8")
    templates = {"prompt": "{{ question }}"}
    return {
        "name": "no-op",
        "sources": [
            {"name": "text", "kind": "pretrain", "files": ["text.jsonl"], "text": "{{ text }}"},
            {
                "name": "sums",
                "kind": "sft",
                "files": ["sums.jsonl"],
                **templates,
                "response": "{{ answer }}",
            },
        ],
        "benchmarks": [
            {"name": "asked", "files": ["asked.jsonl"], **templates, "answer": "{{ answer }}"},
            {"name": "held_out", "group": "text", "held_out": "text"},
        ],
        "space": {"sft_share": [0.0, 1.0]},
        "baselines": {},
        "seeds": [0],
        "budget": {"max_trials": num_trials},
    }


def trial_requests(num: int, seed: int = 1) -> list[dict[str, Any]]:
    """As the API takes them: 100 shares, and seeds from `seed` on."""
    return [{"sft_share": (i % 100) / 100, "seed": seed + i // 100} for i in range(num)]


def home_with_trials(home: Path, num_trials: int, num_benchmarks: int) -> str:
    """The id of a study with so many completed trials, two seeds a mixture, put there by SQL."""
    given = outside_study(num_trials, num_benchmarks)
    given["space"] = {"sft_share_range": [0.0, 1.0], "free_groups": ["sft", "pretrain"]}
    spec, study_id = StudySpec.model_validate({**given, "seeds": [0, 1]}), f"{num_trials:016d}"
    report = {"data_hashes": {}, "sources": {}, "benchmarks": {}}
    database = Database(home / "decaymix.duckdb")
    with database.write() as session:
        insert_study(session, study_id, spec, canonical_json(report))
        session.execute(text("SELECT setseed(0.5)"))
        template, mark = _spec_template(spec, study_id)
        given_texts = {"study": study_id, "template": template, "mark": mark}
        session.execute(text(_TRIALS), {**given_texts, "num": num_trials})
        session.execute(text(_SCORES), {"num": num_benchmarks, "study": study_id})
    database.close()
    return study_id


# Shares in five digits that sum to one; two trials in a row are the seeds of one mixture.
_TRIALS = """
INSERT INTO trial (id, study_id, spec, shares, sft_share, seed, state, position, attempt,
  cancel_requested, created_at, started_at, finished_at, trained_by)
WITH cut AS MATERIALIZED (
  SELECT i, (random() * 100000)::INT AS sft, random() AS a, random() AS b
  FROM range(:num // 2) AS t(i)),
share AS (
  SELECT i, sft, (sft * a)::INT AS chat, ((100000 - sft) * b)::INT AS web FROM cut),
mixture AS (
  SELECT i, sft / 100000 AS sft_share,
    '{"books":' || (100000 - sft - web) / 100000 || ',"chat":' || chat / 100000 ||
    ',"proofs":' || (sft - chat) / 100000 || ',"web":' || web / 100000 || '}' AS shares
  FROM share)
SELECT printf('%016d', 2 * i + seed), :study, replace(:template, :mark, shares), shares, sft_share,
  seed, 'COMPLETE', 2 * i + seed, 1, false, TIMESTAMP '2026-11-01',
  TIMESTAMP '2026-11-01' + to_seconds(2 * i + seed),
  TIMESTAMP '2026-11-01' + to_seconds(2 * i + seed + 30), 'outside'
FROM mixture, range(2) AS s(seed)
"""
_SCORES = """
INSERT INTO score (trial_id, benchmark, metric, study_id, value, num_items, standard_error)
SELECT id, 'benchmark' || place, 'loss', :study,
  3 + pow(sft_share - 0.6, 2) + 0.01 * place * sft_share + 0.01 * (random() + random() - 1),
  500, 0.02
FROM trial, range(:num) AS b(place)
"""


def _spec_template(spec: StudySpec, study_id: str) -> tuple[str, str]:
    """A trial's spec as text, and its shares in it: 100,000 specs are too many to build."""
    shares = {source.name: 0.25 for source in spec.sources}
    trial = TrialSpec(
        study_id=study_id,
        recipe=spec.recipe,
        mixture=Mixture(shares=shares),
        decay=spec.decay,
        seed=0,
        data_hashes={},
    )
    template, mark = trial.canonical(), canonical_json(shares)
    assert mark in template
    return template, mark
