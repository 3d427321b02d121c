"""A study run dry: everything counted, nothing trained; what would fill the disk is refused."""

import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.workers.tiny_study import tiny_config, tiny_study, write_data
from workers.check import check_data
from workers.files import DataError
from workers.study_check import check_study


def test_a_check_counts_tokens_epochs_time_and_disk_and_trains_nothing(tmp_path: Path) -> None:
    config = tiny_config(tmp_path / "home", write_data(tmp_path / "data"))
    study = tiny_study(decay={"tokens": 12_800}, full_run={"decay_tokens": 128_000})
    found = check_study(study, config)
    # Shares 0, 0.5 and the paper's 0.64, two seeds each.
    assert found.num_trials == 6
    assert found.train_tokens == 2560 + 6 * 12_800
    assert list(found.epochs) == ["0", "0.5", "0.64"]
    tokens = found.sources["sums"].num_tokens
    assert found.sources["sums"].bytes_per_token > 1
    documents = found.data.sources["sums"].num_documents
    assert found.sources["sums"].tokens_per_document == round(tokens / documents, 2)
    available = (tokens - 1) // 32 * 32
    assert found.epochs["0.5"]["sums"].full_run == pytest.approx(64_000 / available)
    assert any("sums is read" in note and note.startswith("At 64 %") for note in found.notes)
    assert found.benchmarks["test_sums"].num_items == 12
    assert found.tokens_per_second > 0
    assert found.stable_seconds == pytest.approx(2560 / found.tokens_per_second, abs=0.1)
    decay_seconds = 12_800 / found.tokens_per_second
    scored = found.trial_seconds - decay_seconds
    assert scored == pytest.approx(found.evaluation_seconds, abs=0.2)
    assert 0 < found.disk_bytes < found.free_bytes
    assert not (tmp_path / "home" / "stable").exists()
    assert not (tmp_path / "home" / "decay").exists()


def test_every_stable_phase_and_every_length_of_decay_is_counted(tmp_path: Path) -> None:
    config = tiny_config(tmp_path / "home", write_data(tmp_path / "data"))
    study = tiny_study(
        space={
            "sft_share": [0.0, 0.5],
            "factors": {
                "proxy.tied_embedding": [True, False],
                "decay.tokens": [2_560, 12_800],
                "decay.form": ["exponential", "linear"],
            },
        },
        decay={"tokens": 12_800},
        baselines={},
        search={},
        budget={"max_trials": 40},
        seeds=[0],
    )
    found = check_study(study, config)
    # Two shares, two embeddings, two lengths, two forms; the embedding alone needs a stable phase.
    assert (found.num_trials, found.num_stable_phases) == (16, 2)
    assert found.first_trials.tokens == 8 * 2_560 + 8 * 12_800
    assert found.train_tokens == 2 * 2560 + found.first_trials.tokens
    hours = found.num_trials * found.trial_seconds / 3600
    # The seconds of a trial are told to a tenth, the hours to a tenth of a thousandth.
    told = 0.05 * found.num_trials / 3600 + 0.00005
    assert found.first_trials.hours == pytest.approx(hours, rel=0.2, abs=told)
    assert found.search_at_most is not None
    assert (found.search_at_most.num_trials, found.search_limit) == (24, "budget.max_trials")
    assert found.search_at_most.tokens == 24 * 7_680
    assert any("up to 24 trials, 184,320 tokens" in note for note in found.notes)


def test_a_disk_that_is_too_full_is_said_before_anything_is_built(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = tiny_config(tmp_path / "home", write_data(tmp_path / "data"))

    def nearly_full(_: Any) -> Any:
        return shutil._ntuple_diskusage(10**9, 10**9 - 1000, 1000)  # type: ignore[attr-defined]

    monkeypatch.setattr(shutil, "disk_usage", nearly_full)
    with pytest.raises(DataError, match="has 0 MB free: make room, set DECAYMIX_HOME"):
        check_data(tiny_study().recipe, config)
    assert list((tmp_path / "home").iterdir()) == []
