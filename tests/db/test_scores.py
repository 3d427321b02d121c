"""Scores: what ranking reads, of completed trials alone."""

from db.database import Database
from db.scores import observations
from db.trials import claim, insert_trials, record_failure, record_result
from mixtures.trial import Score, TrialSpec
from tests.db.made_up import make_failure, make_result


def test_completed_trials_are_observed_in_claiming_order(
    database: Database, specs: list[TrialSpec]
) -> None:
    with database.write() as session:
        insert_trials(session, specs)
        for spec in specs[:4]:
            claim(session, spec.trial_id)
        # Completed in another order than claimed; one fails, one runs, two wait.
        record_result(session, make_result(specs[2].trial_id, 1, math=1.5, code=2.5))
        record_result(session, make_result(specs[0].trial_id, 1, math=1.0, code=2.0))
        record_failure(session, make_failure(specs[1].trial_id, 1))
    with database.read() as session:
        found = observations(session, "study-1", "bits_per_byte")
    assert [one.trial_id for one in found] == [specs[0].trial_id, specs[2].trial_id]
    assert [one.scores for one in found] == [
        {"code": 2.0, "math": 1.0},
        {"code": 2.5, "math": 1.5},
    ]
    # Shares inside the groups: three quarters web, SFT uniform.
    assert found[1].shares == {"web": 0.375, "books": 0.125, "chat": 0.25, "proofs": 0.25}
    assert (found[1].sft_share, found[1].seed) == (0.5, 0)


def test_only_the_metric_asked_for_is_read(database: Database, specs: list[TrialSpec]) -> None:
    result = make_result(specs[0].trial_id, 1, math=1.0)
    accuracy = Score(benchmark="math", metric="acc", value=0.5, num_items=10)
    with database.write() as session:
        insert_trials(session, specs)
        claim(session, specs[0].trial_id)
        record_result(session, result.model_copy(update={"scores": (*result.scores, accuracy)}))
    with database.read() as session:
        assert [one.scores for one in observations(session, "study-1", "acc")] == [{"math": 0.5}]
        assert observations(session, "another", "acc") == []
