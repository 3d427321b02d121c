"""Jinja templates that map the fields of a record to text; sandboxed, as they come from users.

The sandbox keeps them from Python's internals. The size of what they make is bounded as well, so
that a slip in one does not fill the memory; their time is not.
"""

import re
from typing import Any

from jinja2 import StrictUndefined, TemplateError, TemplateSyntaxError, Undefined
from jinja2.runtime import Context
from jinja2.sandbox import ImmutableSandboxedEnvironment

from workers.files import DataError

# Of one rendered text, in characters: a long book has a few million.
MOST_CHARACTERS = 20_000_000
_LARGEST_BASE, _LARGEST_EXPONENT = 1_000_000, 100


class _Environment(ImmutableSandboxedEnvironment):
    # Intercepted operators are not computed when the template is compiled either.
    intercepted_binops = frozenset({"*", "**"})

    def call_binop(self, context: Context, operator: str, left: Any, right: Any) -> Any:
        """Refuses what makes much of little: 'a' * 10 ** 9, 10 ** 10 ** 9."""
        if operator == "**" and (abs(left) > _LARGEST_BASE or abs(right) > _LARGEST_EXPONENT):
            raise ValueError(
                f"{left} ** {right}: expected a base up to {_LARGEST_BASE} and an exponent up to "
                f"{_LARGEST_EXPONENT}"
            )
        for sequence, times in ((left, right), (right, left)):
            if hasattr(sequence, "__len__") and len(sequence) * times > MOST_CHARACTERS:
                raise ValueError(f"* makes more than {MOST_CHARACTERS} characters or items")
        return super().call_binop(context, operator, left, right)


def _empty_for_null(value: Any) -> Any:
    """A null in the data is no text: 'None' would be trained on, and scored as an answer."""
    return "" if value is None else value


_ENVIRONMENT = _Environment(undefined=StrictUndefined, autoescape=False, finalize=_empty_for_null)
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
