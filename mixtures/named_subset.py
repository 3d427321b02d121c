"""How every answer names the mixtures that it was fitted to, where these are not all.

A leaderboard takes 2,000 mixtures and what asks for a surrogate of each benchmark 256, so one study
may have two subsets; a reader tells them apart by the same words in both.
"""


def subset_words(num_best: int, num_others: int, out_of: int, how: str) -> str:
    """`the 128 best mixtures by mean score and 128 of the 372 others, evenly by rank`."""
    return (
        f"the {num_best:,} best mixtures by mean score and {num_others:,} of the {out_of:,} "
        f"others, {how}"
    )


def subset_notes(subset: str | None) -> list[str]:
    """The sentence of it; none where all were fitted."""
    return [] if subset is None else [f"Fitted to a subset: {subset}."]
