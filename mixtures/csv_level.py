"""A factor's level as a cell of a table has it: text, made what the field is.

Tables know no types: `1` may be a number of tokens or a ratio, `TRUE` is how spreadsheets write it.
The field says what is meant, and the study which levels there are.
"""

from typing import TYPE_CHECKING

from mixtures.csv_cell import unguarded
from mixtures.factor_levels import levels_of_request
from mixtures.factors import KINDS, Level
from mixtures.value import InvalidField

if TYPE_CHECKING:
    from mixtures.study import StudySpec

_TRUTH = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}


def csv_level(study: "StudySpec", name: str, cell: str, field: str) -> Level:
    """The level of the study's factor `name` that the cell says; raises InvalidField at `field`.

    The message says which levels the study has.
    """
    axis = next(axis for axis in study.axes if axis.name == name)
    level = _typed(unguarded(cell).strip(), KINDS[axis.name].type)
    if level is None:
        raise InvalidField(field, cell, f"expected {axis.levels_in_words}")
    try:
        return levels_of_request(study, {name: level})[name]
    except InvalidField as error:
        raise InvalidField(field, cell, str(error)) from error


def _typed(text: str, kind: type) -> Level | None:
    """None where the text is nothing of this kind. Tables write whole numbers as 60000.0, too."""
    if kind is str:
        return text
    if kind is bool:
        return _TRUTH.get(text.lower())
    try:
        number = float(text)
    except ValueError:
        return None
    if kind is int:
        return int(number) if number.is_integer() else None
    return number
