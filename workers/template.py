"""Jinja templates that map the fields of a record to text; sandboxed, as they come from users."""

import re
from typing import Any

from jinja2 import StrictUndefined, TemplateError, TemplateSyntaxError, Undefined

from workers.files import DataError
from workers.sandbox import MOST_CHARACTERS, Sandbox


def _empty_for_null(value: Any) -> Any:
    """A null in the data is no text: 'None' would be trained on, and scored as an answer."""
    return "" if value is None else value


_ENVIRONMENT = Sandbox(undefined=StrictUndefined, autoescape=False, finalize=_empty_for_null)
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
        except RecursionError as error:
            raise DataError(field, text, "not a Jinja template: nested too deeply") from error

    def render(self, record: dict[str, Any], place: str) -> str:
        parts, size = [], 0
        _ENVIRONMENT.start()
        try:
            for part in self._template.generate(record):
                parts.append(part)
                size += len(part)
                if size > MOST_CHARACTERS:
                    raise ValueError(f"it makes a text of over {MOST_CHARACTERS} characters")
            text = "".join(parts)
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
        except RecursionError as error:
            raise DataError(field, text, "not a Jinja expression: nested too deeply") from error

    def keeps(self, record: dict[str, Any], place: str) -> bool:
        _ENVIRONMENT.start()
        try:
            return bool(self._expression(record))
        except _ERRORS as error:
            raise _cannot(self.field, self.text, place, record, error) from error


class FieldExpression:
    """One `{{ expression }}` whose value is wanted and not its text: a list, a number."""

    def __init__(self, text: str, field: str) -> None:
        self.text, self.field = text, field
        inside = re.fullmatch(r"\s*\{\{(.*)\}\}\s*", text, re.DOTALL)
        if inside is None:
            raise DataError(
                field, text, "expected one expression in braces, e.g. {{ choices }}, and no more"
            )
        try:
            self._expression = _ENVIRONMENT.compile_expression(inside[1], undefined_to_none=False)
        except TemplateSyntaxError as error:
            raise DataError(field, text, f"not a Jinja expression: {error.message}") from error

    def value(self, record: dict[str, Any], place: str) -> Any:
        """The expression over one record; raises DataError naming the fields there are."""
        _ENVIRONMENT.start()
        try:
            value = self._expression(record)
            if isinstance(value, Undefined):
                str(value)  # a strict undefined says here what is missing
            return value
        except _ERRORS as error:
            raise _cannot(self.field, self.text, place, record, error) from error


def _cannot(
    field: str, text: str, place: str, record: dict[str, Any], error: BaseException
) -> DataError:
    said = str(error) or type(error).__name__
    return DataError(field, text, f"{place}: {said}; the fields there are {sorted(record)}")
