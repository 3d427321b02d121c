"""`./run decaymix best-shares`, `pareto`, `effects`, `across-proxies`: how answers move; and
`signal`: by which benchmarks.
"""

from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from service.connection import Study
from service.connection import client as _client
from service.show import cell_padding, percent
from service.terminal import Json, line, show


def best_shares(study: Study, json: Json = False) -> None:
    """The best SFT share by benchmark, by group, and by what the SFT sources are."""
    with _client() as client:
        found = client.best_shares(client.study_id(study))
    show(json, found, lambda out: show_best_shares(out, found))


def pareto(
    study: Study,
    objective: Annotated[
        list[str] | None,
        typer.Option(help="a benchmark or group, NAME or NAME:METRIC; may repeat; else the groups"),
    ] = None,
    json: Json = False,
) -> None:
    """The mixtures that none beats in every objective, and how probably each is one of them."""
    with _client() as client:
        found = client.pareto(client.study_id(study), objective or ())
    show(json, found, lambda out: show_pareto(out, found))


def effects(
    study: Study,
    objective: Annotated[
        str | None, typer.Option(help="a benchmark or group, NAME or NAME:METRIC")
    ] = None,
    json: Json = False,
) -> None:
    """What more of each source does."""
    with _client() as client:
        found = client.effects(client.study_id(study), objective)
    show(json, found, lambda out: show_effects(out, found))


def signal(study: Study, json: Json = False) -> None:
    """Which metrics of which benchmarks tell mixtures apart, and which only show the seed."""
    with _client() as client:
        found = client.signal(client.study_id(study))
    show(json, found, lambda out: show_signal(out, found))


def across_proxies(
    studies: Annotated[
        list[str], typer.Argument(help="ids or names; one is enough where the proxy is its factor")
    ],
    parameters: Annotated[
        list[int] | None,
        typer.Option(help="of each study's model in their order, for one trained outside"),
    ] = None,
    full_parameters: Annotated[
        int | None, typer.Option(help="of the full model; else those of the 1.2b preset")
    ] = None,
    json: Json = False,
) -> None:
    """Whether small models order mixtures as large ones do, and what that says of the full one."""
    with _client() as client:
        ids = [client.study_id(study) for study in studies]
        found = client.across_proxies(ids, parameters=parameters, full_parameters=full_parameters)
    show(json, found, lambda out: show_across_proxies(out, found))


def show_best_shares(console: Console, found: dict[str, Any]) -> None:
    """A row for each objective, then how the best share goes with each source."""
    table = Table(title=f"Best SFT share, by {found['metric']}", caption="95 % intervals")
    for name in ("", "best", "like the best", "lowest point", "above the objective's"):
        table.add_column(name, justify="left" if not name else "right")
    for part in found["parts"]:
        above = part["probability_above_objective"]
        title = part["kind"] if part["kind"] == part["name"] else f"{part['kind']} {part['name']}"
        table.add_row(
            title,
            "flat" if part["is_flat"] else percent(part["sft_share"]),
            _shares(part["like_best"]),
            _shares(part["lowest_point"]),
            "" if above is None else f"{above:.2f}",
        )
    console.print(table)
    if found["compositions"]:
        line(console, f"  with the shares inside each group at {_inside(found['reference'])}")
    for move in found["compositions"]:
        line(console, f"  {move['sentence']}")
    _notes(console, found["notes"])


def show_pareto(console: Console, found: dict[str, Any]) -> None:
    """The mixtures that may be on the front, most probable first."""
    table = Table(
        title="Pareto front",
        caption="means of the fit; those below .05 are not listed",
        padding=cell_padding(console),
    )
    for name in ("P(on the front)", "", "SFT share"):
        table.add_column(name, justify="right")
    for objective in found["objectives"]:
        better = "lower" if objective["direction"] == "minimise" else "higher"
        table.add_column(f"{objective['name']}, {better} is better", justify="right")
    for row in found["rows"]:
        if row["p_on_front"] >= 0.05:
            table.add_row(
                f"{row['p_on_front']:.2f}",
                " ".join(row["is_baseline"]),
                percent(row["sft_share"]),
                *(f"{value:.4f}" for value in row["mean"].values()),
            )
    console.print(table)
    _notes(console, found["notes"])


def show_effects(console: Console, found: dict[str, Any]) -> None:
    """Factors by size: from where to where, what that does, and how sure it is."""
    better = "lower" if found["direction"] == "minimise" else "higher"
    table = Table(
        title=f"Effects on {found['objective']}: {found['metric']}, {better} is better",
        caption="from the lowest share tried to the highest, the other sources keeping their "
        "ratios; size: sd of the effect over the mixtures tried",
        padding=cell_padding(console),
    )
    for name in ("", "from", "to", "effect", "95 % interval", "P(better)", "size"):
        table.add_column(name, justify="left" if not name else "right")
    for factor in found["factors"]:
        low, high = factor["total_interval"]
        table.add_row(
            factor["factor"],
            percent(factor["shares"][0]),
            percent(factor["shares"][-1]),
            f"{factor['total']:+.4f}",
            f"{low:+.4f} to {high:+.4f}",
            f"{factor['probability_better']:.2f}",
            f"{factor['size']:.4f}",
        )
    console.print(table)
    for factor in found.get("levels", ()):
        for place, level in enumerate(factor["levels"]):
            line(
                console,
                f"{factor['factor']} {level}: {factor['effect'][place]:+.4f} "
                f"({factor['low'][place]:+.4f} to {factor['high'][place]:+.4f}), "
                f"best with probability {factor['probability_best'][place]:.2f}",
            )
    _notes(console, found["notes"])


def show_signal(console: Console, found: dict[str, Any]) -> None:
    """A row for each metric of each benchmark, the weak ones marked."""
    table = Table(
        title="Signal: spread between mixtures over the noise of one trial",
        caption="below 1 (weak) a second seed moves a mixture further than another mixture does",
        padding=cell_padding(console),
    )
    agrees = f"agrees with {found['metric']}"
    for name in ("benchmark", "metric", "signal", "", "spread", "noise", agrees):
        table.add_column(name, justify="left" if name in ("benchmark", "metric", "") else "right")
    for row in found["rows"]:
        table.add_row(
            row["benchmark"],
            row["metric"],
            "unknown" if row["ratio"] is None else f"{row['ratio']:.1f}",
            "weak" if row["is_weak"] else "",
            f"{row['signal_sd']:.4f}",
            "unknown" if row["noise_sd"] is None else f"{row['noise_sd']:.4f}",
            "" if row["agreement"] is None else f"{row['agreement']:+.2f}",
        )
    console.print(table)
    _notes(console, found["notes"])


def show_across_proxies(console: Console, found: dict[str, Any]) -> None:
    """A line for each study and each pair, and the full model's best share."""
    for one in found["studies"]:
        best = "no SFT share moves"
        if one["best_sft_share"] is not None:
            best = f"best at {percent(one['best_sft_share'])} ({_shares(one['lowest_point'])})"
        line(console, f"{one['study']}: {one['proxy']}, {one['parameters']:,} parameters, {best}")
    for pair in found["pairs"]:
        low, high = pair["posterior_spearman_interval"]
        line(
            console,
            f"{pair['smaller']} to {pair['larger']}: rank correlation "
            f"{pair['posterior_spearman']:.2f} ({low:.2f} to {high:.2f}) over "
            f"{pair['num_mixtures']} mixtures; its choice loses {pair['regret']:.4f} there, and is "
            f"the best with probability {pair['probability_same_best']:.2f}",
        )
    full = found["extrapolation"]
    if full is None:
        line(console, f"no extrapolation: {found['no_extrapolation']}")
    else:
        line(
            console,
            f"at {full['parameters']:,} parameters: {percent(full['sft_share'])} "
            f"({_shares(full['interval'])}). {full['note']}",
        )
    _notes(console, found["notes"])


def _inside(reference: dict[str, dict[str, float]]) -> str:
    groups = (
        ", ".join(f"{name} {percent(share)}" for name, share in inside.items())
        for inside in reference.values()
    )
    return "; ".join(groups)


def _shares(interval: list[float]) -> str:
    return f"{percent(interval[0])} to {percent(interval[1])}"


def _notes(console: Console, notes: list[str]) -> None:
    for note in notes:
        line(console, f"  note: {note}")
