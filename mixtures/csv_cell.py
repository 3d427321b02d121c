"""Text in CSV that people open in a spreadsheet, which runs a cell that begins like a formula.

Such a cell gets an apostrophe in front, as OWASP advises ("CSV Injection"), and reading takes one
away again: what is written comes back as it was, apostrophes of its own included.
"""

import re

_FORMULA = re.compile(r"'*[=+\-@\t\r]")
_GUARDED = re.compile(r"'+[=+\-@\t\r]")


def guarded(cell: object) -> object:
    """`cell` as it may be written: text that is a formula, and no number, behind an apostrophe."""
    if not isinstance(cell, str) or not _FORMULA.match(cell) or _is_number(cell):
        return cell
    return f"'{cell}"


def unguarded(cell: str) -> str:
    """The text that `guarded` made this of."""
    return cell[1:] if _GUARDED.match(cell) else cell


def _is_number(text: str) -> bool:
    # Python takes white space before a number, a spreadsheet looks at it first.
    if text[0].isspace():
        return False
    try:
        float(text)
    except ValueError:
        return False
    return True
