"""Every ready study can be submitted, and says what it asks, how, its cost, what would answer."""

import os
import re
from pathlib import Path

import pytest
import yaml

from mixtures.design import first_trials
from mixtures.study import StudySpec
from service.at_proxy import at_proxy

ROOT = Path(__file__).resolve().parent.parent
FILES = sorted((ROOT / "studies").glob("*.yaml"))
# The examples of the documentation, which have texts of their own there.
EXAMPLES = {"demo", "demo-quick", "real-suite", "sft-share-real"}
READY = [file for file in FILES if file.stem not in EXAMPLES]
NAMES = {
    "sft-share",
    "sft-composition",
    "sft-composition-search",
    "schedulers",
    "schedulers-nano",
    "embedding-sharing",
    "embedding-sharing-nano",
    "architecture",
    "mup-search",
    "mup-transfer",
    "share-across-scale",
    "share-across-scale-nano",
    "share-by-task",
    "domain-and-language",
    "repetition",
    "decay-optimiser",
    "decay-length",
    "anneal-control",
    "xmodel2-decay",
}


def spec_of(file: Path) -> StudySpec:
    return StudySpec.model_validate(yaml.safe_load(file.read_text(encoding="utf-8")))


def spec(name: str) -> StudySpec:
    return spec_of(ROOT / "studies" / f"{name}.yaml")


def test_the_papers_studies_are_all_there() -> None:
    assert {file.stem for file in READY} == NAMES


@pytest.mark.parametrize("file", READY, ids=lambda file: file.stem)
def test_a_ready_study_says_what_it_asks_and_what_would_answer(file: Path) -> None:
    text = file.read_text(encoding="utf-8")
    study = spec_of(file)
    assert study.name == file.stem
    assert study.question.endswith("?")
    for word in ("Question", "Method", "Cost", "Answer"):
        assert re.search(rf"^# .*{word}.*:|^# Question, method and answer", text, re.MULTILINE), (
            word
        )
    assert "@" not in text
    trials = first_trials(study, "", {})
    assert 0 < len(trials) <= study.budget.max_trials
    assert len(text.splitlines()) < 110


def test_every_ready_study_stands_in_the_page_of_claims_with_its_report_where_there_is_one() -> (
    None
):
    page = (ROOT / "docs" / "paper.md").read_text(encoding="utf-8")
    for name in sorted(NAMES):
        assert f"`{name}`" in page, f"docs/paper.md does not name {name}"
        if (ROOT / "docs" / "studies" / f"{name}.md").is_file():
            assert f"(studies/{name}.md)" in page, f"docs/paper.md: fill in the rows of {name}"


@pytest.mark.parametrize("file", READY, ids=lambda file: file.stem)
def test_the_same_file_runs_at_nano(file: Path) -> None:
    study = spec_of(file)
    if study.trained_by == "outside" or "proxy" in study.space.factors:
        pytest.skip("it has its own proxies")
    found = StudySpec.model_validate_json(at_proxy(file.read_text(), "yaml", "nano"))
    assert found.proxy.num_parameters == 6_557_952


def test_the_papers_search_is_large_enough() -> None:
    study = spec("sft-composition")
    assert len(first_trials(study, "", {})) >= 400
    assert 120_000 <= study.decay.tokens <= 150_000
    assert sum(source.kind == "sft" for source in study.sources) == 5
    assert sum(benchmark.held_out is None for benchmark in study.benchmarks) >= 7
    # The adaptive search asks the same question: nothing that a trial is made of differs.
    search = spec("sft-composition-search")
    assert search.recipe == study.recipe
    assert (search.decay, search.objective) == (study.decay, study.objective)
    assert search.budget.max_trials < 400


def test_architectures_and_embeddings_have_equally_many_parameters() -> None:
    for name, equal in (
        ("architecture", ("deep", "shallow", "full-attention")),
        ("embedding-sharing", ("untied-2-layers",)),
    ):
        study = spec(name)
        for proxy in equal:
            ratio = study.proxies[proxy].num_parameters / study.proxy.num_parameters
            assert abs(ratio - 1) < 0.02, proxy
    untied = spec("embedding-sharing").proxies["untied"]
    assert untied.num_parameters == 590_688 + 2048 * 96


def test_schedulers_compares_at_equal_tokens() -> None:
    trials = first_trials(spec("schedulers"), "", {})
    assert len(trials) == 6 * 3 * 2
    assert {trial.decay.tokens + trial.recipe.stable.tokens for trial in trials} == {1_920_000}


def test_the_reports_decay_mixture_is_as_printed() -> None:
    study = spec("xmodel2-decay")
    shares = study.current_mixture
    assert shares is not None
    kinds = {source.name: source.kind for source in study.sources}
    sft = sum(share for name, share in shares.items() if kinds[name] == "sft")
    # The authors' script: 63.88 % SFT, of it 35, 29, 19, 10 and 7 %.
    assert sft == pytest.approx(0.6388)
    assert shares["sft_commonsense"] == pytest.approx(0.35 * 0.6388)
    assert shares["fineweb_edu"] == pytest.approx(0.17888)
    assert study.decay.tokens == 20_000_000_000


@pytest.mark.slow
@pytest.mark.parametrize("file", READY, ids=lambda file: file.stem)
def test_a_dry_run_finds_nothing_wrong(
    file: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    from workers.config import WorkerConfig
    from workers.study_check import check_study

    roots = [Path(name) for name in os.environ.get("DECAYMIX_DATA_ROOTS", "").split(os.pathsep)]
    root = next((root for root in roots if (root / "sft" / "gsm8k_train.jsonl.gz").exists()), None)
    study = spec_of(file)
    if root is None or study.trained_by == "outside":
        pytest.skip("its data are not here")
    # One home for all: they share sources, and read these once.
    home = tmp_path_factory.getbasetemp() / "home"
    home.mkdir(exist_ok=True)
    found = check_study(study, WorkerConfig(home=home, data_roots=(root,)))
    assert found.num_trials == len(first_trials(study, "", {}))
