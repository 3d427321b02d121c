"""Requests: what is scored of which items, and nothing that was trained on."""

from pathlib import Path

import pytest
import yaml
from tokenizers import Tokenizer, models, pre_tokenizers

from mixtures.benchmark import Benchmark
from mixtures.study import StudySpec
from tests.workers.byte_tokenizer import byte_tokenizer
from workers.benchmarks import (
    decontaminated,
    make_held_out_requests,
    make_requests,
    question_key,
    read_request_sets,
    write_request_sets,
)
from workers.config import WorkerConfig
from workers.files import DataError
from workers.sources import Item, benchmark_items, source_items

STUDIES = Path(__file__).resolve().parents[2] / "studies"
HELD_OUT = Benchmark(name="held", held_out="text")
SUMS = Benchmark(name="sums", files=("a.jsonl",), prompt="{{ q }}", answer="{{ a }}", num_items=3)
END_ID = 2


@pytest.fixture(scope="module")
def tokenizer() -> Tokenizer:
    return byte_tokenizer()


def sums(*numbers: int) -> list[Item]:
    return [Item(f"What is {n} + {n}?", str(2 * n)) for n in numbers]


@pytest.mark.parametrize("prompt", ["what is  1?", " What is\n1? ", "WHAT IS 1?"])
def test_case_and_spacing_do_not_hide_a_question(prompt: str) -> None:
    items = [Item("What is 1?", "1"), Item("What is 11?", "11")]
    assert decontaminated(items, frozenset({question_key(prompt)})) == items[1:]


def test_contaminated_items_are_left_out_and_counted(tokenizer: Tokenizer) -> None:
    trained_on = frozenset({question_key("what is 2 + 2?")})
    made = make_requests(SUMS, sums(1, 2, 3, 4), trained_on, tokenizer, 64, data_seed=0)
    assert made.num_contaminated == 1
    texts = [tokenizer.decode(list(r.tokens), skip_special_tokens=False) for r in made.requests]
    assert texts == [f"</s>Question: What is {n} + {n}?\nAnswer: {2 * n}" for n in (1, 3, 4)]
    # " 2" is two bytes.
    assert [r.answer_bytes for r in made.requests] == [2, 2, 2]
    assert [len(r.tokens) - r.answer_start for r in made.requests] == [2, 2, 2]


def test_code_is_continued_as_it_stands(tokenizer: Tokenizer) -> None:
    code = Benchmark(name="code", human_eval=True)
    items = [Item("def f():\n", "    return 1\n"), Item("def g():\n", "    return 2\n")]
    made = make_requests(code, items, frozenset(), tokenizer, 64, data_seed=0)
    request = made.requests[0]
    assert tokenizer.decode(list(request.tokens[1:])) == "def f():\n    return 1\n"
    assert request.answer_start == 1 + len("def f():\n")
    assert request.answer_bytes == len("    return 1\n")


def test_answers_that_leave_no_room_for_a_prompt_are_left_out_and_counted(
    tokenizer: Tokenizer,
) -> None:
    # A context of 32 takes 33 tokens; 16 of them must be left for the prompt, so 17 for " " + 16.
    items = [Item("a", "x" * size) for size in (3, 16, 17, 30)]
    made = make_requests(SUMS, items, frozenset(), tokenizer, 32, data_seed=0)
    assert made.num_too_long == 2
    assert sorted(r.answer_bytes for r in made.requests) == [4, 17]


def test_a_long_prompt_is_cut_from_its_left(tokenizer: Tokenizer) -> None:
    items = [Item("y" * 100 + "end?", "7"), Item("short?", "8")]
    made = make_requests(SUMS, items, frozenset(), tokenizer, 32, data_seed=0)
    long = made.requests[0]
    assert len(long.tokens) == 33
    assert tokenizer.decode(list(long.tokens)).endswith("yend?\nAnswer: 7")


def test_fewer_than_two_items_cannot_be_scored(tokenizer: Tokenizer) -> None:
    items = [*sums(1, 2), Item("long?", "x" * 100)]
    with pytest.raises(DataError) as caught:
        make_requests(SUMS, items, frozenset({question_key(items[0].prompt)}), tokenizer, 32, 0)
    assert caught.value.field == "benchmarks.sums"
    assert "1 of 3 items can be scored" in str(caught.value)
    assert "1 stand in a training source" in str(caught.value)
    assert "1 have an answer longer than the context" in str(caught.value)


def test_the_items_are_drawn_once_by_the_data_seed(tokenizer: Tokenizer) -> None:
    items = sums(*range(10, 60))

    def drawn(data_seed: int) -> list[tuple[int, ...]]:
        made = make_requests(SUMS, items, frozenset(), tokenizer, 64, data_seed)
        return [request.tokens for request in made.requests]

    assert len(drawn(0)) == 3
    assert drawn(0) == drawn(0)
    assert len({tuple(drawn(seed)) for seed in range(5)}) == 5


# With a context of 8: windows of 8 tokens, 4 of prompt and 4 of answer.
@pytest.mark.parametrize("num_bytes", [*range(1, 24), 39, 40, 41])
def test_held_out_windows_cover_each_token_once(tokenizer: Tokenizer, num_bytes: int) -> None:
    text = "".join(chr(97 + i % 26) for i in range(num_bytes))
    made = make_held_out_requests(
        Benchmark(name="held", held_out="text", num_items=1000),
        [Item("", text), Item("", "zz")],
        tokenizer,
        8,
        data_seed=0,
    )
    scored = "".join(tokenizer.decode(list(r.tokens[r.answer_start :])) for r in made.requests)
    # The end token and what stands in the first half of a context, or of a shorter document, is
    # prompt; each byte after it is an answer once.
    prompt_bytes = min(4, (num_bytes + 1) // 2) - 1
    assert scored == text[prompt_bytes:] + "zz"[0:]
    assert sum(r.answer_bytes for r in made.requests) == len(scored)
    assert all(len(r.tokens) <= 8 and r.answer_start >= 1 for r in made.requests)
    assert made.requests[0].tokens[0] == END_ID


def test_a_window_that_cuts_through_a_character_counts_its_own_bytes(
    tokenizer: Tokenizer,
) -> None:
    # Twenty characters of two bytes; END and the first three bytes are prompt.
    made = make_held_out_requests(
        HELD_OUT, [Item("", "é" * 20), Item("", "é" * 20)], tokenizer, 8, data_seed=0
    )
    assert sum(r.answer_bytes for r in made.requests) == 2 * 37


def test_a_tokenizer_that_is_not_byte_level_shares_out_every_byte_of_a_text() -> None:
    # Words without the spaces between them; "é" is two bytes, an unknown word is "[UNK]".
    words = Tokenizer(models.WordLevel({"[UNK]": 0, "né": 1, "to": 2}, unk_token="[UNK]"))
    words.pre_tokenizer = pre_tokenizers.Whitespace()
    text = "né  to to surprise né to né né to " * 4
    # Windows of three tokens of prompt and three of answer; the end token and two words go first.
    made = make_held_out_requests(
        HELD_OUT, [Item("", text), Item("", text)], words, 6, data_seed=0, end_id=1
    )
    assert all(request.tokens[0] == 1 for request in made.requests[:1])
    first_words = len("né  to".encode())
    assert sum(r.answer_bytes for r in made.requests) == 2 * (len(text.encode()) - first_words)
    assert made.requests[0].answer_bytes == len(" to surprise né".encode())


def test_request_sets_come_back_as_they_were_written(tokenizer: Tokenizer, tmp_path: Path) -> None:
    sets = [
        make_requests(SUMS, sums(1, 2, 3), frozenset(), tokenizer, 64, 0),
        make_held_out_requests(HELD_OUT, [Item("", "a text " * 9)], tokenizer, 16, 0),
    ]
    write_request_sets(tmp_path / "requests.json", sets)
    assert read_request_sets(tmp_path / "requests.json", [SUMS, HELD_OUT]) == sets


@pytest.mark.parametrize("name", ["demo.yaml", "demo-quick.yaml"])
def test_no_question_that_a_demo_scores_stands_in_its_training_sources(
    tokenizer: Tokenizer, name: str
) -> None:
    study = StudySpec.model_validate(yaml.safe_load((STUDIES / name).read_text()))
    config = WorkerConfig(home=Path("unused"), data_roots=())
    prompts = [
        item.prompt
        for source in study.sources
        if source.kind == "sft"
        for item in source_items(source, config)
    ]
    assert len(prompts) >= 2000
    trained_on = {plain(prompt) for prompt in prompts}
    keys = frozenset(question_key(prompt) for prompt in prompts)
    for benchmark in study.benchmarks:
        if benchmark.held_out is not None:
            continue
        items = benchmark_items(benchmark, config)
        made = make_requests(benchmark, items, keys, tokenizer, 100_000, study.data_seed)
        asked = [
            plain(tokenizer.decode(list(request.tokens[1 : request.answer_start])))
            for request in made.requests
        ]
        assert len(asked) == benchmark.num_items
        for text in asked:
            question = text.removeprefix("question: ").removesuffix(" answer:")
            assert question not in trained_on, benchmark.name
        # Templates with few numbers meet by chance; more than that would be a wrong seed.
        assert made.num_contaminated <= 0.15 * len(items), benchmark.name


def plain(text: str) -> str:
    return " ".join(text.split()).casefold()


@pytest.mark.parametrize("name", ["demo.yaml", "demo-quick.yaml"])
def test_seeds_of_training_sets_and_benchmarks_lie_a_million_apart(name: str) -> None:
    study = StudySpec.model_validate(yaml.safe_load((STUDIES / name).read_text()))
    trained = [s.reasoning_gym.seed for s in study.sources if s.reasoning_gym]
    asked = [b.reasoning_gym.seed for b in study.benchmarks if b.reasoning_gym]
    assert len(trained) >= 2 and len(asked) >= 2
    assert min(abs(one - other) for one in trained for other in asked) >= 1_000_000
