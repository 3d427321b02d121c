"""Trials of an outside team whose stored average is not what its parts say."""

import numpy as np

from mixtures.named_objectives import asked_objective, observations_of
from mixtures.observation import Observation, complete_observations, contradicting
from mixtures.rank import leaderboard
from mixtures.study import StudySpec
from mixtures.study_answer import answer_study
from mixtures.study_fits import fit_study
from tests.mixtures.outside_study import make_outside_study
from tests.mixtures.share_study import make_study, observe


def with_average(wrong: int | None) -> list[Observation]:
    found = []
    for place in range(6):
        math, code = 2.0 + place * 0.25, 1.0 + (place % 3) * 0.5
        average = (math + code) / 2 + (1.0 if place == wrong else 0.0)
        found.append(
            Observation(
                trial_id=f"t{place}",
                shares={"web": 1 - place / 10, "chat": place / 10},
                sft_share=place / 10,
                seed=0,
                scores={"math": math, "code": code, "average": average},
            )
        )
    return found


def study(weight: float) -> StudySpec:
    objective = {"metric": "loss", "better": "higher", "weights": {"average": weight}}
    return make_outside_study(
        benchmarks=[{"name": name} for name in ("math", "code", "average")], objective=objective
    )


def test_a_row_whose_average_is_wrong_is_named_and_not_used_whatever_the_average_weighs() -> None:
    # As stored the fourth has an average of 2.875; by its parts (2.75 + 1) / 2 = 1.875.
    for weight in (0.0, 1.0):
        complete, notes = complete_observations(study(weight), with_average(wrong=3))
        assert [one.trial_id for one in complete] == ["t0", "t1", "t2", "t4", "t5"]
        said = "Trial t3 is left out: its stored average is 2.875, and 1.875 by its parts."
        assert notes == [said]
        board = leaderboard(study(weight), with_average(wrong=3))
        assert "t3" not in {trial for row in board.rows for trial in row.trial_ids}
        assert said in board.notes
        (flag,) = answer_study(study(weight), with_average(wrong=3)).leaderboard.flagged
        assert (flag.trial_id, flag.benchmark) == ("t3", "average")
        assert (flag.stored, flag.recomputed) == (2.875, 1.875)


def test_such_a_row_is_in_no_other_fit_either() -> None:
    # Ten mixtures: as many as a fit of many sources takes, and one more that is left out.
    rng = np.random.default_rng(0)
    trials = []
    for place, draw in enumerate(rng.dirichlet(np.ones(4), 11)):
        math, code = 2.0 + place * 0.25, 1.0 + (place % 3) * 0.5
        average = (math + code) / 2 + (1.0 if place == 3 else 0.0)
        trials.append(
            Observation(
                trial_id=f"t{place:02}",
                shares=dict(zip(("web", "books", "chat", "proofs"), draw.tolist(), strict=True)),
                sft_share=round(float(draw[2] + draw[3]), 9),
                seed=0,
                scores={"math": math, "code": code, "average": average},
            )
        )
    fits = fit_study(study(0.0), trials)
    assert "t03" not in {one.trial_id for one in fits.trials}
    assert len(fits.trials) == 10
    assert any("Trial t03 is left out: its stored average" in note for note in fits.notes)
    # Of one benchmark alone nobody could tell any more that the row contradicts itself.
    asked = asked_objective(study(0.0), "math")
    found, _ = observations_of(study(0.0), [asked], {"loss": trials})
    assert "t03" not in {one.trial_id for one in found}
    assert len(found) == 10


def test_right_averages_are_used_and_nothing_is_said() -> None:
    complete, notes = complete_observations(study(0.0), with_average(wrong=None))
    assert (len(complete), notes) == (6, [])


def test_our_own_workers_averages_are_their_parts() -> None:
    ours = make_study(("math", "code", "average"))
    trials = [
        observe(ours, share, 0, math=2 + share, code=1.0, average=9.0 if share else 1.5)
        for share in (0.0, 0.2, 0.5, 0.8)
    ]
    assert contradicting(ours, trials) == []
