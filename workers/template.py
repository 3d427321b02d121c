"""Jinja templates that map the fields of a record to text; sandboxed, as they come from users."""

from typing import Any

from jinja2 import StrictUndefined, TemplateSyntaxError, UndefinedError
from jinja2.exceptions import SecurityError
from jinja2.sandbox import ImmutableSandboxedEnvironment

from workers.files import DataError

_ENVIRONMENT = ImmutableSandboxedEnvironment(undefined=StrictUndefined, autoescape=False)


class FieldTemplate:
    """One template; `render(record, line)` gives its text or raises DataError naming the fields."""

    def __init__(self, text: str, field: str) -> None:
        self.text, self.field = text, field
        try:
            self._template = _ENVIRONMENT.from_string(text)
        except TemplateSyntaxError as error:
            raise DataError(field, text, f"not a Jinja template: {error.message}") from error

    def render(self, record: dict[str, Any], line_number: int) -> str:
        try:
            return self._template.render(record)
        except (UndefinedError, SecurityError, TypeError, ValueError) as error:
            raise DataError(
                self.field,
                self.text,
                f"line {line_number}: {error}; the fields there are {sorted(record)}",
            ) from error
