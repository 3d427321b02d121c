"""`./run decaymix benchmark`: looks at task files on this machine; needs no controller."""

from pathlib import Path
from typing import Annotated, Any

import typer

from service.terminal import Json, line, run_worker_code, settings_or_fail, show

app = typer.Typer(help="Task files of benchmarks.", no_args_is_help=True)


@app.callback()
def group() -> None:
    """Task files of benchmarks."""


@app.command()
def check(
    file: Annotated[
        Path,
        typer.Argument(
            help="a task or group of lm-evaluation-harness as YAML, or the name of one that comes "
            "with Decaymix"
        ),
    ],
    num_fewshot: Annotated[
        int | None, typer.Option(help="examples before each item, instead of the file's number")
    ] = None,
    json: Json = False,
) -> None:
    """Say whether a task file can be scored, and show an item as the model sees it."""
    # Imported here: Ray takes a second, and the commands beside this one need none of it.
    from service.state import worker_config

    config = worker_config(settings_or_fail())
    preview = run_worker_code("workers.task_preview:preview_task_file", file, config, num_fewshot)
    found = preview.model_dump(mode="json")
    show(json, found, lambda out: line(out, preview_text(found)))


def preview_text(found: dict[str, Any]) -> str:
    """Counts and metrics, then an item with its right answer marked."""
    lines = [
        f"{', '.join(found['tasks'])}: {found['num_items']:,} items, "
        f"{found['num_fewshot']} examples before each",
        f"metrics: {', '.join(found['metrics'])}",
    ]
    for item in found["items"]:
        context = None
        for answer in item["answers"]:
            if answer["context"] != context:
                context = answer["context"]
                lines += ["", "context:", context]
            mark = "right answer" if answer["is_right"] else "other choice"
            lines.append(f"{mark}: {answer['continuation']!r}")
        if item["prompt"] is not None:
            lines += [
                "",
                f"then it goes on by itself, for at most {item['max_new_tokens']} tokens or until "
                f"one of {list(item['until'])}",
            ]
    return "\n".join(lines)
