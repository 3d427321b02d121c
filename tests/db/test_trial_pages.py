"""Pages of trials: each trial once, in order, however the pages are cut."""

import pytest

from db import trials
from db.database import Database
from db.labels import change_trial
from db.trial_pages import SORTS, ListedTrial, Wanted, all_trials, count_matching, trial_page
from mixtures.design import first_trials
from mixtures.labels import TrialChange
from mixtures.study import StudySpec
from mixtures.trial import TrialState
from mixtures.value import InvalidField
from tests.db.made_up import make_failure, make_result
from tests.mixtures.share_study import make_study

WEIGHTS = {"math": 3.0, "code": 1.0}


@pytest.fixture
def study() -> StudySpec:
    shares = [tenth / 10 for tenth in range(11)]
    return make_study(
        space={"sft_share": shares},
        baselines={"pretrain_only": 0.0},
        objective={"weights": WEIGHTS},
    )


@pytest.fixture
def filled(database: Database, study: StudySpec) -> Database:
    """22 trials: 15 complete, of which the last lacks a score, one failed, the rest waiting."""
    specs = first_trials(study, "study-1", {})
    with database.write() as session:
        trials.insert_trials(session, specs)
        trials.insert_trials(session, first_trials(study, "study-2", {}))
    for number, spec in enumerate(specs[:16]):
        with database.write() as session:
            trials.claim(session, spec.trial_id)
        with database.write() as session:
            if number == 15:
                trials.record_failure(session, make_failure(spec.trial_id, 1))
                continue
            scores = {"math": 1.0 + number % 4, "code": float(number)}
            if number == 14:
                scores.pop("code")
            trials.record_result(session, make_result(spec.trial_id, 1, **scores))
    return database


def pages(
    database: Database, study: StudySpec, wanted: Wanted, limit: int
) -> list[list[ListedTrial]]:
    found = []
    after = None
    while True:
        with database.read() as session:
            page, after = trial_page(session, "study-1", study, wanted, after, limit)
        found.append(page)
        if after is None:
            return found


def value(study: StudySpec, trial: ListedTrial, key: str, order: list[str]) -> float | None:
    if key == "objective":
        whole = set(trial.scores) == set(WEIGHTS)
        # By hand: three parts math, one part code.
        return (3 * trial.scores["math"] + trial.scores["code"]) / 4 if whole else None
    if key == "finished_at":
        is_ended = trial.state in (TrialState.COMPLETE, TrialState.FAILED)
        return float(order.index(trial.id)) if is_ended else None
    return float(order.index(trial.id)) if key == "position" else float(getattr(trial, key))


def test_pages_in_any_order_hold_each_trial_once(filled: Database, study: StudySpec) -> None:
    with filled.read() as session:
        everything = all_trials(session, "study-1", study)
    order = [trial.id for trial in everything]
    for sort in SORTS:
        key, sign = sort.removeprefix("-"), -1 if sort.startswith("-") else 1

        def place(trial: ListedTrial, key: str = key, sign: int = sign) -> tuple[bool, float, int]:
            by = value(study, trial, key, order)
            return by is None, sign * (by or 0.0), order.index(trial.id)

        for limit in (4, 22):
            found = pages(filled, study, Wanted(sort=sort), limit)
            assert all(len(page) == limit for page in found[:-1])
            listed = [trial.id for page in found for trial in page]
            assert listed == [t.id for t in sorted(everything, key=place)], (sort, limit)


def test_a_page_holds_what_matches_and_says_how_many_there_are(
    filled: Database, study: StudySpec
) -> None:
    with filled.write() as session:
        some = [trial.id for trial in all_trials(session, "study-1", study)][3:6]
        for trial_id in some:
            change_trial(session, trial_id, TrialChange(note="Odd CURVE", tags=("late night",)))

    def ids(**wanted: object) -> list[str]:
        asked = Wanted.model_validate(wanted)
        found = [trial.id for page in pages(filled, study, asked, 2) for trial in page]
        with filled.read() as session:
            assert count_matching(session, "study-1", asked) == len(found)
        return found

    assert ids(q="curve odd") == some
    assert ids(tag="late night") == some
    assert ids(tag="late") == []
    assert len(ids(q="sneezed")) == 1
    assert len(ids(states=["FAILED", "WAITING"])) == 7
    assert ids(q=some[0][:10]) == some[:1]
    assert ids(q="100%_") == []


def test_what_comes_meanwhile_moves_no_page(filled: Database, study: StudySpec) -> None:
    wanted = Wanted(sort="-sft_share")
    with filled.read() as session:
        first, after = trial_page(session, "study-1", study, wanted, None, 5)
    more = [one.model_copy(update={"seed": 9}) for one in first_trials(study, "study-1", {})[:11]]
    with filled.write() as session:
        trials.insert_trials(session, more)
    with filled.read() as session:
        second, _ = trial_page(session, "study-1", study, wanted, after, 50)
    assert not {trial.id for trial in first} & {trial.id for trial in second}
    assert len(second) == 22 - 5 + 11 - sum(one.sft_share > first[-1].sft_share for one in more)


def test_what_is_no_cursor_of_this_order_is_refused(filled: Database, study: StudySpec) -> None:
    with filled.read() as session:
        for after in ("nonsense", "W10", ""):
            with pytest.raises(InvalidField, match="no cursor"):
                trial_page(session, "study-1", study, Wanted(), after, 5)
        _, after = trial_page(session, "study-1", study, Wanted(sort="seed"), None, 5)
        with pytest.raises(InvalidField, match="another order than 'position'"):
            trial_page(session, "study-1", study, Wanted(), after, 5)
