"""`./run decaymix try`: more mixtures for a study, one share or a file of very many."""

import json as json_text
import math
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from service.connection import Study, client
from service.show import counted
from service.terminal import BAD_INPUT, FAILED, Json, fail, line, print_json, show, text_of

# Of very many mistakes in a file the first are enough to find the cause.
_MOST_SHOWN = 10


def try_share(
    study: Study,
    sft_share: Annotated[
        float | None, typer.Option(help="share of SFT in the decay, 0 to 1")
    ] = None,
    seed: Annotated[int | None, typer.Option(help="one seed instead of the study's")] = None,
    file: Annotated[
        Path | None,
        typer.Option(help="wishes as JSON (a list) or JSON lines, as the API takes them"),
    ] = None,
    json: Json = False,
) -> None:
    """Add a mixture to a study, or each of a file: exit code 1 where some were not taken."""
    if (sft_share is None) == (file is None):
        fail("give one of --sft-share and --file", BAD_INPUT)
    if file is not None:
        if seed is not None:
            fail("--seed goes with --sft-share; a wish of a file has its own", BAD_INPUT)
        _try_file(study, file, json)
        return
    assert sft_share is not None
    if not math.isfinite(sft_share):
        fail(f"--sft-share = {sft_share}: expected a number from 0 to 1", BAD_INPUT)
    wanted: dict[str, Any] = {"sft_share": sft_share}
    if seed is not None:
        wanted["seed"] = seed
    with client() as connected:
        answer = connected.submit_trials(connected.study_id(study), wanted)
        show(json, answer, lambda out: out.print(f"{answer['num_new']} new trials"))


def _try_file(study: str, file: Path, as_json: bool) -> None:
    wishes = _wishes(file)
    err = Console(stderr=True)
    refused: list[tuple[int, dict[str, Any]]] = []
    num_new = 0
    with client() as connected:
        results: Iterable[dict[str, Any]] = connected.submit_batch(
            connected.study_id(study), wishes
        )
        for index, result in enumerate(counted(err, results, len(wishes), "wishes sent")):
            num_new += result["num_new"]
            if as_json:
                print_json(result)
            if result["errors"]:
                refused.append((index, result["errors"][0]))
    if not as_json:
        line(Console(), f"{num_new} new trials of {len(wishes)} wishes")
    for index, error in refused[:_MOST_SHOWN]:
        field = error["field"].partition(".")[2] or error["field"]
        line(err, f"wish {index + 1}: {field} = {error['value']!r}: {error['message']}")
    if refused:
        fail(f"{len(refused)} of {len(wishes)} wishes were not taken", FAILED)


def _wishes(file: Path) -> list[dict[str, Any]]:
    text = text_of(file)
    try:
        found = list(_lines(text)) if file.suffix == ".jsonl" else json_text.loads(text)
    except json_text.JSONDecodeError as error:
        fail(f"{file}: no JSON: {error}", BAD_INPUT)
    if not isinstance(found, list) or not all(isinstance(one, dict) for one in found):
        fail(f"{file}: expected a list of objects, or .jsonl with one in each line", BAD_INPUT)
    return found


def _lines(text: str) -> Iterator[Any]:
    for number, one in enumerate(text.splitlines(), start=1):
        if one.strip():
            try:
                yield json_text.loads(one)
            except json_text.JSONDecodeError as error:
                raise json_text.JSONDecodeError(
                    f"line {number}: {error.msg}", one, error.pos
                ) from error
