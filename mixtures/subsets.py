"""Which subset of the data a trial reads, where a study has several (`data_seeds`).

A decay that repeats its sources as often as the full run reads a part of each, and which part it is
moves a score as the order does (Marin keeps the two noises apart: docs/decisions.md). Seeds take
turns with the subsets, so no trial is added for it: of seeds 0 to 3 with two subsets 0 and 2 read
the first, 1 and 3 the second, and seeds are nested in subsets.
"""

from typing import TYPE_CHECKING

from mixtures.value import InvalidField

if TYPE_CHECKING:
    from mixtures.study import StudySpec


def require_subsets_fit(study: "StudySpec") -> None:
    """Raises InvalidField where subsets could not be told from seeds, or would all be the same."""
    count = study.data_seeds
    if count == 1:
        return
    if study.trained_by == "workers" and study.full_run is None:
        raise InvalidField(
            "data_seeds",
            count,
            "without full_run a trial may read all of every source and there is one subset of it; "
            "give full_run, or leave data_seeds out",
        )
    read = [seed % count for seed in study.seeds]
    if set(read) != set(range(count)) or len(read) == count:
        raise InvalidField(
            "data_seeds",
            count,
            f"seeds {list(study.seeds)} read the subsets {read} (seed modulo data_seeds); give "
            f"seeds that read all of 0 to {count - 1}, and one of them twice",
        )
