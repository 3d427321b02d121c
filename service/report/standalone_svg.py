"""A figure of a page as an SVG file that stands by itself.

On a page its colours are classes (static/figures.css); a file carries these rules along, in the
light colours of static/page.css, on a ground of its own. The same figure gives the same bytes: no
date, no drawn name. Drawn by the service: nothing of it needs a browser or another library.
"""

import re
from functools import cache
from importlib.resources import files

from markupsafe import Markup

from service.pages.figure import tag

_VIEW_BOX = re.compile(r'viewBox="0 0 ([\d.]+) ([\d.]+)"')
_GAP = 12


def standalone(drawing: Markup) -> str:
    """The file's text, of what `service.pages.figure.drawing` gave."""
    width, height = size_of(drawing)
    inside = drawing.partition(">")[2]
    style = tag("style", Markup(_style()))
    ground = tag("rect", width=f"{width:g}", height=f"{height:g}", fill=_colours()["card"])
    head = str(drawing)[: len(drawing) - len(inside)]
    head = head.replace("<svg ", f'<svg width="{width:g}" height="{height:g}" ', 1)
    return f"{head}{style}{ground}{inside}\n"


def side_by_side(drawings: list[Markup], label: str, columns: int = 2) -> Markup:
    """One drawing of several, row by row."""
    sizes = [size_of(one) for one in drawings]
    wide, high = max(width for width, _ in sizes), max(height for _, height in sizes)
    columns = min(columns, len(drawings))
    parts = [
        tag(
            "svg",
            one,
            x=f"{place % columns * (wide + _GAP):g}",
            y=f"{place // columns * (high + _GAP):g}",
            width=f"{width:g}",
            height=f"{height:g}",
        )
        for place, (one, (width, height)) in enumerate(zip(drawings, sizes, strict=True))
    ]
    num_rows = -(-len(drawings) // columns)
    return tag(
        "svg",
        Markup("").join(parts),
        xmlns="http://www.w3.org/2000/svg",
        class_="drawing",
        viewBox=f"0 0 {columns * (wide + _GAP) - _GAP:g} {num_rows * (high + _GAP) - _GAP:g}",
        role="img",
        aria_label=label,
    )


def size_of(drawing: Markup) -> tuple[float, float]:
    """Width and height of its view."""
    found = _VIEW_BOX.search(drawing)
    assert found is not None, "a drawing has a view box"
    return float(found[1]), float(found[2])


@cache
def _style() -> str:
    """The rules of drawings, outside of all that depends on a screen."""
    colours = _colours()
    kept = []
    for selectors, body in re.findall(
        r"^([^@\s{][^{\n]*)\{([^}]*)\}", _static("figures.css"), re.M
    ):
        names = [one.strip() for one in selectors.split(",")]
        names = [name for name in names if name.startswith(".drawing ")]
        body = re.sub(r"var\(--(\w+)\)", lambda found: colours[found[1]], body.strip())
        if names:
            kept.append(f"{', '.join(names)} {{ {body} }}")
    return "\n" + "\n".join(kept) + "\n"


@cache
def _colours() -> dict[str, str]:
    """Of the light page: the first rule of page.css."""
    first = _static("page.css").partition(":root {")[2].partition("}")[0]
    return dict(re.findall(r"--([\w-]+): (#\w+);", first))


def _static(name: str) -> str:
    return (files("service") / "static" / name).read_text(encoding="utf-8")
