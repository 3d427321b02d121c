"""Workers on Ray that train nothing: what a trial costs then is the service's own."""

from collections.abc import Callable
from typing import Any

from mixtures.trial import Progress, Score, TrialResult, TrialSpec
from workers.pool import RayPool
from workers.trial_worker import TrialWorker


class NoOpRunner:
    """A score for each benchmark at once: a valley over the SFT share."""

    def run(
        self, spec: TrialSpec, attempt: int, on_progress: Callable[[Progress], None]
    ) -> TrialResult:
        value = 3.0 + (spec.sft_share - 0.6) ** 2 + 0.001 * (spec.seed % 7)
        return TrialResult(
            trial_id=spec.trial_id,
            attempt=attempt,
            scores=tuple(
                Score(benchmark=one.name, metric="bits_per_byte", value=value, num_items=100)
                for one in spec.recipe.benchmarks
            ),
            curve=(),
            source_tokens={},
            epochs={},
            weights_sha256="0" * 64,
            stable_checkpoint="none",
            tokenizer="none",
            wall_seconds={"decay": 0.0},
            decay_tokens_per_second=0.0,
            worker="no-op",
            versions={},
        )


class NoOpPool(RayPool):
    """Ray's workers, each as it is but for what it runs."""

    def _actor(self) -> type[Any]:
        real = super()._actor()

        class NoOpActor(real):  # type: ignore[misc,valid-type]
            def __init__(self, *given: Any) -> None:
                self._worker = TrialWorker(NoOpRunner())

        return NoOpActor
