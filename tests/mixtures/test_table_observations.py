"""A table is read with its own study alone: no row of another one is taken for this one's."""

import pytest

from mixtures.design import first_trials
from mixtures.finished_trials import TableRow, trials_table
from mixtures.study import StudySpec
from mixtures.table_observations import table_observations
from mixtures.trial import TrialState
from mixtures.value import InvalidField
from tests.db.made_up import make_result
from tests.mixtures.share_study import make_study

FORMS = {"decay.form": ["exponential", "linear"]}
RATES = {"optimiser.peak_lr": [0.005, 0.01]}


def study_of(factors: dict[str, list[object]]) -> StudySpec:
    return make_study(space={"sft_share": [0.5, 1.0], "factors": factors})


def table_of(study: StudySpec) -> str:
    rows = [
        TableRow(
            spec=spec,
            state=TrialState.COMPLETE,
            result=make_result(spec.trial_id, 1, math=1.0 + number, code=2.0),
            failure=None,
            chosen_by=None,
            started_at=None,
            finished_at=None,
            note="",
            tags=(),
        )
        for number, spec in enumerate(first_trials(study, "study-1", {}))
    ]
    return trials_table(study, rows)


def test_every_completed_row_is_an_observation_at_its_levels() -> None:
    study = study_of(FORMS)
    specs = first_trials(study, "study-1", {})
    found = table_observations(table_of(study), study).observations
    assert [one.trial_id for one in found] == [spec.trial_id for spec in specs]
    assert [one.factors for one in found] == [spec.factors for spec in specs]
    assert [one.scores for one in found] == [
        {"math": 1.0 + number, "code": 2.0} for number in range(len(specs))
    ]


@pytest.mark.parametrize(
    ("made", "read", "field", "words"),
    [
        ({}, FORMS, "decay.form", r"expected one of \['exponential', 'linear'\]"),
        (FORMS, {}, "decay.form", r"no factor of the study; there are \[\]"),
        (FORMS, RATES, "optimiser.peak_lr", r"expected one of \[0\.005, 0\.01\]"),
        (FORMS, {"decay.form": ["exponential", "cosine"]}, "decay.form", "expected one of"),
    ],
)
def test_a_table_of_other_factors_is_refused(
    made: dict[str, list[object]], read: dict[str, list[object]], field: str, words: str
) -> None:
    with pytest.raises(InvalidField, match=words) as caught:
        table_observations(table_of(study_of(made)), study_of(read))
    line, _, column = caught.value.field.partition(".")
    assert (column, line.startswith("line ")) == (f"factor:{field}", True)
