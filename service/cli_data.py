"""`./run decaymix source` and `study`: a look at data and a study run dry, with no controller."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer
import yaml
from pydantic import ValidationError
from rich.console import Console
from rich.table import Table

from service.show import amount, duration, percent
from service.terminal import (
    BAD_INPUT,
    Json,
    at_field,
    fail,
    in_file,
    line,
    run_worker_code,
    settings_or_fail,
    show,
    text_of,
)

if TYPE_CHECKING:
    from mixtures.outside_check import OutsideCheck

source_app = typer.Typer(help="Look at data before it is in a study.", no_args_is_help=True)
study_app = typer.Typer(help="Check a study before it is submitted.", no_args_is_help=True)


@source_app.command()
def preview(
    file: Annotated[Path, typer.Argument(help="a data file")],
    json: Json = False,
) -> None:
    """Fields, guessed templates, three items as they are trained on, and tokens."""
    if file.is_dir():
        fail(f"cannot read {file}: it is a folder; name a file in it", BAD_INPUT)
    if not file.is_file():
        here = "" if file.is_absolute() else f" in {Path.cwd()}"
        fail(f"cannot read {file}: no such file{here}", BAD_INPUT)
    found = _call("workers.source_preview:preview_file", file.absolute())
    show(json, found, lambda out: _show_preview(out, found))


ProxyOption = Annotated[
    str | None,
    typer.Option(help="train this preset instead of the file's; the study's name gets it too"),
]


def study_text(file: Path, proxy: str | None) -> tuple[str, Literal["yaml", "json"]]:
    """A study's file, and what it is written in; at another proxy where one is given."""
    text = text_of(file)
    kind: Literal["yaml", "json"] = "json" if file.suffix == ".json" else "yaml"
    if proxy is None:
        return text, kind
    # Imported here, as in `check`.
    from service.at_proxy import at_proxy

    with _problems_in_oneline(file):
        return at_proxy(text, kind, proxy), "json"


@study_app.command()
def check(
    file: Annotated[Path, typer.Argument(help="a study as YAML or JSON")],
    proxy: ProxyOption = None,
    json: Json = False,
) -> None:
    """Read, tokenise and build all of a study's data; tell what is wrong, tokens, time, disk.

    Of a study that is trained outside nothing is read; --proxy says how large its model is.
    """
    # Imported here: FastAPI takes half a second, which other commands need not wait for.
    from mixtures.outside_check import check_outside
    from mixtures.proxy import Proxy
    from mixtures.study import StudySpec
    from service.body import parse_json, parse_yaml

    text, kind = study_text(file, None)
    with _problems_in_oneline(file):
        data = parse_json(text) if kind == "json" else parse_yaml(text)
        is_outside = isinstance(data, dict) and data.get("trained_by") == "outside"
        if proxy is not None and not is_outside:
            data = parse_json(study_text(file, proxy)[0])
        spec = StudySpec.model_validate(data)
    if is_outside:
        cost = check_outside(spec, None if proxy is None else Proxy.model_validate(proxy))
        show(json, cost.model_dump(mode="json"), lambda out: _show_outside(out, cost))
        return
    found = _call("workers.study_check:check_study", spec)
    show(json, found, lambda out: _show_check(out, found))


def _call(function: str, *arguments: Any) -> dict[str, Any]:
    from service.state import worker_config

    config = worker_config(settings_or_fail())
    found: dict[str, Any] = run_worker_code(function, *arguments, config).model_dump(mode="json")
    return found


@contextmanager
def _problems_in_oneline(file: Path) -> Iterator[None]:
    from fastapi.exceptions import RequestValidationError

    from service.errors import BadInput, field_errors, sentence

    try:
        yield
    except BadInput as error:
        fail(in_file(file, f"{at_field(error.field, error.value)}: {error.message}"), BAD_INPUT)
    except ValidationError as error:
        # As of a request's body, which is what the file would be.
        found = [{**one, "loc": ("body", *one["loc"])} for one in error.errors()]
        fail(in_file(file, sentence(field_errors(RequestValidationError(found)))), BAD_INPUT)


def _show_preview(out: Console, found: dict[str, Any]) -> None:
    for name, kind in found["fields"].items():
        line(out, f"{name:16} {kind}")
    line(
        out,
        f"\n{found['num_documents']:,} documents, {found['num_bytes']:,} bytes, about "
        f"{found['num_tokens']:,} tokens ({found['bytes_per_token']} bytes a token, vocabulary "
        f"{found['vocab_size']:,})",
    )
    for number, item in enumerate(found["items"], start=1):
        line(out, f"\n--- item {number}, {item['num_tokens']} tokens\n{item['text']}")
    line(out, "\n--- to paste into a study; the file is named relative to a data root")
    source = {"sources": [found["source"]]}
    line(out, yaml.dump(source, Dumper=_Pasted, sort_keys=False, width=1000).rstrip())


class _Pasted(yaml.SafeDumper):
    """YAML as people write templates: a line break stands as \\n in double quotes."""


_Pasted.add_representer(
    str,
    lambda dumper, text: dumper.represent_scalar(
        "tag:yaml.org,2002:str", text, style='"' if "\n" in text else None
    ),
)


def _show_outside(out: Console, found: "OutsideCheck") -> None:
    further = found.num_trials_at_most - found.num_trials
    search = f" and up to {further:,} by the search" if further > 0 else ""
    line(
        out,
        f"{found.name}: {found.num_trials:,} trials{search}, {found.tokens_per_trial:,} tokens "
        f"each; {found.tokens:,} without the search",
    )
    epochs = {
        mixture: {name: one.model_dump() for name, one in read.items()}
        for mixture, read in found.epochs.items()
    }
    names = list(dict.fromkeys(name for read in epochs.values() for name in read))
    out.print(_epochs_table(epochs, names))
    for note in found.notes:
        line(out, f"note: {note}")
    if found.gpu_hours is None:
        line(out, "give --proxy for GPU hours and disk")
        return
    line(
        out,
        f"an estimate, of {found.num_parameters:,} parameters: {found.gpu_hours:,.0f} hours of an "
        f"H100 at 40 % of its peak ({found.gpu_hours / found.num_trials:,.0f} a trial)\n"
        f"disk: {(found.weights_bytes or 0) / 1e9:,.0f} GB of final weights, "
        f"{(found.checkpoint_bytes or 0) / 1e9:,.0f} GB for the checkpoint that decays begin at",
    )


def _show_check(out: Console, found: dict[str, Any]) -> None:
    data = found["data"]
    table = Table(title=f"Sources of {found['name']}")
    for column in (
        "source",
        "documents",
        "left out",
        "tokens",
        "bytes a token",
        "tokens a document",
    ):
        table.add_column(column, justify="left" if column == "source" else "right")
    for name, source in data["sources"].items():
        tokens = found["sources"][name]
        table.add_row(
            name,
            f"{source['num_documents']:,}",
            f"{source.get('num_left_out', 0):,}",
            f"{tokens['num_tokens']:,}",
            f"{tokens['bytes_per_token']:.2f}",
            f"{tokens['tokens_per_document']:,.0f}",
        )
    out.print(table)
    for pair in data["contamination"]:
        line(
            out,
            f"{amount(pair['num_documents'], 'document')} of {pair['source']} "
            f"{'holds' if pair['num_documents'] == 1 else 'hold'} "
            f"{amount(pair['num_items'], 'item')} of {pair['benchmark']}",
        )
    for pair in data["near_duplicates"]:
        line(
            out,
            f"{amount(pair['num_documents'], 'document')} of {pair['source']} nearly "
            f"{'repeats' if pair['num_documents'] == 1 else 'repeat'} one "
            f"{'before it' if pair['of'] == pair['source'] else 'of ' + pair['of']}",
        )
    for name, one in found["benchmarks"].items():
        left_out = one["num_too_long"] + one["num_cut"]
        long = f", {left_out:,} too long" if left_out else ""
        line(out, f"benchmark {name}: {one['num_items']:,} items{long}")
    out.print(_epochs_table(found["epochs"], list(data["sources"])))
    for note in found["notes"]:
        line(out, f"note: {note}")
    total = found["stable_seconds"] + found["num_trials"] * found["trial_seconds"]
    phases = found["num_stable_phases"]
    stable = f", {phases} stable phases among them" if phases > 1 else ""
    line(
        out,
        f"{found['num_trials']} trials, {found['train_tokens']:,} tokens{stable} at "
        f"{found['tokens_per_second']:,.0f} a second and core: {duration(total)} on one core\n"
        f"a trial: {duration(found['trial_seconds'])}, of which scoring takes "
        f"{percent(found['evaluation_seconds'] / found['trial_seconds'])}\n"
        f"disk: {found['disk_bytes'] / 1e6:,.0f} MB of {found['free_bytes'] / 1e6:,.0f} MB free",
    )


def _epochs_table(epochs: dict[str, Any], names: list[str]) -> Table:
    """A row a source: of a sweep at its two ends, in between it changes evenly; else its range."""
    table = Table(title="Times each source is read (proxy / full run)")
    table.add_column("source")
    if all(_is_share(mixture) for mixture in epochs):
        mixtures = list(epochs)
        ends = list(dict.fromkeys((mixtures[0], mixtures[-1])))
        for share in ends:
            table.add_column(f"at {percent(float(share))} SFT", justify="right")
        for name in names:
            table.add_row(name, *(_read(epochs[share].get(name)) for share in ends))
        return table
    table.add_column("in the mixture with least of it", justify="right")
    table.add_column("with most", justify="right")
    for name in names:
        read = [mixture[name] for mixture in epochs.values() if name in mixture]
        read.sort(key=lambda one: float(one["proxy"]))
        least = read[0] if len(read) == len(epochs) else None
        table.add_row(name, _read(least), _read(read[-1] if read else None))
    return table


def _is_share(mixture: str) -> bool:
    """A sweep's mixtures go by their SFT share, others by name or number."""
    return mixture.replace(".", "", 1).isdigit()


def _read(epochs: dict[str, Any] | None) -> str:
    if epochs is None:
        return ""
    full = epochs["full_run"]
    return f"{epochs['proxy']:.2g}" + ("" if full is None else f" / {full:.2g}")
