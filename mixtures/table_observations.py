"""What statistics read of a table of trials, without the home or the data that made it.

The table is that of `trials --csv` (`finished_trials.py`), which a study that goes on takes in
after it has held each row to its data. Here nothing is trained, so rows are held to the study
alone: the same ones give the same answer as in the home that they are from.
"""

from dataclasses import dataclass
from typing import Any

from mixtures.factor_levels import levels_of_request
from mixtures.factors import Level
from mixtures.finished_cells import Cells, levels, number, whole
from mixtures.finished_trials import table_cells
from mixtures.mixture import Mixture, sft_share
from mixtures.observation import Observation
from mixtures.study import StudySpec
from mixtures.trial import TrialState
from mixtures.value import InvalidField


@dataclass(frozen=True, kw_only=True, slots=True)
class TableObservations:
    """Of the COMPLETE rows, in the objective's metric; `available_tokens` of each source, as the
    first of them that tells found it.
    """

    observations: tuple[Observation, ...]
    available_tokens: dict[str, int]


def table_observations(text: str, study: StudySpec) -> TableObservations:
    """Raises InvalidField at the first row that is none of such a study."""
    found: list[Observation] = []
    tokens: dict[str, int] = {}
    for cells in table_cells(text, study, "(file)"):
        if cells["state"] != TrialState.COMPLETE:
            continue
        found.append(_observation(cells, study))
        tokens = tokens or _tokens(cells)
    return TableObservations(observations=tuple(found), available_tokens=tokens)


def _observation(cells: Cells, study: StudySpec) -> Observation:
    shares = {one.name: number(cells, f"share:{one.name}") for one in study.sources}
    metric = study.objective.metric
    names = sorted(
        benchmark
        for benchmark, _, own in (name.partition(":") for name in cells.names("score:"))
        if own == metric and cells[f"score:{benchmark}:{metric}"]
    )
    errors = {name: f"standard_error:{name}:{metric}" for name in names}
    return Observation(
        trial_id=cells["trial_id"],
        shares=shares,
        sft_share=sft_share(Mixture(shares=shares), study.sources),
        seed=whole(cells, "seed"),
        scores={name: number(cells, f"score:{name}:{metric}") for name in names},
        standard_errors={
            name: number(cells, column) for name, column in errors.items() if cells.get(column)
        },
        factors=_levels(cells, study),
    )


def _levels(cells: Cells, study: StudySpec) -> dict[str, Level]:
    """Of a study's own table every row has a level of every factor, and of no other."""
    found = levels(cells)
    for axis in study.axes:
        if axis.name not in found:
            raise cells.wrong(f"factor:{axis.name}", f"expected {axis.levels_in_words}")
    try:
        return levels_of_request(study, found)
    except InvalidField as error:
        column = error.field.replace("factors.", "factor:", 1)
        raise cells.wrong(column, str(error)) from error


def _tokens(cells: Cells) -> dict[str, int]:
    rest: Any = cells.json("result", {})
    found = rest.get("available_tokens", {}) if isinstance(rest, dict) else {}
    if not isinstance(found, dict) or not all(type(one) is int for one in found.values()):
        raise cells.wrong("result", "expected what the export wrote there")
    return dict(found)
