"""People's own task files, by the harness's own code: prompts, scores and what is refused."""

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import yaml
from tokenizers import Tokenizer

from mixtures.benchmark import Benchmark
from tests.workers.byte_tokenizer import byte_tokenizer
from tests.workers.tiny_study import tiny_config, tiny_proxy, tiny_study, write_data, write_lines
from workers.check import check_data
from workers.config import WorkerConfig
from workers.evaluate import evaluate
from workers.files import DataError
from workers.harness import HarnessBenchmark, load_benchmark
from workers.harness_set import HarnessSet, choose, make_set
from workers.xmodel2 import Xmodel2

pytest.importorskip("lm_eval", reason="lm-evaluation-harness is not installed (extra lm-eval)")

PICK = {
    "task": "pick",
    "dataset_path": "json",
    "dataset_kwargs": {"data_files": {"test": "picks.jsonl", "train": "shots.jsonl"}},
    "test_split": "test",
    "output_type": "multiple_choice",
    "doc_to_text": "Q: {{q}}\nA:",
    "doc_to_choice": "{{options}}",
    "doc_to_target": "right",
    "metric_list": [{"metric": "acc", "aggregation": "mean", "higher_is_better": True}],
}
PICKS = [
    {"q": f"Is {i} even?", "options": ["yes", "no", "I cannot say"], "right": i % 2}
    for i in range(12)
]
SUM = {
    "task": "sum",
    "dataset_path": "json",
    "dataset_kwargs": {"data_files": {"test": "sums.jsonl"}},
    "test_split": "test",
    "output_type": "generate_until",
    "doc_to_text": "{{a}} + {{a}} =",
    "doc_to_target": "#### {{2 * a}}",
    "generation_kwargs": {"until": ["\n"], "max_gen_toks": 12},
    "metric_list": [{"metric": "exact_match", "aggregation": "mean", "higher_is_better": True}],
    "filter_list": [
        {"name": "strict", "filter": [{"function": "regex"}, {"function": "take_first"}]},
        {
            "name": "loose",
            "filter": [
                {"function": "regex", "regex_pattern": "([0-9]+)", "group_select": -1},
                {"function": "take_first"},
            ],
        },
    ],
}


@pytest.fixture(scope="module")
def tokenizer() -> Tokenizer:
    return byte_tokenizer()


@pytest.fixture(scope="module")
def model() -> Xmodel2:
    model = Xmodel2(tiny_proxy(context_tokens=128))
    model.init_weights(3)
    return model


@pytest.fixture
def root(tmp_path: Path) -> Path:
    write_lines(tmp_path / "picks.jsonl", PICKS)
    shots = [{"q": f"Shot {i}?", "options": ["yes", "no"], "right": 0} for i in range(3)]
    write_lines(tmp_path / "shots.jsonl", shots)
    write_lines(tmp_path / "sums.jsonl", [{"a": i} for i in range(8)])
    return tmp_path


def load(root: Path, spec: dict[str, Any], **changes: Any) -> HarnessBenchmark:
    (root / "tasks").mkdir(exist_ok=True)
    (root / "tasks" / "own.yaml").write_text(yaml.safe_dump(spec), encoding="utf-8")
    benchmark = Benchmark.model_validate({"name": "own", "task": "tasks/own.yaml", **changes})
    return load_benchmark(benchmark, tiny_config(root / "home", root))


def as_set(source: HarnessBenchmark, tokenizer: Tokenizer, context: int = 128) -> HarnessSet:
    clean = range(len(source.items))
    chosen = choose(source, clean, tokenizer, context, 0)
    return make_set(source, chosen, tokenizer, context, 0)


def texts_of(made: HarnessSet) -> list[str]:
    return [made.tokenizer.decode(list(one.tokens[1:])) for one in made.requests]


def scores_of(model: Xmodel2, made: HarnessSet) -> dict[str, Any]:
    return {score.metric: score for score in evaluate(model, [made], lambda done: None)}


class OurModel:
    """The proxy behind the harness's own interface, one request at a time."""

    rank, world_size, tokenizer_name = 0, 1, ""

    def __init__(self, model: Xmodel2, tokenizer: Tokenizer) -> None:
        self.model, self.tokenizer_ = model, tokenizer

    @torch.no_grad()
    def loglikelihood(self, requests: Any) -> list[tuple[float, bool]]:
        found = []
        for one in requests:
            context, continuation = one.args
            before = [2, *self.tokenizer_.encode(context).ids]
            after = self.tokenizer_.encode(continuation).ids
            logits = self.model(torch.tensor([[*before, *after[:-1]]]))[0].double()
            log_p = torch.log_softmax(logits, -1)[len(before) - 1 :]
            best = log_p.argmax(-1).tolist()
            total = sum(float(log_p[i, token]) for i, token in enumerate(after))
            found.append((total, best == after))
        return found

    def loglikelihood_rolling(self, requests: Any) -> Any:
        raise NotImplementedError

    @torch.no_grad()
    def generate_until(self, requests: Any) -> list[str]:
        found = []
        for one in requests:
            context, settings = one.args
            tokens = [2, *self.tokenizer_.encode(context).ids]
            start = len(tokens)
            while len(tokens) - start < settings["max_gen_toks"]:
                tokens.append(int(self.model(torch.tensor([tokens]))[0, -1].argmax()))
                if tokens[-1] == 2:
                    break
            text = self.tokenizer_.decode([t for t in tokens[start:] if t != 2])
            found.append(text.split(settings["until"][0])[0])
        return found


def harness_results(source: HarnessBenchmark, model: OurModel) -> dict[str, Any]:
    """The harness's own evaluate() over all documents of the benchmark's tasks."""
    tasks = {task.task_name: task for task in source.tasks}
    for task in source.tasks:
        task.set_fewshot_seed(1234)
    from lm_eval.evaluator import evaluate as harness_evaluate

    found = harness_evaluate(
        lm=model, task_dict={"tasks": tasks}, bootstrap_iters=0, log_samples=False
    )
    return found["results"]


def test_choices_score_as_in_the_harness_itself(
    root: Path, tokenizer: Tokenizer, model: Xmodel2
) -> None:
    spec = {**PICK, "fewshot_split": "train", "num_fewshot": 2}
    spec["metric_list"] = [
        {"metric": name, "aggregation": "mean", "higher_is_better": True}
        for name in ("acc", "acc_norm", "acc_mutual_info")
    ] + [
        {"metric": "brier_score", "aggregation": "brier_score", "higher_is_better": False},
        {"metric": "f1", "aggregation": "f1", "higher_is_better": True},
    ]
    source = load(root, spec)
    expected = harness_results(source, OurModel(model, tokenizer))["pick"]
    scores = scores_of(model, as_set(source, tokenizer))
    assert set(scores) == set(source.metrics())
    for name in ("acc", "acc_norm", "acc_mutual_info", "brier_score", "f1"):
        assert scores[name].value == pytest.approx(expected[f"{name},none"], rel=1e-5), name
        assert scores[name].num_items == 12
        assert scores[name].standard_error is not None
    # Ours beside theirs: the mean over items of the same squares.
    assert scores["brier"].value == pytest.approx(scores["brier_score"].value, rel=1e-5)


def test_generated_text_goes_through_the_files_filters(
    root: Path, tokenizer: Tokenizer, model: Xmodel2
) -> None:
    source = load(root, SUM)
    made = as_set(source, tokenizer)
    assert source.metrics() == ("bits_per_byte", "exact_match,strict", "exact_match,loose")
    expected = harness_results(source, OurModel(model, tokenizer))["sum"]
    scores = scores_of(model, made)
    for name in ("exact_match,strict", "exact_match,loose"):
        assert scores[name].value == expected[name]
    nats = np.full(8, 11 * math.log(2))
    texts = [f"well, #### {2 * i}" if i < 3 else f"{2 * i}" for i in range(8)]
    found = made.estimates(nats, [False] * 8, texts)
    # References hold "#### ", which the strict filter takes off the answer alone.
    assert found["exact_match,strict"].value == 0.0
    assert found["bits_per_byte"].value == pytest.approx(8 * 11 / sum(made_bytes(made)))


def made_bytes(made: HarnessSet) -> list[int]:
    return [request.answer_bytes for request in made.requests]


def test_exact_match_counts_what_the_filter_leaves(root: Path, tokenizer: Tokenizer) -> None:
    made = as_set(load(root, {**SUM, "doc_to_target": "{{2 * a}}"}), tokenizer)
    texts = [f"7, then #### {2 * i}" if i < 3 else f"perhaps {2 * i}" for i in range(8)]
    found = made.estimates(np.ones(8), [False] * 8, texts)
    assert found["exact_match,strict"].value == 3 / 8
    assert found["exact_match,loose"].value == 1.0


def test_text_is_cut_where_until_stands_and_ends_there(root: Path, tokenizer: Tokenizer) -> None:
    made = as_set(load(root, SUM), tokenizer)
    tokens = tokenizer.encode("12\n34").ids
    assert [made.is_done(0, tokens[: i + 1]) for i in range(3)] == [False, False, True]
    assert made.is_done(0, [*tokens[:1], 2])
    assert made.text(0, tokens) == "12"


def test_without_generating_a_task_has_bits_per_byte_alone(
    root: Path, tokenizer: Tokenizer, model: Xmodel2
) -> None:
    source = load(root, SUM, generate=False)
    assert source.metrics() == ("bits_per_byte",)
    assert set(scores_of(model, as_set(source, tokenizer))) == {"bits_per_byte"}


def test_a_last_word_is_scored_by_likelihood_and_by_greedy_match(
    root: Path, tokenizer: Tokenizer, model: Xmodel2
) -> None:
    spec = {
        **PICK,
        "output_type": "loglikelihood",
        "doc_to_target": " {{options[right]}}",
        "metric_list": [
            {"metric": "acc", "aggregation": "mean", "higher_is_better": True},
            {"metric": "perplexity", "aggregation": "perplexity", "higher_is_better": False},
        ],
    }
    del spec["doc_to_choice"]
    source = load(root, spec)
    expected = harness_results(source, OurModel(model, tokenizer))["pick"]
    scores = scores_of(model, as_set(source, tokenizer))
    assert scores["acc"].value == expected["acc,none"]
    assert scores["perplexity"].value == pytest.approx(expected["perplexity,none"], rel=1e-4)


def test_contexts_may_differ_and_the_continuation_be_one(root: Path, tokenizer: Tokenizer) -> None:
    records = [
        {"a": "The cup", "b": "The box", "end": f"fell {i}.", "gold": i % 2} for i in range(4)
    ]
    write_lines(root / "picks.jsonl", records)
    spec = {
        **PICK,
        "dataset_kwargs": {"data_files": {"test": "picks.jsonl"}},
        "doc_to_text": "gold",
        "doc_to_choice": "{{[a, b]}}",
        "doc_to_target": "end",
    }
    made = as_set(load(root, spec), tokenizer)
    assert texts_of(made)[:4] == [
        "The cup fell 0.",
        "The box fell 0.",
        "The cup fell 1.",
        "The box fell 1.",
    ]
    assert [one.gold for one in made.asked] == [0, 1, 0, 1]
    assert made.requests[0].answer_bytes == len(" fell 0.")


def test_the_examples_stand_before_the_item_and_can_be_fewer(
    root: Path, tokenizer: Tokenizer
) -> None:
    spec = {**PICK, "fewshot_split": "train", "num_fewshot": 2}
    assert texts_of(as_set(load(root, spec), tokenizer))[0].count("Shot") == 2
    fewer = as_set(load(root, spec, num_fewshot=1), tokenizer)
    assert texts_of(fewer)[0].count("Shot") == 1
    assert texts_of(fewer)[0].endswith("\n\nQ: Is 0 even?\nA: yes")


def test_examples_that_do_not_fit_are_an_error(root: Path, tokenizer: Tokenizer) -> None:
    spec = {**PICK, "fewshot_split": "train", "num_fewshot": 3}
    with pytest.raises(DataError) as caught:
        as_set(load(root, spec), tokenizer, context=64)
    assert "the 3 few-shot examples do not fit the context of 64 tokens in 12 of 12" in str(
        caught.value
    )


def test_items_that_do_not_fit_are_left_out_and_counted(root: Path, tokenizer: Tokenizer) -> None:
    long = {**PICKS[0], "q": "y" * 200}
    wordy = {**PICKS[0], "options": ["yes", "n" * 200]}
    write_lines(root / "picks.jsonl", [*PICKS[:4], long, wordy])
    made = as_set(load(root, PICK), tokenizer)
    assert (made.num_items, made.num_cut, made.num_too_long) == (4, 1, 1)
    kept = as_set(load(root, PICK, cut_prompts="keep"), tokenizer)
    assert (kept.num_items, kept.num_cut) == (5, 1)
    assert max(len(one.tokens) for one in kept.requests) == 129


def test_an_include_and_a_group_are_read(root: Path, tokenizer: Tokenizer, model: Xmodel2) -> None:
    folder = root / "tasks"
    folder.mkdir()
    (folder / "_base.yaml").write_text(
        yaml.safe_dump({k: v for k, v in PICK.items() if k != "task"})
    )
    for name, file in (("even", "picks.jsonl"), ("odd", "odd.jsonl")):
        own = {"data_files": {"test": file}}
        (folder / f"{name}.yaml").write_text(
            yaml.safe_dump({"include": "_base.yaml", "task": name, "dataset_kwargs": own})
        )
    write_lines(root / "odd.jsonl", PICKS[:4])
    group = {
        "group": "both",
        "task": ["even", "odd"],
        "aggregate_metric_list": [{"metric": "acc", "weight_by_size": False}],
    }
    source = load(root, group, num_items=8)
    made = as_set(source, tokenizer)
    # Eight of twelve and four items: each task keeps its share.
    names = [source.task_of(index).task_name for index in made.chosen.indices]
    assert (names.count("even"), names.count("odd")) == (6, 2)
    nats = np.array([[1.0, 2.0, 3.0]] * 8).ravel()
    found = made.estimates(nats, [False] * 24, [])
    right = [source.items[index].gold == 0 for index in made.chosen.indices]
    assert found["acc"].value == pytest.approx((np.mean(right[:6]) + np.mean(right[6:])) / 2)
    assert "acc" in source.metrics()


def test_a_subset_of_a_task_holds_each_stratum_by_its_share(
    root: Path, tokenizer: Tokenizer
) -> None:
    source = load(root, PICK, num_items=4, stratum="{{ right }}")
    made = as_set(source, tokenizer)
    assert sum(source.items[index].gold for index in made.chosen.indices) == 2


def test_a_metric_that_the_harness_does_not_know_is_an_error(root: Path) -> None:
    spec = {**PICK, "metric_list": [{"metric": "accuracy_of_mine", "aggregation": "mean"}]}
    with pytest.raises(DataError, match=r"accuracy_of_mine.*does not have"):
        load(root, spec)


def test_a_metric_that_the_harness_gives_no_value_of_is_an_error(
    root: Path, tokenizer: Tokenizer
) -> None:
    """`bleu` exists, but not for choices: the harness computes nothing and says nothing."""
    spec = {**PICK, "metric_list": [{"metric": "bleu", "aggregation": "mean"}]}
    made = as_set(load(root, spec), tokenizer)
    with pytest.raises(DataError, match="gives no value of the metric 'bleu'"):
        made.estimates(np.ones(36), [False] * 36, [])


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"dataset_path": "allenai/ai2_arc"}, ["allenai/ai2_arc", "the hub are not fetched"]),
        (
            {"dataset_kwargs": {"data_files": {"test": "none.jsonl"}}},
            ["none.jsonl", "no such file"],
        ),
        ({"dataset_kwargs": None}, ["data_files"]),
        ({"doc_to_text": "{{nothing}}"}, ["nothing"]),
        (
            {"doc_to_target": "{{ 0 if q == 'Is 0 even?' else 7 }}"},
            ["item 2 of pick has no right answer: 7", "3 choices"],
        ),
        ({"output_type": "loglikelihood_rolling"}, ["multiple_choice, loglikelihood"]),
        ({"test_split": "dev"}, ["cannot load it"]),
        ({"doc_to_text": "{{q.__class__.__mro__}}"}, ["SecurityError"]),
    ],
)
def test_what_cannot_be_used_is_named(
    root: Path, changes: dict[str, Any], words: list[str]
) -> None:
    with pytest.raises(DataError) as caught:
        load(root, {**PICK, **changes}).items  # noqa: B018
    for word in words:
        assert word in str(caught.value)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"generation_kwargs": {"do_sample": True, "until": ["\n"]}}, ["decoding is greedy"]),
        ({"unsafe_code": True}, ["DECAYMIX_RUN_CODE=1"]),
        ({"doc_to_target": ""}, ["has no right answer"]),
    ],
)
def test_what_cannot_be_generated_is_named(
    root: Path, changes: dict[str, Any], words: list[str]
) -> None:
    with pytest.raises(DataError) as caught:
        load(root, {**SUM, **changes}).items  # noqa: B018
    for word in words:
        assert word in str(caught.value)


def test_a_broken_line_is_named_with_its_file(root: Path) -> None:
    (root / "picks.jsonl").write_text('{"q": "x"}\n{"q": \n', encoding="utf-8")
    with pytest.raises(DataError, match=r"picks.jsonl.*line 2 is not JSON"):
        load(root, PICK)


def test_the_content_hash_holds_documents_examples_and_the_file_but_no_path(
    root: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    spec = {**PICK, "fewshot_split": "train", "num_fewshot": 1}
    before = load(root, spec).content_hash()
    other = tmp_path_factory.mktemp("other")
    for name in ("picks.jsonl", "shots.jsonl"):
        (other / name).write_bytes((root / name).read_bytes())
    assert load(other, spec).content_hash() == before
    assert load(root, {**spec, "num_fewshot": 2}).content_hash() != before
    write_lines(root / "shots.jsonl", [{"q": "New?", "options": ["a", "b"], "right": 0}])
    assert load(root, spec).content_hash() != before


def test_a_study_is_scored_on_a_task_file(tmp_path: Path) -> None:
    """From the check of the data to the scores of a trial, and again out of what was kept."""
    from tests.workers.tiny_study import tiny_trial
    from workers.run import TrialRunner

    root = write_data(tmp_path / "data")
    write_lines(root / "picks.jsonl", PICKS)
    write_lines(root / "shots.jsonl", PICKS)
    (root / "pick.yaml").write_text(yaml.safe_dump(PICK), encoding="utf-8")
    (root / "sum.yaml").write_text(yaml.safe_dump(SUM), encoding="utf-8")
    write_lines(root / "sums.jsonl", [{"question": f"{i}?", "answer": f"{i}"} for i in range(150)])
    benchmarks = [
        {"name": "pick", "task": "pick.yaml", "num_items": 6},
        {"name": "held_out", "held_out": "text", "num_items": 8},
    ]
    proxy = {**tiny_proxy().model_dump(), "context_tokens": 64}
    changes = {"benchmarks": benchmarks, "proxy": proxy, "optimiser": {"batch_tokens": 512}}
    config = WorkerConfig(home=tmp_path / "home", data_roots=(root,))
    report = check_data(tiny_study(**changes).recipe, config)
    assert report.benchmarks["pick"].metrics[:2] == ("bits_per_byte", "acc")
    spec = tiny_trial(config, 0.5, 0, **changes)
    results = [TrialRunner(config).run(spec, 1, lambda progress: None) for _ in range(2)]
    assert results[0].scores == results[1].scores
    names = [score.metric for score in results[0].scores if score.benchmark == "pick"]
    assert set(names) == set(report.benchmarks["pick"].metrics)
    assert results[0].items["pick"].scored == 6
