"""A database in a folder of its own, and one small study's trials."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from db.database import Database
from mixtures.design import first_trials
from mixtures.study import StudySpec
from mixtures.trial import TrialSpec
from tests.mixtures.share_study import make_study


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    database = Database(tmp_path / "home" / "decaymix.duckdb")
    yield database
    database.close()


@pytest.fixture
def study() -> StudySpec:
    return make_study(space={"sft_share": [0.0, 0.5, 1.0]}, baselines={"pretrain_only": 0.0})


@pytest.fixture
def specs(study: StudySpec) -> list[TrialSpec]:
    """Six trials: shares 0, 1, 0.5 with seed 0, then with seed 1."""
    return first_trials(study, "study-1", {"sources.web": "0" * 64})
