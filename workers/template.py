"""Jinja templates that map the fields of a record to text; sandboxed, as they come from users."""

from typing import Any

from jinja2 import StrictUndefined, TemplateError, TemplateSyntaxError
from jinja2.sandbox import ImmutableSandboxedEnvironment

from workers.files import DataError

_ENVIRONMENT = ImmutableSandboxedEnvironment(undefined=StrictUndefined, autoescape=False)
# What an expression over a user's values can raise; all of it is the template's or the record's.
_ERRORS = (
    TemplateError,
    ArithmeticError,
    AttributeError,
    LookupError,
    MemoryError,
    RecursionError,
    TypeError,
    ValueError,
)


class FieldTemplate:
    """One template; `render(record, place)` gives its text or raises DataError naming the fields.

    `place` says which record of which file it is.
    """

    def __init__(self, text: str, field: str) -> None:
        self.text, self.field = text, field
        try:
            self._template = _ENVIRONMENT.from_string(text)
        except TemplateSyntaxError as error:
            raise DataError(field, text, f"not a Jinja template: {error.message}") from error

    def render(self, record: dict[str, Any], place: str) -> str:
        try:
            text = self._template.render(record)
            # A lone surrogate, which JSON can hold, is no character: no tokenizer takes it.
            text.encode("utf-8")
        except _ERRORS as error:
            raise _cannot(self.field, self.text, place, record, error) from error
        return text


class RecordFilter:
    """A Jinja expression; `keeps(record, place)` says whether it is true of a record."""

    def __init__(self, text: str, field: str) -> None:
        self.text, self.field = text, field
        try:
            self._expression = _ENVIRONMENT.compile_expression(text, undefined_to_none=False)
        except TemplateSyntaxError as error:
            raise DataError(field, text, f"not a Jinja expression: {error.message}") from error

    def keeps(self, record: dict[str, Any], place: str) -> bool:
        try:
            return bool(self._expression(record))
        except _ERRORS as error:
            raise _cannot(self.field, self.text, place, record, error) from error


def _cannot(
    field: str, text: str, place: str, record: dict[str, Any], error: BaseException
) -> DataError:
    return DataError(field, text, f"{place}: {error}; the fields there are {sorted(record)}")
