"""The table of mixtures: what a filter lets through, in which order, a page at a time."""

from collections.abc import Sequence

import pytest

from mixtures.rank import Observation, leaderboard
from service.errors import BadInput
from service.pages.mixture_table import MixtureFilter, MixtureTable, TableQuery
from tests.mixtures.share_study import make_study

SHARES = (0.0, 0.2, 0.4, 0.64, 1.0)


def table(values: Sequence[float] = (5.0, 3.0, 2.0, 1.0, 4.0), seeds: int = 2) -> MixtureTable:
    """One mixture a share; the trial of seed 1 scores a little more than that of seed 0."""
    study = make_study()
    names = [benchmark.name for benchmark in study.ranked_benchmarks]
    found = [
        Observation(
            trial_id=f"t{place}{seed}",
            shares=study.mixture_at(share).shares,
            sft_share=share,
            seed=seed,
            scores=dict.fromkeys(names, value + seed / 100 * (1 + place % 2)),
        )
        for place, (share, value) in enumerate(zip(SHARES, values, strict=True))
        for seed in range(seeds)
    ]
    return MixtureTable(study, leaderboard(study, found))


def shares_of(table: MixtureTable, **query: object) -> list[float]:
    page = table.page(TableQuery.model_validate(query), "v")
    return [row.sft_share for row in page.rows]


def test_rows_come_in_the_leaderboards_order_and_turn_round() -> None:
    assert shares_of(table()) == [0.64, 0.4, 0.2, 1.0, 0.0]
    assert shares_of(table(), sort="-rank") == [0.0, 1.0, 0.2, 0.4, 0.64]
    assert shares_of(table(), sort="share") == [0.0, 0.2, 0.4, 0.64, 1.0]


def test_what_is_not_known_comes_last_in_both_directions() -> None:
    # A baseline has no difference to itself.
    for sort in ("against:paper", "-against:paper"):
        assert shares_of(table(), sort=sort)[-1] == 0.64


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        ({"share_from": 0.2, "share_to": 0.64}, [0.64, 0.4, 0.2]),
        ({"q": "PAPER"}, [0.64]),
        ({"q": "t21"}, [0.4]),
        ({"q": "nothing of the sort"}, []),
        ({"trials_from": 3}, []),
        ({"tied": True}, [0.64]),
    ],
)
def test_a_filter_lets_through_what_it_says(
    wanted: dict[str, object], expected: list[float]
) -> None:
    assert shares_of(table(), **wanted) == expected


def test_pages_follow_each_other_without_a_gap() -> None:
    found, after = [], None
    for _ in range(3):
        page = table().page(TableQuery(limit=2, after=after, sort="share"), "v")
        assert (page.num_mixtures, page.num_matching) == (5, 5)
        found += [row.sft_share for row in page.rows]
        after = page.next_after
    assert found == list(SHARES)
    assert after is None


def test_a_page_after_a_row_that_is_gone_is_the_first() -> None:
    assert shares_of(table(), after="gone", limit=1) == [0.64]


def test_no_trial_makes_no_row_and_no_error() -> None:
    study = make_study()
    empty = MixtureTable(study, leaderboard(study, []))
    assert shares_of(empty, q="x", tied=True, sort="-mean") == []
    assert len(empty.matching(MixtureFilter())) == 0


def test_an_unknown_column_is_named() -> None:
    with pytest.raises(BadInput, match=r"no such column; there are .*share"):
        shares_of(table(), sort="size")
    with pytest.raises(BadInput, match="no such column"):
        table().shown_columns(["size"])


def test_chosen_columns_are_shown_in_their_usual_order() -> None:
    keys = [column.key for column in table().shown_columns(["trials", "mean"])]
    assert keys == ["rank", "share", "mean", "trials"]


def test_columns_of_a_fit_may_be_named_before_it_is_there() -> None:
    columns = table().shown_columns(["p_best", "mean"])
    assert [column.key for column in columns] == ["rank", "share", "mean"]
    assert not {"posterior", "p_best", "p_top", "regret"} & {one.key for one in table().columns}
    # Nothing is known to order by, so the leaderboard's order stays.
    assert shares_of(table(), sort="-posterior") == shares_of(table())
