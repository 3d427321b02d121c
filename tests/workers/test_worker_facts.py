"""A worker's name and memory, as this very process has them."""

import os

from mixtures.trial import Progress
from workers.worker_facts import worker_facts


def test_facts_are_fields_of_progress_and_those_of_this_process() -> None:
    progress = Progress(trial_id="t", attempt=1, phase="decay").model_copy(update=worker_facts())
    assert progress.worker is not None
    assert progress.worker.endswith(f":{os.getpid()}")
    assert progress.memory_bytes is not None
    # numpy and pydantic alone take more than twenty megabytes.
    assert 20_000_000 < progress.memory_bytes < 10_000_000_000
    assert Progress.model_validate_json(progress.canonical()) == progress
