"""run_trial: the same spec gives the same bits, wherever and after whatever it runs."""

import multiprocessing
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import pytest

from mixtures.trial import Progress, TrialResult
from tests.workers.tiny_study import (
    run_tiny_trial,
    tiny_config,
    tiny_trial,
    write_data,
    write_lines,
)
from workers.config import WorkerConfig
from workers.files import DataError
from workers.run import TrialRunner


@pytest.fixture(scope="module")
def result(tmp_path_factory: pytest.TempPathFactory, tiny_root: Path) -> TrialResult:
    """Share 0.5 with seed 3, alone in a home of its own."""
    return run_tiny_trial(tmp_path_factory.mktemp("first"), tiny_root, 0.5, 3)


def test_a_second_home_gives_the_same_weights_and_scores(
    result: TrialResult, tmp_path: Path, tiny_root: Path
) -> None:
    again = run_tiny_trial(tmp_path / "second", tiny_root, 0.5, 3)
    assert again.weights_sha256 == result.weights_sha256
    assert again.scores == result.scores
    assert again.curve == result.curve
    assert again.stable_checkpoint == result.stable_checkpoint


def test_another_process_gives_the_same_weights_and_scores(
    result: TrialResult, tmp_path: Path, tiny_root: Path
) -> None:
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(max_workers=1, mp_context=context) as executor:
        future = executor.submit(run_tiny_trial, tmp_path / "child", tiny_root, 0.5, 3)
        again = future.result()
    assert again.worker != result.worker
    assert again.weights_sha256 == result.weights_sha256
    assert again.scores == result.scores


def test_seeds_of_another_subset_read_other_data_from_the_same_stable_phase(
    tmp_path: Path, tiny_root: Path
) -> None:
    config = tiny_config(tmp_path / "home", tiny_root)
    runner = TrialRunner(config)
    # A decay of 1,280 tokens for a full run of ten times as many: a tenth of each source.
    changes = {"full_run": {"decay_tokens": 12_800}, "seeds": [1, 2, 3], "data_seeds": 2}
    spec = tiny_trial(config, 0.5, 3, **changes)
    assert spec.data_seed == 1
    own = runner.run(spec, 1, lambda progress: None)
    first = runner.run(spec.model_copy(update={"data_seed": None}), 1, lambda progress: None)
    assert own.stable_checkpoint == first.stable_checkpoint
    assert own.items == first.items
    assert own.weights_sha256 != first.weights_sha256


def test_trials_that_ran_before_leave_no_trace(
    result: TrialResult, tmp_path: Path, tiny_root: Path
) -> None:
    config = tiny_config(tmp_path / "home", tiny_root)
    runner = TrialRunner(config)
    runner.run(tiny_trial(config, 1.0, 8), 1, lambda progress: None)
    again = runner.run(tiny_trial(config, 0.5, 3), 1, lambda progress: None)
    assert again.weights_sha256 == result.weights_sha256
    assert again.scores == result.scores


def test_another_seed_and_another_share_give_other_weights(
    result: TrialResult, shared_config: WorkerConfig
) -> None:
    runner = TrialRunner(shared_config)
    others = [
        runner.run(tiny_trial(shared_config, share, seed), 1, lambda progress: None)
        for share, seed in ((0.5, 4), (0.25, 3))
    ]
    assert len({one.weights_sha256 for one in (result, *others)}) == 3
    # The order of the tokens is the seed's; the stable phase and the data are shared.
    assert {one.stable_checkpoint for one in others} == {result.stable_checkpoint}


def test_the_result_says_what_was_read(result: TrialResult) -> None:
    # Five steps of eight sequences of 32 tokens, half of them from each source.
    assert result.source_tokens == {"text": 640, "sums": 640}
    assert [point.tokens for point in result.curve] == [256, 512, 768, 1024, 1280]
    # The default half-life is a fifth of the decay: one step.
    assert [point.learning_rate for point in result.curve] == pytest.approx(
        [0.01, 0.005, 0.0025, 0.00125, 0.000625], rel=1e-12
    )
    assert [(score.benchmark, score.num_items) for score in result.scores] == [
        ("test_sums", 12),
        ("held_out", 8),
    ]
    # 5 % of 200 documents are held out of the text, none of the 150 sums.
    sizes = result.source_sizes
    assert {name: one.num_documents for name, one in sizes.items()} == {"text": 190, "sums": 150}
    for name, available in result.available_tokens.items():
        assert available < sizes[name].num_tokens <= available + 32
    assert set(result.wall_seconds) == {"prepare", "stable", "decay", "evaluate"}


def test_the_decay_learns(result: TrialResult) -> None:
    losses = [point.loss for point in result.curve]
    # log(400) = 5.99 nats is knowing nothing.
    assert losses[-1] < losses[0] < 5.99


def test_progress_names_each_phase_in_order(tmp_path: Path, tiny_root: Path) -> None:
    config = tiny_config(tmp_path / "home", tiny_root)
    spec = tiny_trial(config, 0.5, 0)
    heard: list[Progress] = []
    TrialRunner(config).run(spec, 2, heard.append)
    phases = list(dict.fromkeys(progress.phase for progress in heard))
    assert phases == ["start", "tokenise", "stable", "decay", "evaluate"]
    assert {(progress.trial_id, progress.attempt) for progress in heard} == {(spec.trial_id, 2)}
    ends = {progress.phase: (progress.done, progress.total) for progress in heard}
    assert ends["stable"] == (2560, 2560)
    assert ends["decay"] == (1280, 1280)
    assert ends["evaluate"] == (20, 20)


def test_data_that_changed_since_the_study_was_submitted_are_refused(tmp_path: Path) -> None:
    root = write_data(tmp_path / "data")
    config = tiny_config(tmp_path / "home", root)
    spec = tiny_trial(config, 0.5, 0)
    write_lines(root / "sums.jsonl", [{"question": "What is 1 + 1?", "answer": "3"}])
    with pytest.raises(DataError, match="content changed since the study was submitted") as caught:
        TrialRunner(config).run(spec, 1, lambda progress: None)
    assert caught.value.field == "sources.sums"


def test_a_changed_benchmark_is_refused_too(tmp_path: Path) -> None:
    root = write_data(tmp_path / "data")
    config = tiny_config(tmp_path / "home", root)
    spec = tiny_trial(config, 0.5, 0)
    write_lines(root / "test_sums.jsonl", [{"question": "What?", "answer": "3"}] * 3)
    with pytest.raises(DataError) as caught:
        TrialRunner(config).run(spec, 1, lambda progress: None)
    assert caught.value.field == "benchmarks.test_sums"
