"""The homes that the service's benchmark makes up are what a study of that size would leave."""

from pathlib import Path

import pytest

from bench.service_load.studies import home_with_trials
from db.database import Database
from db.scores import last_completed, observations
from db.studies import get_study
from db.trials import get_trial
from mixtures.observation import complete_observations, mixture_key
from mixtures.rank import leaderboard


def test_a_made_up_home_holds_whole_trials_of_its_study(tmp_path: Path) -> None:
    study_id = home_with_trials(tmp_path, num_trials=40, num_benchmarks=3)
    database = Database(tmp_path / "decaymix.duckdb")
    with database.read() as session:
        study = get_study(session, study_id).spec
        found = observations(session, study_id, "loss")
        last = last_completed(session, study_id)
        trial = get_trial(session, last or "")
    database.close()
    complete, notes = complete_observations(study, found)
    assert (len(complete), notes) == (40, [])
    assert last == found[-1].trial_id
    for one in found:
        assert sum(one.shares.values()) == pytest.approx(1.0)
        assert one.shares["chat"] + one.shares["proofs"] == pytest.approx(one.sft_share)
    assert trial.spec.mixture.shares == found[-1].shares
    # Two seeds a mixture.
    assert len({mixture_key(one.shares) for one in found}) == 20
    assert {row.seeds for row in leaderboard(study, found).rows} == {(0, 1)}
