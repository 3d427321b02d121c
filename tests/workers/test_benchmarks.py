"""Requests: what is scored of which items, and nothing that was trained on."""

from pathlib import Path

import pytest
import yaml
from tokenizers import Tokenizer, models, pre_tokenizers

from mixtures.benchmark import Benchmark
from mixtures.study import StudySpec
from tests.workers.byte_tokenizer import byte_tokenizer
from workers.benchmark_items import BenchmarkItem, benchmark_items
from workers.benchmarks import (
    make_held_out_requests,
    make_requests,
    read_request_sets,
    write_request_sets,
)
from workers.config import WorkerConfig
from workers.files import DataError
from workers.screen import screen
from workers.sources import Item, read_source

STUDIES = Path(__file__).resolve().parents[2] / "studies"
HELD_OUT = Benchmark(name="held", held_out="text")
SUMS = Benchmark(name="sums", files=("a.jsonl",), prompt="{{ q }}", answer="{{ a }}", num_items=3)
END_ID = 2


@pytest.fixture(scope="module")
def tokenizer() -> Tokenizer:
    return byte_tokenizer()


def sums(*numbers: int) -> list[BenchmarkItem]:
    return [BenchmarkItem(f"What is {n} + {n}?", str(2 * n)) for n in numbers]


def test_items_left_out_before_are_counted(tokenizer: Tokenizer) -> None:
    made = make_requests(SUMS, sums(1, 3, 4), 1, tokenizer, 64, data_seed=0)
    assert made.num_contaminated == 1
    texts = [tokenizer.decode(list(r.tokens), skip_special_tokens=False) for r in made.requests]
    assert texts == [f"</s>Question: What is {n} + {n}?\nAnswer: {2 * n}" for n in (1, 3, 4)]
    # " 2" is two bytes.
    assert [r.answer_bytes for r in made.requests] == [2, 2, 2]
    assert [len(r.tokens) - r.answer_start for r in made.requests] == [2, 2, 2]


def test_code_is_continued_as_it_stands(tokenizer: Tokenizer) -> None:
    code = Benchmark(name="code", human_eval=True)
    items = [
        BenchmarkItem("def f():\n", "    return 1\n"),
        BenchmarkItem("def g():\n", "    return 2\n"),
    ]
    made = make_requests(code, items, 0, tokenizer, 64, data_seed=0)
    request = made.requests[0]
    assert tokenizer.decode(list(request.tokens[1:])) == "def f():\n    return 1\n"
    assert request.answer_start == 1 + len("def f():\n")
    assert request.answer_bytes == len("    return 1\n")


def test_answers_that_leave_no_room_for_a_prompt_are_left_out_and_counted(
    tokenizer: Tokenizer,
) -> None:
    # A context of 32 takes 33 tokens; 16 of them must be left for the prompt, so 17 for " " + 16.
    items = [BenchmarkItem("a", "x" * size) for size in (3, 16, 17, 30)]
    keep = SUMS.model_copy(update={"cut_prompts": "keep"})
    made = make_requests(keep, items, 0, tokenizer, 32, data_seed=0)
    assert made.num_too_long == 2
    assert sorted(r.answer_bytes for r in made.requests) == [4, 17]


LONG = [BenchmarkItem("y" * 100 + "end?", "7"), *sums(1, 2)]


def test_items_whose_prompt_does_not_fit_are_left_out_and_counted(tokenizer: Tokenizer) -> None:
    made = make_requests(SUMS, LONG, 0, tokenizer, 40, data_seed=0)
    assert (made.num_items, made.num_cut, made.num_too_long) == (2, 1, 0)
    assert all(len(r.tokens) < 41 for r in made.requests)


def test_a_prompt_that_exactly_fits_is_not_cut(tokenizer: Tokenizer) -> None:
    # END, "Question: ", the prompt, "\nAnswer:" and " 7" are 1 + 10 + n + 8 + 2 tokens; the last
    # is no input, so a context of 32 holds 33.
    for size, num_cut in ((12, 0), (13, 1)):
        items = [BenchmarkItem("y" * size, "7"), BenchmarkItem("z", "8")]
        keep = SUMS.model_copy(update={"cut_prompts": "keep"})
        made = make_requests(keep, items, 0, tokenizer, 32, data_seed=0)
        assert made.num_cut == num_cut
        assert len(made.requests[0].tokens) == 33


def test_a_long_prompt_is_kept_and_cut_from_its_left_where_that_is_asked_for(
    tokenizer: Tokenizer,
) -> None:
    keep = SUMS.model_copy(update={"cut_prompts": "keep"})
    made = make_requests(keep, LONG, 0, tokenizer, 40, data_seed=0)
    assert (made.num_items, made.num_cut) == (3, 1)
    assert len(made.requests[0].tokens) == 41
    assert tokenizer.decode(list(made.requests[0].tokens)).endswith("yend?\nAnswer: 7")


PICKS = Benchmark(
    name="picks", files=("a.jsonl",), prompt="{{ q }}", choices="{{ c }}", gold="{{ g }}"
)


def test_an_item_with_choices_is_one_request_for_each(tokenizer: Tokenizer) -> None:
    items = [
        BenchmarkItem("Sky?", "blue", ("red", "blue", "a é"), 1),
        BenchmarkItem("Sun?", "up", ("up", "down"), 0),
    ]
    made = make_requests(PICKS, items, 0, tokenizer, 64, data_seed=0)
    assert made.num_items == 2
    texts = [tokenizer.decode(list(r.tokens[1:])) for r in made.requests]
    assert [text.removeprefix("Question: ") for text in texts] == [
        "Sky?\nAnswer: red",
        "Sky?\nAnswer: blue",
        "Sky?\nAnswer: a é",
        "Sun?\nAnswer: up",
        "Sun?\nAnswer: down",
    ]
    # The request's bytes hold the space before the choice, the choice's own do not.
    assert [r.answer_bytes for r in made.requests] == [4, 5, 5, 3, 5]
    assert [(c.gold, c.choice_bytes) for c in made.choices] == [(1, (3, 4, 4)), (0, (2, 4))]


def test_one_choice_that_is_too_long_leaves_the_item_out(tokenizer: Tokenizer) -> None:
    items = [
        BenchmarkItem("q", "a", ("a", "b" * 60), 0),
        *[BenchmarkItem("q", "a", ("a", "b"))] * 2,
    ]
    made = make_requests(PICKS, items, 0, tokenizer, 48, data_seed=0)
    assert (made.num_items, made.num_too_long, made.num_cut) == (2, 1, 0)


def test_fewer_than_two_items_cannot_be_scored(tokenizer: Tokenizer) -> None:
    items = [*sums(2), BenchmarkItem("long?", "x" * 100)]
    with pytest.raises(DataError) as caught:
        make_requests(SUMS, items, 1, tokenizer, 40, 0)
    assert caught.value.field == "benchmarks.sums"
    assert "1 of 3 items can be scored" in str(caught.value)
    assert "1 stand in a training source" in str(caught.value)
    assert "1 have an answer longer than the context" in str(caught.value)


def test_the_items_are_drawn_once_by_the_data_seed(tokenizer: Tokenizer) -> None:
    items = sums(*range(10, 60))

    def drawn(data_seed: int) -> list[tuple[int, ...]]:
        made = make_requests(SUMS, items, 0, tokenizer, 64, data_seed)
        return [request.tokens for request in made.requests]

    assert len(drawn(0)) == 3
    assert drawn(0) == drawn(0)
    assert len({tuple(drawn(seed)) for seed in range(5)}) == 5


def test_each_stratum_has_its_share_of_the_items_scored(tokenizer: Tokenizer) -> None:
    items = [
        item._replace(stratum="odd" if i % 4 else "even") for i, item in enumerate(sums(*range(40)))
    ]
    ten = SUMS.model_copy(update={"num_items": 8})
    made = make_requests(ten, items, 0, tokenizer, 64, data_seed=0)
    texts = [tokenizer.decode(list(r.tokens)) for r in made.requests]
    numbers = [int(text.split(" is ")[1].split(" ")[0]) for text in texts]
    assert sum(number % 4 == 0 for number in numbers) == 2
    assert numbers != list(range(8))


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
        make_requests(SUMS, sums(1, 2, 3), 0, tokenizer, 64, 0),
        make_held_out_requests(HELD_OUT, [Item("", "a text " * 9)], tokenizer, 16, 0),
        make_requests(PICKS, [BenchmarkItem("q", "a", ("a", "b"))] * 2, 0, tokenizer, 64, 0),
    ]
    write_request_sets(tmp_path / "requests.json", sets)
    assert read_request_sets(tmp_path / "requests.json", [SUMS, HELD_OUT, PICKS]) == sets


@pytest.mark.parametrize("name", ["demo.yaml", "demo-quick.yaml"])
def test_no_question_that_a_demo_scores_stands_in_its_training_sources(
    tokenizer: Tokenizer, name: str
) -> None:
    study = StudySpec.model_validate(yaml.safe_load((STUDIES / name).read_text()))
    config = WorkerConfig(home=Path("unused"), data_roots=())
    sft = tuple(source for source in study.sources if source.kind == "sft")
    own = tuple(benchmark for benchmark in study.benchmarks if benchmark.held_out is None)
    screening = screen(
        study.recipe.model_copy(update={"sources": sft, "benchmarks": own}),
        config,
    )
    prompts = [
        documents[position].prompt
        for source in sft
        for documents in [list(read_source(source, config))]
        for position in screening.positions[source.name].training
    ]
    assert len(prompts) >= 2000
    trained_on = {plain(prompt) for prompt in prompts}
    for benchmark in own:
        items = benchmark_items(benchmark, config)
        made = make_requests(benchmark, items, 0, tokenizer, 100_000, study.data_seed)
        asked = [
            plain(tokenizer.decode(list(request.tokens[1 : request.answer_start])))
            for request in made.requests
        ]
        assert len(asked) == benchmark.num_items
        for text in asked:
            question = text.removeprefix("question: ").removesuffix(" answer:")
            assert question not in trained_on, benchmark.name
        # Templates with few numbers meet by chance; more than that would be a wrong seed.
        met = [pair.items for pair in screening.overlaps if pair.benchmark == benchmark.name]
        assert len(frozenset().union(*met)) <= 0.15 * len(items), benchmark.name


def plain(text: str) -> str:
    return " ".join(text.split()).casefold()


@pytest.mark.parametrize("name", ["demo.yaml", "demo-quick.yaml"])
def test_seeds_of_training_sets_and_benchmarks_lie_a_million_apart(name: str) -> None:
    study = StudySpec.model_validate(yaml.safe_load((STUDIES / name).read_text()))
    trained = [s.reasoning_gym.seed for s in study.sources if s.reasoning_gym]
    asked = [b.reasoning_gym.seed for b in study.benchmarks if b.reasoning_gym]
    assert len(trained) >= 2 and len(asked) >= 2
    assert min(abs(one - other) for one in trained for other in asked) >= 1_000_000
