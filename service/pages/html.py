"""Templates to HTML answers. Every value is escaped; a misspelt one is an error, not a blank."""

from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.responses import HTMLResponse

from service.pages.numbers import FILTERS

_SERVICE = Path(__file__).resolve().parent.parent


def html_page(template: str, status: int = 200, **values: Any) -> HTMLResponse:
    """The template, filled in."""
    text = _environment().get_template(template).render(values)
    return HTMLResponse(text, status)


@cache
def static_url(name: str) -> str:
    """The address of one of our static files; it changes with the content, so no copy is stale."""
    content = (_SERVICE / "static" / name).read_bytes()
    return f"/static/{name}?v={sha256(content).hexdigest()[:12]}"


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(_SERVICE / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {one.__name__: one for one in FILTERS}
    environment.globals["static_url"] = static_url
    return environment
