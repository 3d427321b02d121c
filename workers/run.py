"""run_trial: a spec goes in, a result comes out. Deterministic in the spec."""

import logging
import platform
import threading
import time
from collections.abc import Callable

import torch

from mixtures.item import ItemScore
from mixtures.source import SourceSize
from mixtures.trial import ItemCounts, Progress, TrialResult, TrialSpec
from workers.benchmarks import RequestSet
from workers.checkpoint import weights_sha256
from workers.config import WorkerConfig
from workers.decay import decay
from workers.decay_checkpoint import DecayCheckpoint
from workers.decay_curve import Pace, thinned
from workers.evaluate import evaluate
from workers.freed_memory import keep_freed_memory
from workers.harness_set import HarnessSet
from workers.item_scores import keep_items
from workers.pack import Packs
from workers.prepare import Prepared, prepare
from workers.stable import optimiser_state_of, stable_checkpoint
from workers.train import Step
from workers.trial_log import trial_log
from workers.trial_weights import keep_weights
from workers.worker_facts import worker_name


class TrialRunner:
    """Runs trials one after another and keeps what the last recipe shares in memory.

    Those with `resources.packed_trials` run at the same time, each called from a thread of its own:
    their decays are one program, and for the rest they take turns.
    """

    def __init__(self, config: WorkerConfig) -> None:
        self.config = config
        # Whoever computes on the CPU holds it.
        self._core = threading.Lock()
        self._packs = Packs(self._core)
        self._prepared: dict[str, Prepared] = {}

    def run(
        self, spec: TrialSpec, attempt: int, on_progress: Callable[[Progress], None]
    ) -> TrialResult:
        """One attempt. `on_progress` is called at every step and may raise to stop the trial."""
        with trial_log(self.config.home, spec.trial_id, attempt) as log:
            return self._run(spec, attempt, on_progress, log)

    def _run(
        self,
        spec: TrialSpec,
        attempt: int,
        on_progress: Callable[[Progress], None],
        log: logging.Logger,
    ) -> TrialResult:
        # One core a trial: more threads on small matrices cost more than they give, and the
        # order of sums, so every bit of the weights, would depend on their number.
        torch.set_num_threads(1)
        keep_freed_memory()
        report = _Reporter(spec.trial_id, attempt, on_progress)
        report("start", 0, 0)
        clock = _Clock(log)

        with self._core:
            prepared = self._prepare(spec, report)
            clock.lap("prepare")
            on_stable = report.steps("stable")
            checkpoint = stable_checkpoint(prepared, self.config, on_stable, spec.decay)
            clock.lap("stable")
        own = DecayCheckpoint(
            self.config.home / "decay" / spec.trial_id,
            f"{spec.trial_id} {checkpoint.name}",
            spec.resources.packed_trials,
        )
        pace, on_step = Pace(), report.steps("decay")

        def on_decay_step(step: Step, total: int) -> None:
            pace.note(step.tokens)
            on_step(step, total)

        seat = self._packs.seat(spec.recipe, spec.resources)
        decayed = decay(spec, prepared, checkpoint, own, on_decay_step, seat)
        clock.lap("decay")
        num_items = sum(benchmark.num_items for benchmark in prepared.benchmarks)
        report("evaluate", 0, num_items)
        answered: list[ItemScore] = []
        with self._core:
            scores = evaluate(
                decayed.model,
                prepared.benchmarks,
                lambda done: report("evaluate", done, num_items),
                answered,
            )
            keep_items(self.config.home, spec, prepared, answered)
        clock.lap("evaluate")
        if spec.keep_weights:
            keep_weights(self.config.home, spec, prepared, decayed.model)
        own.remove()

        decay_tokens = decayed.curve[-1].tokens
        return TrialResult(
            trial_id=spec.trial_id,
            attempt=attempt,
            scores=scores,
            items={one.benchmark.name: _counts(one) for one in prepared.benchmarks},
            curve=thinned(decayed.curve),
            rates=pace.rates(),
            source_tokens=decayed.source_tokens,
            epochs=decayed.epochs,
            bytes_per_token={
                name: round(source.about.bytes_per_token, 4)
                for name, source in prepared.sources.items()
                if source.about is not None
            },
            available_tokens={
                name: source.num_sequences * spec.recipe.proxy.context_tokens
                for name, source in prepared.sources.items()
            },
            source_sizes={
                name: SourceSize(
                    num_documents=source.about.num_documents, num_tokens=source.about.num_tokens
                )
                for name, source in prepared.sources.items()
                if source.about is not None
            },
            weights_sha256=weights_sha256(decayed.model),
            stable_checkpoint=checkpoint.name,
            optimiser_state=optimiser_state_of(checkpoint),
            tokenizer=prepared.tokenizer_hash,
            wall_seconds=clock.laps,
            decay_tokens_per_second=decay_tokens / clock.laps["decay"],
            worker=worker_name(),
            versions={"torch": torch.__version__, "python": platform.python_version()},
        )

    def _prepare(self, spec: TrialSpec, report: "_Reporter") -> Prepared:
        key = spec.recipe.content_hash() + str(sorted(spec.data_hashes.items()))
        if key not in self._prepared:
            prepared = prepare(
                spec.recipe,
                spec.data_hashes,
                self.config,
                lambda done, total: report("tokenise", done, total),
            )
            # One recipe at a time: a worker that serves several studies must not grow.
            self._prepared = {key: prepared}
        return self._prepared[key]


def _counts(benchmark: RequestSet | HarnessSet) -> ItemCounts:
    return ItemCounts(
        scored=benchmark.num_items,
        contaminated=benchmark.num_contaminated,
        too_long=benchmark.num_too_long,
        cut=benchmark.num_cut,
    )


class _Reporter:
    """Turns what the phases know into Progress values with a rate."""

    def __init__(self, trial_id: str, attempt: int, send: Callable[[Progress], None]) -> None:
        self._trial_id, self._attempt, self._send = trial_id, attempt, send

    def __call__(
        self,
        phase: str,
        done: int,
        total: int,
        tokens_per_second: float | None = None,
        loss: float | None = None,
    ) -> None:
        self._send(
            Progress.model_validate(
                {
                    "trial_id": self._trial_id,
                    "attempt": self._attempt,
                    "phase": phase,
                    "done": done,
                    "total": total,
                    "tokens_per_second": tokens_per_second,
                    "loss": loss,
                }
            )
        )

    def steps(self, phase: str) -> Callable[[Step, int], None]:
        """A callback for one phase of training; its rate counts from the call of `steps`."""
        started = time.monotonic()
        self(phase, 0, 0)

        def on_step(step: Step, total: int) -> None:
            rate = step.tokens / max(time.monotonic() - started, 1e-9)
            self(phase, step.tokens, total, rate, step.loss)

        return on_step


class _Clock:
    """Wall seconds between laps, by name; each is logged."""

    def __init__(self, log: logging.Logger) -> None:
        self.laps: dict[str, float] = {}
        self._log = log
        self._log.info("starts on %s", worker_name())
        self._last = time.monotonic()

    def lap(self, name: str) -> None:
        now = time.monotonic()
        self.laps[name] = now - self._last
        self._last = now
        self._log.info("%s took %.1f s", name, self.laps[name])
