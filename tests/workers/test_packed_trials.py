"""Whole trials in a pack: each has its own result, failure, log and checkpoint."""

import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from mixtures.study import Resources
from mixtures.trial import Progress, TrialFailure, TrialResult, TrialSpec
from tests.waiting import wait_until
from tests.workers.tiny_study import tiny_config, tiny_trial
from workers.config import WorkerConfig
from workers.run import TrialRunner
from workers.trial_log import trial_log_path
from workers.trial_worker import TrialWorker

PACKED = {"resources": {"packed_trials": 3}}


class Together:
    """A worker whose trials take their seats in the given order, the first already on its way, and
    wait after a step until all are there; `at_step` is then called once.
    """

    def __init__(self, config: WorkerConfig, at_step: Callable[[TrialWorker], None]) -> None:
        self.real = TrialRunner(config)
        self.worker = TrialWorker(self)
        self.gate = threading.Event()
        self._at_step = at_step

    def run(
        self, spec: TrialSpec, attempt: int, on_progress: Callable[[Progress], None]
    ) -> TrialResult:
        def held(progress: Progress) -> None:
            if progress.phase == "decay" and progress.done > 0:
                assert self.gate.wait(60)
            on_progress(progress)

        return self.real.run(spec, attempt, held)

    def outcomes(self, specs: list[TrialSpec]) -> list[TrialResult | TrialFailure]:
        found: dict[str, TrialResult | TrialFailure] = {}

        def run(spec: TrialSpec) -> None:
            found[spec.trial_id] = self.worker.run(spec, 1)

        threads = [threading.Thread(target=run, args=(spec,)) for spec in specs]
        for place, thread in enumerate(threads):
            thread.start()
            wait_until(lambda place=place: self._num_seated() > place)
        self._at_step(self.worker)
        self.gate.set()
        for thread in threads:
            thread.join(60)
        return [found[spec.trial_id] for spec in specs]

    def _num_seated(self) -> int:
        pack = self.real._packs._last
        return 0 if pack is None else len(pack._taken)


def nothing(worker: TrialWorker) -> None:
    pass


def bytes_of(outcome: TrialResult | TrialFailure) -> tuple[object, ...]:
    assert isinstance(outcome, TrialResult), outcome
    return (
        outcome.weights_sha256,
        outcome.scores,
        outcome.curve,
        outcome.source_tokens,
        outcome.epochs,
    )


@pytest.fixture(scope="module")
def trials(shared_config: WorkerConfig) -> list[TrialSpec]:
    shares = [(0.5, 3), (0.0, 3), (0.25, 4)]
    return [tiny_trial(shared_config, share, seed, **PACKED) for share, seed in shares]


@pytest.fixture(scope="module")
def together(shared_config: WorkerConfig, trials: list[TrialSpec]) -> list[TrialResult]:
    """The three in one pack, the others beginning when the first has made a step."""
    found = Together(shared_config, nothing).outcomes(trials)
    assert all(isinstance(one, TrialResult) for one in found), found
    return [one for one in found if isinstance(one, TrialResult)]


def test_packed_trials_agree_with_unpacked_ones_to_rounding(
    shared_config: WorkerConfig, trials: list[TrialSpec], together: list[TrialResult]
) -> None:
    for spec, packed in zip(trials, together, strict=True):
        alone = spec.model_copy(update={"resources": Resources()})
        wanted = TrialRunner(shared_config).run(alone, 1, lambda progress: None)
        # Another identity, because its bits are others.
        assert alone.trial_id != spec.trial_id
        assert packed.trial_id == spec.trial_id
        assert packed.stable_checkpoint == wanted.stable_checkpoint
        assert packed.source_tokens == wanted.source_tokens
        # fp32 has 1.2e-7; AdamW divides small gradients by themselves.
        assert [point.loss for point in packed.curve] == pytest.approx(
            [point.loss for point in wanted.curve], rel=1e-5
        )
        assert [(one.tokens, one.learning_rate) for one in packed.curve] == [
            (one.tokens, one.learning_rate) for one in wanted.curve
        ]
        assert [score.value for score in packed.scores] == pytest.approx(
            [score.value for score in wanted.scores], rel=1e-4
        )


def test_a_trial_gets_the_same_bytes_alone_and_last_beside_one_that_is_cancelled(
    shared_config: WorkerConfig, trials: list[TrialSpec], together: list[TrialResult]
) -> None:
    first, second, _ = trials
    alone = TrialRunner(shared_config).run(first, 1, lambda progress: None)
    assert bytes_of(alone) == bytes_of(together[0])
    beside = Together(shared_config, lambda worker: worker.cancel(second.trial_id))
    cancelled, last = beside.outcomes([second, first])
    assert isinstance(cancelled, TrialFailure)
    assert (cancelled.kind, cancelled.trial_id) == ("cancelled", second.trial_id)
    assert bytes_of(last) == bytes_of(together[0])
    assert beside.worker.progress() == []


def test_stopped_trials_go_on_each_from_its_own_step_and_have_logs_of_their_own(
    tmp_path: Path, tiny_root: Path, trials: list[TrialSpec], together: list[TrialResult]
) -> None:
    config = tiny_config(tmp_path, tiny_root)
    stopped = Together(config, TrialWorker.stop).outcomes(trials[:2])
    assert [one.kind for one in stopped if isinstance(one, TrialFailure)] == ["stopped"] * 2
    assert len(list((tmp_path / "decay").iterdir())) == 2
    # The first had made one step more than the second; now they begin together.
    again = Together(config, nothing).outcomes(trials[:2])
    assert [bytes_of(one) for one in again] == [bytes_of(one) for one in together[:2]]
    assert list((tmp_path / "decay").iterdir()) == []
    for spec in trials[:2]:
        lines = trial_log_path(tmp_path, spec.trial_id).read_text("utf-8").splitlines()
        told = [line.split(" ", 4)[-1].rpartition(" took ")[0] or line for line in lines]
        phases = ["prepare", "stable", "decay", "evaluate"]
        assert [one for one in told if one in phases] == ["prepare", "stable", *phases]
        assert sum("TrialStopped" in line for line in lines) == 1
