"""Which items are scored: a fixed subset, drawn once by seed, never the first of the file.

With strata (a subject, a level, a group's task) each gets its share of the subset, rounded by
largest remainders, so that the subset looks like the whole.
"""

from collections.abc import Sequence

from workers.stream import named_generator


def draw_subset(strata: Sequence[str], size: int, name: str, data_seed: int) -> list[int]:
    """Indices of up to `size` items, ascending; `strata` has the stratum of every item."""
    order = named_generator("benchmark", name, data_seed).permutation(len(strata)).tolist()
    if size >= len(strata):
        return sorted(order)
    members: dict[str, list[int]] = {}
    for index in order:
        members.setdefault(strata[index], []).append(index)
    exact = {stratum: size * len(found) / len(strata) for stratum, found in members.items()}
    taken = {stratum: int(share) for stratum, share in exact.items()}
    # Of equal remainders the stratum that the permutation met first gets the item.
    by_remainder = sorted(members, key=lambda stratum: taken[stratum] - exact[stratum])
    for stratum in by_remainder[: size - sum(taken.values())]:
        taken[stratum] += 1
    return sorted(index for stratum, found in members.items() for index in found[: taken[stratum]])
