"""`./run decaymix`: every command is a call of the API, so it can do what REST can and no more.

But `checkpoint`, `fit` and `restore` (cli_checkpoint.py, cli_fit.py, cli_backup.py), which read and
write files and need no controller.
"""

import signal
from importlib.metadata import version
from pathlib import Path
from typing import Annotated, Literal

import typer
from rich.console import Console

from service import (
    cli_actions,
    cli_backup,
    cli_benchmark,
    cli_checkpoint,
    cli_confirm,
    cli_data,
    cli_export,
    cli_fit,
    cli_moves,
    cli_openapi,
    cli_report,
    cli_resume,
    cli_token,
    cli_try,
)
from service.connection import Study
from service.connection import client as _client
from service.show import (
    paused,
    show_imported,
    show_leaderboard,
    show_progress,
    show_recommendation,
    show_status,
    trial_line,
)
from service.terminal import (
    BAD_INPUT,
    FAILED,
    Json,
    fail,
    line,
    print_json,
    settings_or_fail,
    show,
    text_of,
)


def _version(is_asked: bool) -> None:
    if is_asked:
        print(version("decaymix"))
        raise typer.Exit


app = typer.Typer(
    help="Which data mixture to decay on, and how sure that is.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
app.add_typer(cli_benchmark.app, name="benchmark")
app.add_typer(cli_checkpoint.app, name="checkpoint")
app.add_typer(cli_data.source_app, name="source")
app.add_typer(cli_data.study_app, name="study")
app.add_typer(cli_token.app, name="token")
app.command(name="export")(cli_export.export)
app.command(name="export-formats")(cli_export.export_formats)
app.command()(cli_fit.fit)
app.command()(cli_report.report)
app.command()(cli_backup.backup)
app.command()(cli_backup.restore)
app.command()(cli_backup.prune)
app.command()(cli_openapi.openapi)
app.command(name="try")(cli_try.try_share)
app.command()(cli_confirm.confirm)
app.command()(cli_confirm.confirmation)
app.command(name="best-shares")(cli_moves.best_shares)
app.command()(cli_moves.pareto)
app.command()(cli_moves.effects)
app.command()(cli_moves.signal)
app.command(name="across-proxies")(cli_moves.across_proxies)
for action in ("pause", "resume", "limit", "archive", "extend", "clone", "repeat"):
    app.command()(getattr(cli_actions, action))


@app.callback()
def decaymix(
    _: Annotated[
        bool,
        typer.Option("--version", help="print the version", callback=_version, is_eager=True),
    ] = False,
) -> None:
    """Which data mixture to decay on, and how sure that is.

    Exit codes: 0 done; 1 it could not be done; 2 what was given is wrong; 130 interrupted.
    """


@app.command()
def serve() -> None:
    """Start the controller and leave it running."""
    # Imported here: Ray takes a second, and the other commands need none of it.
    from db.database import DatabaseInUse, DatabaseTooNew, DatabaseUnreadable
    from service.keyring import TokensNeeded
    from service.port import PortInUse
    from service.serve import StartFailed
    from service.serve import serve as run
    from service.tracing import TelemetryMissing
    from workers.pool import BadHeadAddress, HeadUnreachable

    database_errors = (DatabaseInUse, DatabaseTooNew, DatabaseUnreadable)
    try:
        run(settings_or_fail())
    except (PortInUse, *database_errors, HeadUnreachable, StartFailed) as error:
        fail(str(error), FAILED)
    except (TokensNeeded, TelemetryMissing, BadHeadAddress) as error:
        fail(str(error), BAD_INPUT)


@app.command()
def demo(
    quick: Annotated[bool, typer.Option("--quick", help="fewer trials and tokens")] = False,
    exit: Annotated[bool, typer.Option("--exit", help="do not go on serving the page")] = False,
) -> None:
    """Run the demo study from nothing to an exported mixture."""
    from service.demo import DemoFailed
    from service.demo import demo as run

    # A kill or a closed terminal ends the demo as Ctrl-C does: with its controller.
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.default_int_handler)
    try:
        run(settings_or_fail(), is_quick=quick, exits=exit)
    except DemoFailed as error:
        fail(str(error), FAILED)


@app.command()
def submit(
    file: Annotated[Path, typer.Argument(help="a study as YAML or JSON")],
    proxy: cli_data.ProxyOption = None,
    resume_from: Annotated[
        Path | None, typer.Option(help="a table of `trials --csv`: its finished trials are not run")
    ] = None,
    json: Json = False,
) -> None:
    """Submit a study; the same file twice is one study."""
    text, kind = cli_data.study_text(file, proxy)
    parts = None if resume_from is None else cli_resume.parts_of(resume_from)
    with _client(None if parts else file) as client:
        status = client.submit_study(text, kind, is_paused=parts is not None)
        if parts is not None:
            status = cli_resume.take_in(client, status["id"], parts)
        show(
            json,
            status,
            lambda out: out.print(
                f"study {status['id']} ({status['name']}): {status['num_trials']} trials\n"
                f"page: {client.url}/studies/{status['id']}",
                highlight=False,
            ),
        )


@app.command()
def studies(json: Json = False) -> None:
    """List all studies, newest first."""

    def lines(out: Console) -> None:
        for study in found:
            done = f"{study['num_finished']}/{study['num_trials']} trials"
            name = paused(study["name"], study)
            out.print(f"{study['id']}  {study['state']:8}  {done:16}  {name}", highlight=False)

    with _client() as client:
        found = client.studies()
        show(json, found, lines)


@app.command()
def watch(study: Study, json: Json = False) -> None:
    """Follow a study until its last trial has finished."""
    with _client() as client:
        study_id = client.study_id(study)
        if json:
            for status in client.watch(study_id):
                print_json(status)
            return
        show_progress(Console(), client.watch(study_id))
        status = client.study(study_id)["status"]
        print(", ".join(f"{n} {state}" for state, n in status["trials"].items() if n))


@app.command(name="import")
def import_trials(
    study: Study, file: Annotated[Path, typer.Argument(help="trials as CSV")], json: Json = False
) -> None:
    """Take trials that were trained elsewhere into a study with trained_by: outside."""
    text = text_of(file)
    with _client(file) as client:
        found = client.import_trials(client.study_id(study), text)
        show(
            json,
            found,
            lambda out: show_imported(out, found),
        )


@app.command()
def trials(
    study: Study,
    json: Json = False,
    csv: Annotated[bool, typer.Option("--csv", help="all scores, as submit takes them")] = False,
) -> None:
    """List the trials of a study."""

    def lines(out: Console) -> None:
        for trial in found:
            line(out, trial_line(trial))

    with _client() as client:
        study_id = client.study_id(study)
        if csv:
            print(client.trials_csv(study_id), end="")
            return
        found = client.trials(study_id)
        show(json, found, lines)


@app.command()
def leaderboard(
    study: Study,
    json: Json = False,
    csv: Annotated[bool, typer.Option("--csv", help="print CSV")] = False,
    transfer: Annotated[
        bool, typer.Option("--transfer", help="by the transfer score, not the objective")
    ] = False,
) -> None:
    """Mixtures by mean score, with intervals, paired differences and ties."""
    objective: Literal["own", "transfer"] = "transfer" if transfer else "own"
    with _client() as client:
        study_id = client.study_id(study)
        if csv:
            print(client.leaderboard_csv(study_id, objective), end="")
            return
        board = client.leaderboard(study_id, objective)
        show(json, board, lambda out: show_leaderboard(out, board))


@app.command()
def recommend(study: Study, json: Json = False) -> None:
    """Which share to decay on, and which shares cannot be told from it."""
    with _client() as client:
        found = client.recommendation(client.study_id(study))
        show(json, found, lambda out: show_recommendation(out, found))


@app.command()
def cancel(trial: Annotated[str, typer.Argument(help="id of a trial")], json: Json = False) -> None:
    """Cancel a waiting or running trial."""
    with _client() as client:
        found = client.cancel(trial)
        show(json, found, lambda out: out.print(f"trial {trial}: {found['state']}"))


@app.command()
def retry(trial: Annotated[str, typer.Argument(help="id of a trial")], json: Json = False) -> None:
    """Run a failed or cancelled trial again."""
    with _client() as client:
        found = client.retry(trial)
        show(json, found, lambda out: out.print(f"trial {trial}: {found['state']}"))


@app.command()
def status(study: Study, json: Json = False) -> None:
    """Where a study stands now, what it has cost and what it still may."""
    with _client() as client:
        found = client.study(client.study_id(study))
        show(json, found, lambda out: show_status(out, found["status"]))


def main() -> None:
    """The entry point."""
    # Named: started as a module, completion would go by `python -m service.cli`.
    app(prog_name="decaymix")


if __name__ == "__main__":
    main()
