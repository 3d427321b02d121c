"""`./run decaymix checkpoint`: files in, files out, with no controller."""

from typing import Annotated, Any

import typer
import yaml
from rich.console import Console

from service.terminal import BAD_INPUT, Json, fail, line, run_worker_code, settings_or_fail, show

app = typer.Typer(help="Checkpoints from and to Hugging Face folders.", no_args_is_help=True)

Checkpoint = Annotated[
    str, typer.Argument(help="id of a trial or stable checkpoint, a file or a folder")
]


@app.command()
def inspect(checkpoint: Checkpoint, json: Json = False) -> None:
    """Shape, multipliers and tokenizer of a checkpoint, and its proxy to paste into a study."""
    found = _call("inspect_checkpoint", checkpoint)
    show(json, found, lambda out: _show_checkpoint(out, found))


@app.command()
def export(
    checkpoint: Checkpoint,
    folder: Annotated[str, typer.Argument(help="a new folder")],
    json: Json = False,
) -> None:
    """Write a checkpoint as a Hugging Face folder that transformers loads as it is."""
    done = _call("export_checkpoint", checkpoint, folder)
    show(json, done, lambda out: line(out, done["folder"]))


@app.command(name="import")
def import_(
    folder: Annotated[str, typer.Argument(help="a Hugging Face folder")],
    to: Annotated[
        str | None, typer.Option(help="a new folder; under the home when not given")
    ] = None,
    json: Json = False,
) -> None:
    """Check a Hugging Face folder and write it in Decaymix's own format."""
    done = _call("import_checkpoint", folder, to)
    show(json, done, lambda out: line(out, done["folder"]))


def _call(name: str, *arguments: str | None) -> dict[str, Any]:
    from service.state import worker_config

    config = worker_config(settings_or_fail())
    function = f"workers.checkpoint_commands:{name}"
    try:
        found: dict[str, Any] = run_worker_code(function, *arguments, config)
    except OSError as error:
        fail(f"cannot write {error.filename}: {error.strerror}", BAD_INPUT)
    return found


def _show_checkpoint(out: Console, found: dict[str, Any]) -> None:
    shape, scale, tokenizer = found["shape"], found["multipliers"], found["tokenizer"]
    embedding = found["num_parameters"] - found["num_non_embedding_parameters"]
    rows = {
        "checkpoint": f"{found['path']} ({found['format']}, {found['model_type']})",
        "weights": f"{found['num_non_embedding_parameters']:,} and {embedding:,} of embeddings, "
        f"{', '.join(found['dtypes'])}",
        "shape": f"{shape['num_layers']} layers, width {shape['width']}, {shape['num_heads']} "
        f"heads on {shape['num_kv_heads']}, ffn {shape['ffn_width']}, "
        f"{'tied' if shape['tied_embedding'] else 'untied'} embedding",
        "multipliers": ", ".join(f"{name} {value:.6g}" for name, value in scale.items()),
        "tokens": f"vocabulary {shape['vocab_size']:,}, context {shape['context_tokens']:,}",
        "tokenizer": "none"
        if tokenizer is None
        else f"{tokenizer['num_tokens']:,} tokens, end of text {tokenizer['end_id']}",
        "optimiser": "with its state" if found["optimiser_state"] else "no state",
        **{name: str(value) for name, value in found["about"].items()},
    }
    for name, value in rows.items():
        line(out, f"{name:12} {value}")
    line(out, yaml.safe_dump({"proxy": found["proxy"]}, sort_keys=False).rstrip())
