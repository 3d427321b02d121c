"""What stands in docs/studies is what its tables say: `fit` reads each again to the same answer.

A table of trials is one with a column `state`. All are held to their report's hash of the scores
and its leaderboard's raw means; the answer is computed again where that takes a second or two.
"""

import csv
import json
import re
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner

from mixtures.observation import as_of, complete_observations, mixture_key
from mixtures.rank import leaderboard
from mixtures.study import StudySpec
from mixtures.table_observations import TableObservations, table_observations
from service.at_proxy import at_proxy
from service.cli import app

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / "docs" / "studies"
# Of thirteen benchmarks four hundred mixtures take fifteen seconds of a core, a sweep one or two.
MOST_FITTED = 40
csv.field_size_limit(10**7)


def tables() -> list[Path]:
    return [
        file
        for file in sorted(FOLDER.glob("*.csv"))
        if "state" in file.open(encoding="utf-8").readline().split(",")
    ]


TABLES = tables()
NUMBER = re.compile(r"[-+]?\d[\d,]*\.?\d*")


def study_file(table: Path) -> tuple[Path, str | None]:
    """The file that makes the study, and the proxy that it was submitted with."""
    for folder in (FOLDER, ROOT / "studies"):
        if (file := folder / f"{table.stem}.yaml").exists():
            return file, None
    base, _, proxy = table.stem.rpartition("-")
    return ROOT / "studies" / f"{base}.yaml", proxy


def read(table: Path) -> tuple[StudySpec, TableObservations, str]:
    file, proxy = study_file(table)
    text = file.read_text(encoding="utf-8")
    data = yaml.safe_load(text if proxy is None else at_proxy(text, "yaml", proxy))
    study = StudySpec.model_validate(data)
    found = table_observations(table.read_text(encoding="utf-8"), study)
    return study, found, table.with_suffix(".md").read_text(encoding="utf-8")


def same_but_for_rounding(one: str, other: str) -> bool:
    """The same words, and numbers that differ by no more than the last digit that is shown."""
    if NUMBER.sub("#", one) != NUMBER.sub("#", other):
        return False
    for a, b in zip(NUMBER.findall(one), NUMBER.findall(other), strict=True):
        digits = len(a.partition(".")[2])
        if abs(float(a.replace(",", "")) - float(b.replace(",", ""))) > 1.01 * 10**-digits:
            return False
    return True


def stands_in(sentence: str, text: str) -> bool:
    return any(same_but_for_rounding(sentence, line) for line in re.split(r"\n|\*\*", text))


def test_rounding_is_forgiven_and_nothing_else() -> None:
    assert same_but_for_rounding("at 43.5 % (35.5 to 54.5)", "at 43.4 % (35.5 to 54.6)")
    assert not same_but_for_rounding("at 43.5 %", "at 43.7 %")
    assert not same_but_for_rounding("1 of 2", "3 of 2")
    assert not same_but_for_rounding("supported: 0.10", "not supported: 0.10")


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.stem)
def test_a_table_is_the_one_of_its_report(table: Path) -> None:
    study, found, text = read(table)
    complete, _ = complete_observations(study, found.observations)
    assert f"scores `{as_of(complete)}`" in text
    means = {
        mixture_key(row.shares, row.factors): f"{row.mean:.4f}"
        for row in leaderboard(study, complete).rows
    }
    shown = text.partition("## Leaderboard")[2].partition("\n## ")[0]
    listed = [line for line in shown.splitlines() if re.match(r"\| \d+ \|", line)]
    assert 0 < len(listed) <= len(means)
    for line in listed:
        assert any(f"| {mean} |" in line for mean in means.values()), line
    for figure in re.findall(r"\]\(([\w.-]+\.svg)\)", text):
        assert (FOLDER / figure).exists(), figure


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.stem)
def test_fit_reads_a_table_to_the_answer_of_its_report(table: Path, tmp_path: Path) -> None:
    study, found, text = read(table)
    num = len({mixture_key(one.shares, one.factors) for one in found.observations})
    if num > MOST_FITTED:
        pytest.skip(f"{num} mixtures: held to its scores and raw means above")
    file, proxy = study_file(table)
    asked = ["fit", "--trials", str(table), "--study", str(file), "--out", str(tmp_path / "out")]
    done = CliRunner().invoke(app, [*asked, *(["--proxy", proxy] if proxy else [])])
    assert done.exit_code == 0, done.output
    answer = json.loads((tmp_path / "out" / "recommendation.json").read_text())
    if answer.get("sentence"):
        assert stands_in(answer["sentence"], text), answer["sentence"]
    else:
        assert "## Recommendation\n\nNone: " in text
    verdicts = json.loads((tmp_path / "out" / "verdicts.json").read_text())
    assert len(verdicts) == len(study.claims)
    for one in verdicts:
        named = one["claim"].get("source")
        source = f" ({named})" if named else ""
        line = f": {one['claim']['words'].rstrip('.')}{source}. {one['sentence']}"
        if f"{one['claim']['words'].rstrip('.')}{source}. " in text and stands_in(line, text):
            assert f"**{one['verdict'].capitalize()}**: {one['claim']['words']}" in text
            continue
        # Fresh seeds have decided, and their trials stand in a table of their own.
        (told,) = [part for part in text.splitlines() if f": {one['claim']['words']}" in part]
        assert "of fresh seeds" in told and one["claim"]["first"]["recommended"], line
