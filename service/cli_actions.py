"""`./run decaymix pause`, `extend` and their like: what can be done to a study that is there."""

from typing import Annotated, Any

import typer

from service.connection import Study, client
from service.terminal import BAD_INPUT, Json, fail, line, show


def pause(study: Study, json: Json = False) -> None:
    """Begin no more trials of a study; what runs goes on."""
    _change(study, json, "paused", is_paused=True)


def resume(study: Study, json: Json = False) -> None:
    """Let a paused study go on."""
    _change(study, json, "goes on", is_paused=False)


def limit(
    study: Study,
    priority: Annotated[
        int | None, typer.Option(help="-100 to 100; studies of a higher one go first")
    ] = None,
    max_running: Annotated[
        int | None, typer.Option(help="trials that run at once; 0: as many as there are places")
    ] = None,
    json: Json = False,
) -> None:
    """Say when a study's turn comes, and how many workers it may have."""
    change: dict[str, Any] = {}
    if priority is not None:
        change["priority"] = priority
    if max_running is not None:
        change["max_running"] = max_running or None
    if not change:
        fail("nothing to change: give --priority, --max-running or both", BAD_INPUT)
    words = ", ".join(
        f"{name} {'without limit' if value is None else value}" for name, value in change.items()
    )
    _change(study, json, words, **change)


def archive(
    study: Study,
    undo: Annotated[bool, typer.Option("--undo", help="put it back into the list")] = False,
    json: Json = False,
) -> None:
    """Put a study away: lists leave it out, all else stays."""
    _change(study, json, "is back in the list" if undo else "archived", is_archived=not undo)


def extend(
    study: Study,
    max_trials: Annotated[int | None, typer.Option(help="trials of the study in all")] = None,
    max_tokens: Annotated[int | None, typer.Option(help="decay tokens of all trials")] = None,
    max_hours: Annotated[float | None, typer.Option(help="hours of workers")] = None,
    seed: Annotated[list[int] | None, typer.Option(help="a seed to add; repeatable")] = None,
    sft_share: Annotated[
        list[float] | None, typer.Option(help="a share to add to a sweep; repeatable")
    ] = None,
    json: Json = False,
) -> None:
    """Give a study more budget, seeds or shares; its trials stay what they are."""
    given = {
        "max_trials": max_trials,
        "max_tokens": max_tokens,
        "max_hours": max_hours,
        "seeds": seed,
        "sft_share": sft_share,
    }
    wanted = {name: value for name, value in given.items() if value}
    if not wanted:
        fail("nothing to extend: give one or more of the options; --help lists them", BAD_INPUT)
    with client() as connected:
        found = connected.extend_study(connected.study_id(study), **wanted)
        show(json, found, lambda out: out.print(f"{found['num_new']} new trials"))


def clone(study: Study, json: Json = False) -> None:
    """Print a study as YAML, to be changed and submitted as another."""
    with client() as connected:
        text = connected.study_yaml(connected.study_id(study))
        show(json, {"yaml": text}, lambda out: line(out, text.rstrip()))


def repeat(
    trial: Annotated[str, typer.Argument(help="id of a trial")],
    seed: Annotated[int | None, typer.Option(help="the smallest unused one by default")] = None,
    json: Json = False,
) -> None:
    """Run a trial's mixture again, with another seed."""
    with client() as connected:
        found = connected.repeat(trial, seed)
        (new,) = found["trial_ids"]
        word = "new" if found["num_new"] else "there already"
        show(json, found, lambda out: out.print(f"trial {new}: {word}", highlight=False))


def _change(study: str, json: bool, word: str, **change: Any) -> None:
    with client() as connected:
        found = connected.change_study(connected.study_id(study), **change)
        show(json, found, lambda out: out.print(f"study {found['name']}: {word}", highlight=False))
