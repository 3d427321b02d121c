"""The tiny study's data and what every trial of it shares, built once."""

from pathlib import Path

import pytest

from tests.workers.tiny_study import tiny_config, tiny_trial, write_data
from workers.config import WorkerConfig
from workers.prepare import Prepared, prepare


@pytest.fixture(scope="session")
def tiny_root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_data(tmp_path_factory.mktemp("tiny") / "data")


@pytest.fixture(scope="session")
def shared_config(tmp_path_factory: pytest.TempPathFactory, tiny_root: Path) -> WorkerConfig:
    """One home for the tests that only read what was built there."""
    return tiny_config(tmp_path_factory.mktemp("shared"), tiny_root)


@pytest.fixture(scope="session")
def prepared(shared_config: WorkerConfig) -> Prepared:
    spec = tiny_trial(shared_config, 0.5, 0)
    return prepare(spec.recipe, spec.data_hashes, shared_config, lambda done, total: None)
