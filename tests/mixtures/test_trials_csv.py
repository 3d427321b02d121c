"""Trials from CSV: columns by name, shares that nearly sum to 1, errors with their line."""

import pytest

from mixtures.trials_csv import ToldRow, read_trials
from mixtures.value import InvalidField
from tests.mixtures.outside_study import make_outside_study

HEADER = "seed,web,books,chat,proofs,math,code"


def read(*lines: str) -> list[object]:
    return [
        (row.line, row.shares, row.seed, {s.benchmark: s.value for s in row.scores})
        for row in read_trials("\n".join(lines), make_outside_study())
    ]


def test_a_row_is_a_mixture_a_seed_and_scores() -> None:
    assert read(HEADER, "7,0.5,0.1,0.3,0.1,2.5,1.5") == [
        (2, {"web": 0.5, "books": 0.1, "chat": 0.3, "proofs": 0.1}, 7, {"math": 2.5, "code": 1.5})
    ]


def test_a_source_that_is_not_named_has_no_share_and_metrics_may_be_others() -> None:
    (row,) = read_trials(
        "share:web,share:chat,score:math,score:code,score:code:acc\n0.5,0.5,2,3,0.25\n",
        make_outside_study(),
    )
    assert row.shares == {"web": 0.5, "books": 0.0, "chat": 0.5, "proofs": 0.0}
    assert [(s.benchmark, s.metric, s.value) for s in row.scores] == [
        ("math", "loss", 2.0),
        ("code", "loss", 3.0),
        ("code", "acc", 0.25),
    ]


def test_rows_that_repeat_a_mixture_without_a_seed_are_repeats() -> None:
    found = read(
        "web,chat,math,code", "0.5,0.5,2,3", "1,0,2,3", "0.5,0.5,2.1,3.1", "", "0.5,0.5,2.2,3.2"
    )
    assert [row[2] for row in found] == [0, 0, 1, 2]


def test_shares_within_two_hundredths_are_brought_to_one() -> None:
    ((_, shares, _, _),) = read("web,chat,math,code", "0.33,0.66,2,3")
    assert shares == {
        "web": pytest.approx(1 / 3),
        "books": 0.0,
        "chat": pytest.approx(2 / 3),
        "proofs": 0.0,
    }


@pytest.mark.parametrize(
    ("lines", "field", "words"),
    [
        ([""], "(body)", "the file is empty"),
        (["web,chats,math,code"], "line 1", "no column has this name"),
        (["web,web,math,code"], "line 1", "there twice"),
        (["web,chat,math,code", "0.5,0.4,2,3"], "line 2", "the shares sum to 0.9"),
        (["webb,chat,math,code", "0.5,0.5,2,3"], "line 2", "no source is called 'webb'"),
        (["web,chat,math,code", "0.5,0.5,2,3", "0.5,half,2,3"], "line 3.chat", "expected a number"),
        (["web,chat,math,code", "0.5,0.5,nan,3"], "line 2.math", "expected a finite number"),
        (["web,chat,math,code", "0.5,0.5,2"], "line 2", "3 cells, expected 4"),
        (["web,chat,math,code", "0.5,0.5,,3"], "line 2", "the objective needs loss of math"),
        ([HEADER, "0.5,0.5,0.1,0.3,0.1,2.5,1.5"], "line 2.seed", "expected a whole number"),
        (["web,chat,math,code", "-0.5,1.5,2,3"], "line 2.web", "expected a share"),
    ],
)
def test_what_is_wrong_is_said_with_its_line(lines: list[str], field: str, words: str) -> None:
    with pytest.raises(InvalidField, match=words) as error:
        read(*lines)
    assert error.value.field == field


def averaged(wrong: int, name: str = "average") -> list[str]:
    lines = [f"web,chat,math,code,{name}"]
    for place in range(5):
        math, code = 2.0 + place * 0.25, 1.0 + (place % 3) * 0.5
        average = (math + code) / 2 + (1.0 if place == wrong else 0.0)
        lines.append(f"{1 - place / 10},{place / 10},{math},{code},{average}")
    return lines


def test_an_average_beside_the_benchmarks_is_checked_and_wrong_rows_are_flagged() -> None:
    rows = read_trials("\n".join(averaged(wrong=2)), make_outside_study())
    assert [row.is_unusable for row in rows] == [False, False, True, False, False]
    flag = rows[2].flagged
    # (2.5 + 2) / 2 by its parts, on line 4 of the file.
    assert flag is not None
    assert (flag.trial_id, flag.benchmark) == ("4", "average")
    assert (flag.stored, flag.recomputed) == (3.25, 2.25)
    assert {one.benchmark for one in rows[0].scores} == {"math", "code"}


def test_an_average_that_is_a_benchmark_of_the_study_is_kept_and_flagged_all_the_same() -> None:
    study = make_outside_study(benchmarks=[{"name": n} for n in ("math", "code", "average")])
    rows = read_trials("\n".join(averaged(wrong=2)), study)
    assert rows[2].flagged is not None and not rows[2].is_unusable
    assert {one.benchmark for one in rows[0].scores} == {"math", "code", "average"}


def test_a_column_that_sums_up_nothing_is_refused_as_before() -> None:
    lines = averaged(wrong=2)
    lines[1:] = [f"{line[: line.rindex(',')]},{place**2}" for place, line in enumerate(lines[1:])]
    with pytest.raises(InvalidField, match="no column has this name, and it is no mean or sum"):
        read_trials("\n".join(lines), make_outside_study())


FACTORS = {
    "decay.form": ["exponential", "linear"],
    "decay.tokens": [50_000, 100_000],
    "proxy.tied_embedding": [True, False],
    "decay.lr_ratio": {"low": 0.1, "high": 1.0},
}
OF_LEVELS = "web,chat,math,code,decay.form,factor:decay.tokens,proxy.tied_embedding,decay.lr_ratio"


def with_factors(*lines: str) -> list[ToldRow]:
    space = {"sft_share_range": [0.0, 1.0], "free_groups": ["sft", "pretrain"], "factors": FACTORS}
    return read_trials("\n".join(lines), make_outside_study(space=space))


def test_levels_are_read_as_what_their_fields_are_and_the_studys_own_where_none_is_given() -> None:
    rows = with_factors(
        OF_LEVELS, "0.5,0.5,2,3,linear,50000.0,FALSE,0.5", "0.5,0.5,2,3,,,,", "0.5,0.5,2,3,,,,1"
    )
    assert rows[0].factors == {
        "decay.form": "linear",
        "decay.tokens": 50_000,
        "proxy.tied_embedding": False,
        "decay.lr_ratio": 0.5,
    }
    assert type(rows[0].factors["decay.tokens"]) is int
    own = {"decay.form": "exponential", "decay.tokens": 100_000, "proxy.tied_embedding": True}
    assert rows[1].factors == {**own, "decay.lr_ratio": 1.0}
    # The third is at the same levels as the second, so it is its repeat; the first is not.
    assert [row.seed for row in rows] == [0, 0, 1]


@pytest.mark.parametrize(
    ("cells", "field", "words"),
    [
        ("cosine,50000,true,.5", "line 2.decay.form", "expected one of"),
        ("linear,50000.5,true,.5", "line 2.factor:decay.tokens", r"one of \[50000, 100000\]"),
        ("linear,75000,true,.5", "line 2.factor:decay.tokens", r"one of \[50000, 100000\]"),
        ("linear,50000,maybe,.5", "line 2.proxy.tied_embedding", r"one of \[True, False\]"),
        ("linear,50000,true,2", "line 2.decay.lr_ratio", "a number from 0.1 to 1"),
        ("linear,50000,true,high", "line 2.decay.lr_ratio", "a number from 0.1 to 1"),
    ],
)
def test_a_level_that_the_study_has_not_is_said_with_its_cell(
    cells: str, field: str, words: str
) -> None:
    with pytest.raises(InvalidField, match=words) as error:
        with_factors(OF_LEVELS, f"0.5,0.5,2,3,{cells}")
    assert (error.value.field, error.value.value) == (field, cells.split(",")[FIELDS[field]])


FIELDS = {
    "line 2.decay.form": 0,
    "line 2.factor:decay.tokens": 1,
    "line 2.proxy.tied_embedding": 2,
    "line 2.decay.lr_ratio": 3,
}


def test_a_factor_that_the_study_has_not_is_refused_by_its_column() -> None:
    with pytest.raises(InvalidField, match="names no factor of the study; there are") as error:
        with_factors("web,chat,math,code,factor:decay.optimiser", "0.5,0.5,2,3,adamw")
    assert (error.value.field, error.value.value) == ("line 1", "factor:decay.optimiser")
