"""CSV tables of a team's own trials: what is read, and which words name what is wrong."""

import pytest

from mixtures.own_tables import BadTable, read_mixtures, read_scores


def test_mixtures_are_read_and_brought_to_a_sum_of_one() -> None:
    found = read_mixtures("id,web,code\na,0.25,0.75\nb,0.5,0.49\n", "m.csv")
    assert found.ids == ("a", "b")
    assert found.sources == ("web", "code")
    assert found.shares[0].tolist() == [0.25, 0.75]
    assert found.shares[1] == pytest.approx([0.5 / 0.99, 0.49 / 0.99])


def test_the_id_may_be_called_index_and_stand_anywhere_and_excel_may_have_saved_it() -> None:
    found = read_mixtures("\ufeffweb,index,code\r\n1,7,0\r\n\r\n0,8,1\r\n", "m.csv")
    assert found.ids == ("7", "8")
    assert found.shares.tolist() == [[1.0, 0.0], [0.0, 1.0]]


def test_an_id_that_a_report_put_behind_an_apostrophe_is_the_same_id() -> None:
    found = read_mixtures("id,web,code\n'=a,1,0\n-b,0,1\n", "m.csv")
    assert found.ids == ("=a", "-b")


def test_candidates_may_have_their_columns_in_another_order() -> None:
    found = read_mixtures("id,code,web\na,1,0\n", "c.csv", sources=("web", "code"))
    assert found.sources == ("web", "code")
    assert found.shares.tolist() == [[0.0, 1.0]]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "empty"),
        ("web,code\n1,0\n", "name the id"),
        ("id,index,web,code\n1,1,1,0\n", "name the id"),
        ("id,web\na,1\n", "1 source columns"),
        ("id,web,web\na,1,0\n", "'web' stands twice"),
        ("id,web,code\n", "no rows"),
        ("id,web,code\na,1\n", "row 2: 2 cells, the header has 3"),
        ("id,web,code\na,1,0\na,0,1\n", "row 3: id 'a' stands twice"),
        ("id,web,code\na,1,0\n,0,1\n", "row 3: column 'id' is empty"),
        ("id,web,code\na,1,much\n", r"row 2 \(id a\): column 'code' is 'much', expected a number"),
        ("id,web,code\na,1.2,-0.2\n", r"row 2 \(id a\): column 'code' is -0.2"),
        ("id,web,code\na,1,\n", r"row 2 \(id a\): column 'code' is ''"),
        ("id,web,code\na,1,0\nb,0.9,0.05\n", r"row 3 \(id b\): shares sum to 0.95, expected 1"),
        ("id,web,code\na,40,60\n", "are these per cent"),
        ("id,web,code\na,nan,1\n", "column 'web' is nan"),
    ],
)
def test_bad_mixtures_are_named_by_file_row_and_column(text: str, message: str) -> None:
    with pytest.raises(BadTable, match=message) as caught:
        read_mixtures(text, "m.csv")
    assert str(caught.value).startswith("m.csv")


def test_a_sum_two_hundredths_off_is_forgiven_and_a_solvers_minus_zero_too() -> None:
    found = read_mixtures("id,web,code\na,1.02,-1e-9\n", "m.csv")
    assert found.shares.tolist() == [[1.0, 0.0]]


def test_candidates_of_other_sources_are_refused() -> None:
    with pytest.raises(BadTable, match="books"):
        read_mixtures("id,web,books\na,1,0\n", "c.csv", sources=("web", "code"))


def test_scores_are_read_with_their_repeats_and_gaps() -> None:
    found = read_scores("id,gsm8k,piqa\na,0.25,NaN\na,0.5,\nb,inf,1e-3\n", "s.csv")
    assert found.metrics == ("gsm8k", "piqa")
    assert [row.id for row in found.rows] == ["a", "a", "b"]
    assert found.rows[0].values == {"gsm8k": 0.25}
    assert found.rows[0].missing == {"piqa": "no score"}
    assert found.rows[2].missing == {"gsm8k": "the score is inf"}
    assert found.decimals == {"gsm8k": 2, "piqa": 3}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("id\na\n", "no metric columns"),
        ("id,gsm8k\n", "no rows"),
        ("id,gsm8k\na,good\n", r"s.csv row 2 \(id a\): column 'gsm8k' is 'good'"),
        ('id,gsm8k\na,"1\n', "row 2: unexpected end of data"),
    ],
)
def test_bad_scores_are_named(text: str, message: str) -> None:
    with pytest.raises(BadTable, match=message):
        read_scores(text, "s.csv")
