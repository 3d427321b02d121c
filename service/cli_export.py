"""`./run decaymix export`: the recommended mixture as a file for a trainer."""

import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from mixtures.export.formats import FORMATS
from mixtures.export.trainer_format import PLACEHOLDER
from service.connection import Study, client
from service.terminal import BAD_INPUT, Json, fail, line, show


def export(
    study: Study,
    format: Annotated[str, typer.Option(help="one of `export-formats`")] = "yaml",
    out: Annotated[Path | None, typer.Option(help="a file instead of the screen")] = None,
    path: Annotated[
        list[str] | None,
        typer.Option(help="NAME=PATH of a source, as the trainer has it; once or more a source"),
    ] = None,
    tokens_per_document: Annotated[
        list[str] | None,
        typer.Option(help="NAME=N of a source: mean length in tokens, for the trainer's tokenizer"),
    ] = None,
    counts: Annotated[
        str | None, typer.Option(help="what the trainer draws, where a format has a choice")
    ] = None,
    force: Annotated[
        bool, typer.Option("--force", help="also where there is not enough evidence")
    ] = False,
    json: Json = False,
) -> None:
    """The recommended mixture as a file for a trainer."""
    chosen = "json" if json and format == "yaml" else format
    if json and chosen != "json":
        fail(f"--json asks for the format json, --format for {format!r}; give one", BAD_INPUT)
    if chosen not in FORMATS:
        fail(f"--format is {format!r}, expected one of {', '.join(FORMATS)}", BAD_INPUT)
    with client() as connected:
        text = connected.export(
            connected.study_id(study),
            chosen,
            path=path,
            tokens_per_document=tokens_per_document,
            counts=counts,
            force=force,
        )
    if PLACEHOLDER in text:
        # Not on the screen's standard output: that is the file.
        print(
            f"decaymix: put your paths where {PLACEHOLDER}... stands, or give --path NAME=PATH; a "
            f"path is {FORMATS[chosen].path_is}",
            file=sys.stderr,
        )
    if out is None:
        print(text, end="")
        return
    try:
        out.write_text(text, encoding="utf-8")
    except OSError as error:
        fail(f"cannot write {out}: {error.strerror}", BAD_INPUT)
    print(out)


def export_formats(json: Json = False) -> None:
    """The formats of `export`: which trainer, written for which version, what it counts."""

    def lines(out: Console) -> None:
        for one in found:
            counts = " or ".join(one["counts"])
            line(out, f"{one['name']:11} {one['trainer']} ({one['written_for']}), {counts}")

    with client() as connected:
        found = connected.export_formats()
        show(json, found, lines)
