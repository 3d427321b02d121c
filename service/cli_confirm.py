"""`./run decaymix confirm` and `confirmation`: what a study says, on seeds that nobody has seen."""

import time
from collections.abc import Iterable, Sequence
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from decaymix import ApiProblem, Client
from mixtures.confirmation import DEFAULT_SEEDS
from service.connection import Study
from service.connection import client as _client
from service.show import cell_padding, interval_text, percent
from service.terminal import Json, line, show

# The fit of a study of hundreds of trials and a dozen sources takes minutes, the first time.
_FIT_SECONDS, _PAUSE_SECONDS = 1800.0, 5.0


def confirm(
    study: Study,
    seeds: Annotated[int, typer.Option(help="fresh seeds of each mixture, 2 to 32")] = (
        DEFAULT_SEEDS
    ),
    mixture: Annotated[
        list[str] | None, typer.Option(help="id of a trial whose mixture to take too; may repeat")
    ] = None,
    from_: Annotated[
        list[str] | None,
        typer.Option("--from", help="a study whose recommended mixture to take too; may repeat"),
    ] = None,
    json: Json = False,
) -> None:
    """Try the recommended mixture, the raw top and the baselines on seeds that nobody has seen."""
    with _client() as client:
        wish = {
            "num_seeds": seeds,
            "trials": mixture or [],
            "studies": [client.study_id(one) for one in from_ or ()],
        }
        study_id = client.study_id(study)
        found = _asked(client, study_id, wish)

        def lines(out: Console) -> None:
            first, last = found["seeds"][0], found["seeds"][-1]
            name = client.study(found["id"])["status"]["name"]
            line(
                out,
                f"study {found['id']} ({name}): {found['num_trials']} trials of "
                f"{len(found['mixtures'])} mixtures with seeds {first} to {last}\n"
                f"page: {client.url}/studies/{study_id}/recommendation",
            )
            show_confirmation(out, found)

        show(json, found, lines)


def confirmation(study: Study, json: Json = False) -> None:
    """Who won on fresh seeds, by how much, and whether what was promised held."""
    with _client() as client:
        found = client.confirmation(client.study_id(study))
        show(json, found, lambda out: show_confirmation(out, found))


def _asked(client: Client, study_id: str, wish: dict[str, Any]) -> dict[str, Any]:
    """Waits for the fit that the recommendation is read off."""
    end = time.monotonic() + _FIT_SECONDS
    while True:
        try:
            return client.confirm_study(study_id, **wish)
        except ApiProblem as problem:
            if problem.status != 503 or time.monotonic() > end:
                raise
            time.sleep(_PAUSE_SECONDS)


def show_confirmation(out: Console, found: dict[str, Any]) -> None:
    """The verdict, the mixtures, their differences, and what has to be known to read them."""
    line(out, found["sentence"])
    better = "lower" if found["direction"] == "minimise" else "higher"
    words = f"{found['metric']}, {better} is better; 95 % intervals"
    out.print(_table(out, f"On fresh seeds: {words}", _MIXTURES, map(_mixture, found["mixtures"])))
    own = found["mixtures"][0]["names"][0]
    rows = map(_difference, found["differences"])
    out.print(_table(out, f"{own} less the other, paired by seed", _DIFFERENCES, rows))
    for note in found["notes"]:
        line(out, f"- {note}")


_MIXTURES = ("mixture", "SFT", "raw score", "promised", "seeds", "found", "promise")
_DIFFERENCES = ("other", "promised", "pairs", "found", "p Holm", "p flips", "told")


def _table(
    out: Console, title: str, columns: Sequence[str], rows: Iterable[Sequence[str]]
) -> Table:
    """The first column and the last are words, the others numbers."""
    table = Table(title=title, title_justify="left", padding=cell_padding(out))
    for name in columns:
        is_word = name in (columns[0], columns[-1])
        table.add_column(name, justify="left" if is_word else "right")
    for row in rows:
        table.add_row(*row)
    return table


def _mixture(one: dict[str, Any]) -> tuple[str, ...]:
    promise = one["promise"]
    return (
        ", ".join(one["names"]),
        percent(one["sft_share"]),
        _number(promise["raw_mean"]),
        _number(promise["mean"], promise["interval"]),
        str(one["num_seeds"]),
        _number(one["mean"], one["interval"]),
        one["held"] or "",
    )


def _difference(one: dict[str, Any]) -> tuple[str, ...]:
    promised = one["promised"] or {"difference": None, "interval": None}
    return (
        one["other"],
        _number(promised["difference"], promised["interval"]),
        str(one["num_pairs"]),
        _number(one["difference"], one["interval"]),
        _number(one["p_holm"]),
        _number(one["p_sign_flip"]),
        # Nothing has been told apart, and nothing looked at.
        one["told"] if one["num_pairs"] else "",
    )


def _number(value: float | None, interval: list[float] | None = None) -> str:
    if value is None:
        return ""
    return f"{value:.4f}" + (f" ({interval_text(interval, 4)})" if interval else "")
