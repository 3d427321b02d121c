"""A runner that trains nothing: its scores follow a known curve, at once and always the same."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from mixtures.benchmark import BITS_PER_BYTE
from mixtures.source import SourceSize
from mixtures.trial import CurvePoint, Progress, Score, TrialResult, TrialSpec
from workers.stream import named_generator


def true_score(sft_share: float) -> float:
    """A curve with its lowest point at 0.6."""
    return 3.0 + (sft_share - 0.6) ** 2


@dataclass
class PretendRunner:
    """`fail` maps a share to what its trial raises; `gate`, if given, holds every trial."""

    noise: float = 0.004
    seconds: float = 0.0
    fail: dict[float, Exception] = field(default_factory=dict)
    gate: threading.Event | None = None
    # Tokens per document; None is a runner of before there were sizes.
    document_tokens: dict[str, int] | None = field(
        default_factory=lambda: {"pretrain": 200, "sft": 10}
    )
    attempts: list[tuple[float, int, int]] = field(default_factory=list)

    def run(
        self, spec: TrialSpec, attempt: int, on_progress: Callable[[Progress], None]
    ) -> TrialResult:
        self.attempts.append((spec.sft_share, spec.seed, attempt))
        steps, total = 20, spec.decay.tokens
        curve = []
        for step in range(1, steps + 1):
            tokens = total * step // steps
            loss = 6.0 - 3.0 * step / steps
            on_progress(
                Progress(
                    trial_id=spec.trial_id,
                    attempt=attempt,
                    phase="decay",
                    done=tokens,
                    total=total,
                    tokens_per_second=8000.0,
                    loss=loss,
                )
            )
            while self.gate is not None and not self.gate.wait(0.02):
                on_progress(
                    Progress(trial_id=spec.trial_id, attempt=attempt, phase="decay", total=total)
                )
            time.sleep(self.seconds / steps)
            curve.append(CurvePoint(tokens=tokens, loss=loss, learning_rate=0.01 * 0.5**step))
        if spec.sft_share in self.fail:
            raise self.fail[spec.sft_share]
        scores = []
        for benchmark in spec.recipe.benchmarks:
            draw = named_generator("pretend", benchmark.name, str(spec.sft_share), spec.seed)
            scores.append(
                Score(
                    benchmark=benchmark.name,
                    metric=BITS_PER_BYTE,
                    value=true_score(spec.sft_share) + self.noise * float(draw.normal()),
                    num_items=128,
                    standard_error=0.02,
                )
            )
        return TrialResult(
            trial_id=spec.trial_id,
            attempt=attempt,
            scores=tuple(scores),
            curve=tuple(curve),
            source_tokens={name: int(s * total) for name, s in spec.mixture.shares.items()},
            epochs={name: s for name, s in spec.mixture.shares.items()},
            available_tokens={
                source.name: 1_000_000 if source.kind == "pretrain" else 10_000
                for source in spec.recipe.sources
            },
            source_sizes={
                source.name: SourceSize(
                    num_documents=50, num_tokens=50 * self.document_tokens[source.kind]
                )
                for source in spec.recipe.sources
                if self.document_tokens is not None
            },
            weights_sha256="0" * 64,
            stable_checkpoint="pretend",
            tokenizer="pretend",
            wall_seconds={"prepare": 0.0, "stable": 0.0, "decay": self.seconds, "evaluate": 0.0},
            decay_tokens_per_second=8000.0,
            worker="pretend:1",
            versions={"torch": "none"},
        )
