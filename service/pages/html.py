"""Templates to HTML answers. Every value is escaped; a misspelt one is an error, not a blank."""

from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.responses import HTMLResponse, Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

from service.pages.numbers import FILTERS
from service.pages.plotly import plotly_style_ids, plotly_url

_SERVICE = Path(__file__).resolve().parent.parent
_STATIC = _SERVICE / "static"

# The entries of the navigation with their keys, in order; a page that has one adds it here.
NAVIGATION = (
    ("/", "Studies", "s"),
    ("/studies/new", "New study", "n"),
    ("/compare", "Compare", "c"),
    ("/cluster", "Cluster", "w"),
    ("/settings", "Settings", "e"),
)


def html_page(template: str, status: int = 200, **values: Any) -> HTMLResponse:
    """The template, filled in."""
    text = _environment().get_template(template).render(values)
    return HTMLResponse(text, status)


class StaticFolder(StaticFiles):
    """Our scripts and styles. Their address changes with their content, so no copy is stale."""

    def __init__(self) -> None:
        super().__init__(directory=_STATIC)

    async def get_response(self, path: str, scope: Scope) -> Response:
        response = await super().get_response(path, scope)
        response.headers["Cache-Control"] = "public, max-age=31536000, immutable"
        return response


def static_url(name: str) -> str:
    """The address of one of our static files.

    The hash of all of them is a folder in it, so that a script imports its neighbours by relative
    addresses and gets those of its own version.
    """
    assert (_STATIC / name).is_file(), name
    return f"/static/{_static_version()}/{name}"


@cache
def _static_version() -> str:
    content = sha256()
    for file in sorted(_STATIC.iterdir()):
        content.update(file.name.encode() + b"\0" + file.read_bytes())
    return content.hexdigest()[:12]


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
    environment.globals |= {
        "static_url": static_url,
        "navigation": NAVIGATION,
        "plotly_url": plotly_url(),
        "plotly_style_ids": " ".join(plotly_style_ids()),
    }
    return environment
