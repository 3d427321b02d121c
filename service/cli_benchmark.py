"""`./run decaymix benchmark`: looks at task files on this machine; needs no controller."""

from pathlib import Path
from typing import Annotated, Any

import typer

from service.terminal import BAD_INPUT, Json, fail, settings_or_fail, show

app = typer.Typer(help="Task files of benchmarks.", no_args_is_help=True)


@app.callback()
def group() -> None:
    """Task files of benchmarks."""


@app.command()
def check(
    file: Annotated[Path, typer.Argument(help="a task or group of lm-evaluation-harness as YAML")],
    num_fewshot: Annotated[
        int | None, typer.Option(help="examples before each item, instead of the file's number")
    ] = None,
    json: Json = False,
) -> None:
    """Say whether a task file can be scored, and show an item as the model sees it."""
    # Imported here: Ray takes a second, and the commands beside this one need none of it.
    from service.state import worker_config
    from workers.pool import DataError, run_local

    config = worker_config(settings_or_fail())
    try:
        preview = run_local("workers.task_preview:preview_task_file", file, config, num_fewshot)
    except DataError as error:
        fail(str(error), BAD_INPUT)
    found = preview.model_dump(mode="json")
    show(
        json,
        found,
        lambda out: out.print(preview_text(found), markup=False, highlight=False, soft_wrap=True),
    )


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
