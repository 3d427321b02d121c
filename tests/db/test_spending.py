"""How many tokens the trials of a study read, each by its own decay."""

from db import trials
from db.database import Database
from db.spending import tokens_by_state
from mixtures.trial import TrialSpec, TrialState
from tests.db.made_up import make_result


def test_tokens_are_those_of_each_trials_own_decay(
    database: Database, specs: list[TrialSpec]
) -> None:
    lengths = [10_000, 20_000, 40_000, 80_000, 160_000, 320_000]
    changed = [
        one.model_copy(update={"decay": one.decay.model_copy(update={"tokens": num})})
        for one, num in zip(specs, lengths, strict=True)
    ]
    with database.write() as session:
        trials.insert_trials(session, changed)
    with database.write() as session:
        for one in changed[:3]:
            trials.claim(session, one.trial_id)
    with database.write() as session:
        trials.record_result(session, make_result(changed[1].trial_id, 1, math=1.0))
        trials.cancel(session, changed[5].trial_id)
    with database.read() as session:
        found = tokens_by_state(session, "study-1")
    assert found == {
        TrialState.WAITING: 240_000,
        TrialState.RUNNING: 50_000,
        TrialState.COMPLETE: 20_000,
        TrialState.CANCELLED: 320_000,
        TrialState.FAILED: 0,
    }
