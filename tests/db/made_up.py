"""Results and failures made up for a trial."""

from mixtures.trial import CurvePoint, Score, TrialFailure, TrialResult


def make_result(trial_id: str, attempt: int, **scores: float) -> TrialResult:
    """A result with these scores in bits per byte."""
    return TrialResult(
        trial_id=trial_id,
        attempt=attempt,
        scores=tuple(
            Score(
                benchmark=name,
                metric="bits_per_byte",
                value=value,
                num_items=10,
                standard_error=0.125,
            )
            for name, value in scores.items()
        ),
        curve=(CurvePoint(tokens=2048, loss=3.5, learning_rate=0.01),),
        source_tokens={"web": 1024, "chat": 1024},
        epochs={"web": 0.25, "chat": 4.0},
        weights_sha256="ab" * 32,
        stable_checkpoint="feed",
        tokenizer="beef",
        wall_seconds={"prepare": 1.0, "stable": 2.0, "decay": 30.0, "evaluate": 10.0},
        decay_tokens_per_second=5000.0,
        worker="host:1",
        versions={"torch": "2"},
    )


def make_failure(trial_id: str, attempt: int, kind: str = "error") -> TrialFailure:
    return TrialFailure.model_validate(
        {
            "trial_id": trial_id,
            "attempt": attempt,
            "kind": kind,
            "message": "RuntimeError: the disk sneezed",
            "traceback": "Traceback ...",
        }
    )
