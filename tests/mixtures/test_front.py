"""The part of a Pareto front that a recommendation carries, and how a subset is named."""

from mixtures.front import MOST_SHOWN, ParetoFront, ParetoRow, shown_front
from mixtures.named_subset import subset_notes, subset_words


def row(place: int, on_front: bool) -> ParetoRow:
    return ParetoRow(
        shares={"web": 1.0},
        sft_share=0.0,
        trial_ids=(f"t{place}",),
        is_baseline=(),
        raw={},
        mean={},
        sd={},
        on_raw_front=True,
        on_front=on_front,
        p_on_front=1.0 - place / 100,
    )


def front(on_front: list[bool]) -> ParetoFront:
    return ParetoFront(
        objectives=(),
        rows=tuple(row(place, is_on) for place, is_on in enumerate(on_front)),
        error_correlation=(),
        surrogate="stack",
        as_of="abc",
        notes=("Before.",),
    )


def test_only_what_no_other_beats_by_the_means_is_shown() -> None:
    shown = shown_front(front([True, False, True]))
    assert [one.trial_ids[0] for one in shown.rows] == ["t0", "t2"]
    assert shown.notes == ("Before.",)


def test_of_many_the_most_probable_are_shown_and_the_note_says_of_how_many() -> None:
    shown = shown_front(front([True] * (MOST_SHOWN + 5)))
    assert [one.trial_ids[0] for one in shown.rows] == [f"t{place}" for place in range(MOST_SHOWN)]
    assert shown.notes[1].startswith("The 12 of 17 mixtures most probably on the Pareto front")


def test_a_subset_is_named_alike_by_every_answer() -> None:
    words = subset_words(128, 128, 1_372, "evenly by rank")
    assert words == (
        "the 128 best mixtures by mean score and 128 of the 1,372 others, evenly by rank"
    )
    assert subset_notes(words) == [f"Fitted to a subset: {words}."]
    assert subset_notes(None) == []
