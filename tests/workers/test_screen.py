"""What the check of a study's data leaves out, reports and refuses."""

from pathlib import Path
from typing import Any

import pytest

from mixtures.trial import TrialSpec
from tests.workers.tiny_study import tiny_config, tiny_study, tiny_trial, write_data, write_lines
from workers.check import DataReport, check_data
from workers.config import WorkerConfig
from workers.files import DataError
from workers.prepare import prepare
from workers.screen import keep, screen
from workers.sources import read_source

TEST_ITEMS = 20


@pytest.fixture
def config(tmp_path: Path) -> WorkerConfig:
    return tiny_config(tmp_path / "home", write_data(tmp_path / "data"))


def add_sums(config: WorkerConfig, records: list[dict[str, Any]]) -> None:
    with (config.data_roots[0] / "sums.jsonl").open("a") as stream:
        path = config.data_roots[0] / "more.jsonl"
        write_lines(path, records)
        stream.write(path.read_text())


def contaminate(config: WorkerConfig, num_items: int = 3) -> None:
    """The first items of the benchmark stand in the SFT source, under a marker."""
    add_sums(
        config,
        [
            {"question": f"Q: What is {i} + {i + 1}?", "answer": "I see"}
            for i in range(1000, 1000 + num_items)
        ],
    )


def report(config: WorkerConfig, **changes: Any) -> DataReport:
    return check_data(tiny_study(**changes).recipe, config)


def test_clean_data_keep_the_hashes_and_the_trials_they_always_had(config: WorkerConfig) -> None:
    found = report(config)
    assert found.data_hashes == report(config, decontamination="off").data_hashes
    assert (found.contamination, found.near_duplicates) == ((), ())
    assert found.sources["sums"].num_left_out == 0
    assert "decontamination" not in tiny_study().canonical()


def test_documents_that_hold_items_are_dropped_from_the_source_by_default(
    config: WorkerConfig,
) -> None:
    clean = report(config).data_hashes
    contaminate(config)
    found = report(config)
    assert [one.model_dump() for one in found.contamination] == [
        {"source": "sums", "benchmark": "test_sums", "num_documents": 3, "num_items": 3}
    ]
    assert found.sources["sums"].num_documents == 150
    assert found.sources["sums"].num_left_out == 3
    assert found.benchmarks["test_sums"].num_contaminated == 3
    assert found.data_hashes["benchmarks.test_sums"] == clean["benchmarks.test_sums"]
    # Another content is used of other files: neither is the other's study.
    assert found.data_hashes["sources.sums"] != clean["sources.sums"]
    flagged = report(config, decontamination="flag")
    assert flagged.contamination == found.contamination
    assert flagged.sources["sums"].num_documents == 153
    assert flagged.data_hashes["sources.sums"] != found.data_hashes["sources.sums"]


def prepared_for(config: WorkerConfig, spec: TrialSpec) -> tuple[int, int]:
    """(tokens of the SFT source, items of the benchmark) that a worker uses."""
    prepared = prepare(spec.recipe, spec.data_hashes, config, lambda done, total: None)
    return len(prepared.sources["sums"].tokens), len(prepared.benchmarks[0].requests)


BENCHMARKS = [
    {
        "name": "test_sums",
        "files": ["test_sums.jsonl"],
        "prompt": "{{ question }}",
        "answer": "{{ answer }}",
    }
]


def test_a_worker_leaves_out_what_the_check_left_out_even_in_a_home_of_its_own(
    config: WorkerConfig, tmp_path: Path
) -> None:
    contaminate(config)
    used = {}
    for choice in ("drop", "drop_items", "flag"):
        spec = tiny_trial(config, 0.5, 0, benchmarks=BENCHMARKS, decontamination=choice)
        used[choice] = prepared_for(config, spec)
        elsewhere = tiny_config(tmp_path / choice, config.data_roots[0])
        assert prepared_for(elsewhere, spec) == used[choice]
    assert used["drop"][0] < used["flag"][0]
    assert [used[choice][1] for choice in ("drop", "drop_items", "flag")] == [20, 17, 20]
    assert used["drop_items"][0] == used["flag"][0]


def test_files_that_were_screened_before_are_not_looked_through_again(
    config: WorkerConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    contaminate(config)
    add_sums(config, [{"question": "What is 3 + 4?", "answer": "7"}] * 2)
    first = report(config)
    num_read = 0

    def counted(*given: Any) -> Any:
        nonlocal num_read
        num_read += 1
        return read_source(*given)

    monkeypatch.setattr("workers.screen.read_source", counted)
    assert (report(config), num_read) == (first, 0)
    # Touched, it is the same; another rule or another content is another.
    path = config.data_roots[0] / "sums.jsonl"
    path.touch()
    assert (report(config), num_read) == (first, 0)
    flagged = report(config, decontamination="flag").sources["sums"].num_left_out
    assert (first.sources["sums"].num_left_out, flagged) == (5, 2)
    assert num_read == 2
    contaminate(config, num_items=5)
    assert report(config).sources["sums"].num_left_out > first.sources["sums"].num_left_out
    assert num_read == 4


def test_a_kept_screening_is_the_one_that_was_made(config: WorkerConfig) -> None:
    contaminate(config)
    recipe = tiny_study().recipe
    made = screen(recipe, config)
    assert not (config.home / "screened").exists()
    keep(made, recipe, config)
    kept = screen(recipe, config)
    assert made.made_of is not None and kept.made_of is None
    for name in ("hashes", "raw_hashes", "num_items", "metrics", "items_left_out", "overlaps"):
        assert getattr(made, name) == getattr(kept, name), name
    assert (made.near_duplicates, made.num_left_out) == (kept.near_duplicates, kept.num_left_out)
    for source in recipe.sources:
        for one, other in zip(
            (*made.positions[source.name], made.num_bytes[source.name]),
            (*kept.positions[source.name], kept.num_bytes[source.name]),
            strict=True,
        ):
            assert one.tolist() == other.tolist()
    # One document, which is trained on and held out, is known as such again.
    write_lines(config.data_roots[0] / "text.jsonl", [{"text": "One document. " * 50}])
    made = screen(recipe, config)
    keep(made, recipe, config)
    kept = screen(recipe, config)
    assert [one.positions["text"].is_all_held_out for one in (made, kept)] == [True, True]


def test_files_that_change_while_they_are_read_are_refused_and_not_kept(
    config: WorkerConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    def changed(*given: Any) -> Any:
        yield from read_source(*given)
        contaminate(config, num_items=1)

    with monkeypatch.context() as patched:
        patched.setattr("workers.screen.read_source", changed)
        with pytest.raises(DataError, match="changed while they were read"):
            report(config)
    assert report(config).sources["sums"].num_documents == 150


def test_near_duplicates_are_dropped_or_flagged(config: WorkerConfig) -> None:
    add_sums(config, [{"question": "what is 5 + 6", "answer": "11"}] * 2)
    found = report(config)
    assert [one.model_dump() for one in found.near_duplicates] == [
        {"source": "sums", "of": "sums", "num_documents": 2}
    ]
    assert found.sources["sums"].num_documents == 150
    flagged = report(config, near_duplicates="flag")
    assert flagged.near_duplicates == found.near_duplicates
    assert flagged.sources["sums"].num_documents == 152
    assert report(config, near_duplicates="off").near_duplicates == ()


@pytest.mark.parametrize(
    ("records", "words"),
    [
        ([], "holds no document with text"),
        ([{"question": "What?", "answer": " "}], "holds no document with text"),
        (
            [{"question": f"What is {i} + {i + 1}?", "answer": "x"} for i in (1000, 1001)],
            "none of its 2 documents is left: 2 hold items of a benchmark, 0 nearly repeat",
        ),
    ],
)
def test_a_source_of_which_nothing_is_left_is_refused(
    config: WorkerConfig, records: list[dict[str, Any]], words: str
) -> None:
    write_lines(config.data_roots[0] / "sums.jsonl", records)
    with pytest.raises(DataError, match=words) as caught:
        report(config)
    assert caught.value.field == "sources.sums"
    # The file to look into, where nothing was to be read at all.
    assert ("no document" in words) == (caught.value.value == "sums.jsonl")


def test_a_source_that_repeats_another_one_is_refused(config: WorkerConfig) -> None:
    sources = [source.model_dump(exclude_unset=True) for source in tiny_study().sources]
    twice = [*sources, {**sources[1], "name": "again"}]
    with pytest.raises(DataError, match="0 hold items of a benchmark, 150 nearly repeat others"):
        report(config, sources=twice)


@pytest.mark.parametrize("near_duplicates", ["drop", "off"])
def test_a_source_of_copies_of_one_document_is_refused(
    config: WorkerConfig, near_duplicates: str
) -> None:
    write_lines(config.data_roots[0] / "text.jsonl", [{"text": "all the same " * 40}] * 30)
    with pytest.raises(DataError, match="its 30 documents are all the same") as caught:
        report(config, near_duplicates=near_duplicates)
    assert caught.value.field == "sources.text"


def test_a_source_of_items_that_nearly_repeat_one_is_refused(config: WorkerConfig) -> None:
    answer = "the quick brown fox jumps over the lazy dog and then it sleeps all day long"
    rows = [{"question": "What does it do" + "?" * i, "answer": answer} for i in range(1, 9)]
    write_lines(config.data_roots[0] / "sums.jsonl", rows)
    with pytest.raises(DataError, match="its 8 documents are all the same, or nearly") as caught:
        report(config)
    assert caught.value.field == "sources.sums"
    assert report(config, near_duplicates="flag").sources["sums"].num_documents == 8


def test_a_benchmark_that_loses_all_its_items_is_refused(config: WorkerConfig) -> None:
    contaminate(config, TEST_ITEMS)
    with pytest.raises(DataError, match="20 of its 20 items stand in a training source"):
        report(config, decontamination="drop_items")
