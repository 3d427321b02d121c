"""How studies, leaderboards and recommendations look on a terminal."""

import time
from collections.abc import Iterable, Iterator
from typing import Any, TypeVar

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn
from rich.table import Table

from mixtures.factors import words_of

Item = TypeVar("Item")
# Without a terminal nobody watches each second; a line now and then tells that it lives.
_LINE_EVERY_SECONDS = 10
# Of a Pareto front: a front of six objectives has a dozen mixtures, and an answer is a screen.
_MOST_OF_FRONT = 3


def percent(share: float) -> str:
    """0.64 as "64 %", 0.605 as "60.5 %"."""
    return f"{round(share * 100, 1):g} %"


def amount(num: int, what: str, many: str | None = None) -> str:
    """`1 document`, `1,200 documents`, `2 studies`."""
    return f"{num:,} {what if num == 1 else many or what + 's'}"


def _most_read(epochs: dict[str, Any]) -> str:
    """The source that is read most often: `sums read 2.4 times, 3.0 in the full run`."""
    if not epochs:
        return ""
    name = max(epochs, key=lambda one: (epochs[one]["full_run"] or 0.0, epochs[one]["proxy"]))
    full = epochs[name]["full_run"]
    also = "" if full is None else f", {full:.2g} in the full run"
    return f"{name} read {epochs[name]['proxy']:.2g} times{also}  "


def trial_line(trial: dict[str, Any]) -> str:
    """One trial: state, SFT share, levels where the study has factors, seed, score, what it read
    most or why it failed.
    """
    score = "" if trial["objective"] is None else f"{trial['objective']:.4f}"
    # A study without factors has none in its rows.
    levels = f"{words_of(trial['factors'])}  " if trial.get("factors") else ""
    return (
        f"{trial['id']}  {trial['state']:9}  {percent(trial['sft_share']):>7} SFT  {levels}"
        f"seed {trial['seed']}  {score}  {_most_read(trial['epochs'])}{trial['message'] or ''}"
    )


def interval_text(interval: list[float] | None, digits: int = 3) -> str:
    """A 95 % interval, or what stands for an unknown one."""
    return (
        "unknown" if interval is None else f"{interval[0]:.{digits}f} to {interval[1]:.{digits}f}"
    )


def duration(seconds: float | None) -> str:
    """Seconds as people say them."""
    if seconds is None:
        return "unknown"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02} min" if hours else f"{minutes}:{rest:02} min"


def status_line(status: dict[str, Any]) -> str:
    """Phase, rate and time left, e.g. `decay x2 · 15,300 tokens/s · 3:20 min left`."""
    phases: dict[str, int] = {}
    for progress in status["running"]:
        share = f" {100 * progress['done'] / progress['total']:.0f} %" if progress["total"] else ""
        name = progress["phase"] + (share if progress["phase"] in ("stable", "tokenise") else "")
        phases[name] = phases.get(name, 0) + 1
    parts = [", ".join(f"{name} x{n}" if n > 1 else name for name, n in phases.items())]
    if status["tokens_per_second"]:
        parts.append(f"{status['tokens_per_second']:,.0f} tokens/s")
    if status["state"] != "FINISHED":
        seconds, at_most = status["seconds_left"], status.get("seconds_left_at_most")
        parts.append("time left not known yet" if seconds is None else f"{duration(seconds)} left")
        if status.get("search_at_most") and status["search_at_most"]["num_trials"]:
            more = f"at most {status['search_at_most']['num_trials']} more by the search"
            parts.append(more if at_most is None else f"{more}, {duration(at_most)}")
    return " · ".join(part for part in parts if part)


def cost_line(cost: dict[str, Any]) -> str:
    """A cost as `12 trials, 1,800,000 tokens, 0.21 hours of workers`, these where known."""
    hours = "" if cost["hours"] is None else f", {cost['hours']:.2g} hours of workers"
    return f"{cost['num_trials']} trials, {cost['tokens']:,} tokens{hours}"


def paused(text: str, study: dict[str, Any]) -> str:
    """A study's name or state, with that it is paused where it is."""
    return f"{text}, paused" if study["is_paused"] else text


def say(console: Console, text: str, style: str | None = None) -> None:
    """A line; a terminal's is broken between words, one for a file or a pipe stays whole."""
    is_whole = not console.is_terminal
    console.print(text, style=style, highlight=False, markup=False, soft_wrap=is_whole)


def show_status(out: Console, status: dict[str, Any]) -> None:
    """Where a study stands, what it has cost and what it still may."""
    done = f"{status['num_finished']}/{status['num_trials']} trials"
    state = paused(status["state"], status)
    for text in (
        f"{state} · {done} · {status_line(status)}".rstrip(" ·"),
        f"spent: {cost_line(status['spent'])}",
        f"left: {cost_line(status['left'])}" if status["left"]["num_trials"] else "",
        f"the search may add: {cost_line(status['search_at_most'])}, until "
        f"{status['search_limit']} is reached"
        if status["search_at_most"]
        else "",
        f"the search stopped: {status['search_stopped']}" if status["search_stopped"] else "",
    ):
        if text:
            say(out, text)


def show_progress(console: Console, statuses: Iterable[dict[str, Any]]) -> None:
    """Follow a study to its end: a live bar on a terminal, else a line now and then."""
    if not console.is_terminal:
        for tick, status in enumerate(statuses):
            if tick % _LINE_EVERY_SECONDS == 0 or status["state"] == "FINISHED":
                done = f"{status['num_finished']}/{status['num_trials']} trials"
                console.print(f"{done} · {status_line(status)}", highlight=False)
        return
    columns = (
        SpinnerColumn(),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("trials · {task.description}"),
    )
    with Progress(*columns, console=console) as bar:
        task = bar.add_task("starting", total=None)
        for status in statuses:
            bar.update(
                task,
                total=status["num_trials"],
                completed=status["num_finished"],
                description=status_line(status),
            )


def counted(console: Console, items: Iterable[Item], total: int, what: str) -> Iterator[Item]:
    """The items as they come: with a live bar on a terminal, else a line now and then."""
    if not console.is_terminal:
        told_at = time.monotonic()
        for number, item in enumerate(items, start=1):
            yield item
            if time.monotonic() - told_at >= _LINE_EVERY_SECONDS:
                told_at = time.monotonic()
                console.print(f"{number}/{total} {what}", highlight=False)
        return
    columns = (SpinnerColumn(), BarColumn(), MofNCompleteColumn(), TextColumn(what))
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task(what, total=total)
        for item in items:
            yield item
            bar.advance(task)


def show_imported(console: Console, found: dict[str, Any]) -> None:
    """How many, and the rows that contradict themselves."""
    console.print(f"{found['num_rows']} trials, {found['num_new']} of them new")
    for one in found.get("flagged", []):
        console.print(
            f"  {one['trial_id']} is not used: its {one['benchmark']} is {one['stored']:.6g}, and "
            f"{one['recomputed']:.6g} by its parts",
            highlight=False,
            markup=False,
        )


def cell_padding(console: Console) -> tuple[int, int]:
    """None beside a cell where a terminal is narrow: else Rich would cut numbers short."""
    return (0, 0 if console.width < 100 else 1)


def show_leaderboard(console: Console, board: dict[str, Any]) -> None:
    """Rank, share, mean and interval, what the fit says, differences to the baselines, ties."""
    is_fitted = any(row.get("posterior") for row in board["rows"])
    baselines = list({p["baseline"]: None for row in board["rows"] for p in row["paired"]})
    better = "lower" if board["direction"] == "minimise" else "higher"
    by = " by the transfer score" if board.get("objective") == "transfer" else ""
    within = " and ".join(board.get("compared_within", ()))
    best = f"the best at its own {within}" if within else "the best"
    table = Table(
        title=f"Leaderboard{by}: {board['metric']}, {better} is better "
        f"({board['num_trials']} trials)",
        caption=f"= cannot be told from {best} (95 %); differences are paired by seed",
        padding=cell_padding(console),
    )
    factors = list(board["rows"][0].get("factors", {})) if board["rows"] else []
    fitted = ("posterior", "P(best)") if is_fitted else ()
    # `form`, not `decay.form`: a terminal is 80 columns wide.
    short = [name.split(".")[-1] for name in factors]
    for name in ("rank", "", "SFT share", *short, "mean", "95 % interval", "seeds", *fitted):
        table.add_column(name, justify="right", overflow="fold")
    for name in baselines:
        # Half an interval, `(-0.123,`, in a line: where it is narrower numbers would be cut short.
        table.add_column(f"to {name}", justify="right", overflow="fold", min_width=8)
    for row in board["rows"]:
        pairs = {pair["baseline"]: pair for pair in row["paired"]}
        table.add_row(
            str(row["rank"]),
            "=" if _is_tied(row) else "",
            percent(row["sft_share"]),
            *(str(row["factors"][name]) for name in factors),
            f"{row['mean']:.4f}",
            interval_text(row["interval"]),
            str(len(row["seeds"])),
            *(_fitted(row.get("posterior")) if is_fitted else ()),
            *(_difference(pairs.get(name)) for name in baselines),
        )
    console.print(table)
    for note in board["notes"]:
        say(console, f"  note: {note}")


def _is_tied(row: dict[str, Any]) -> bool:
    """By the fit where there is one."""
    posterior = row.get("posterior")
    return bool(posterior["in_tie_group"] if posterior else row["tied_with_best"])


def _fitted(posterior: dict[str, Any] | None) -> tuple[str, str]:
    if posterior is None:
        return ("", "")
    return f"{posterior['mean']:.4f}", f"{posterior['p_best']:.2f}"


def show_recommendation(console: Console, found: dict[str, Any]) -> None:
    """The sentence, what it was compared with, and what is not known."""
    say(console, f"\n{found['sentence']}", style="bold")
    if found.get("curve", True) is None:
        for name, share in sorted(found["mixture"]["shares"].items(), key=lambda pair: -pair[1]):
            low, high = found["source_intervals"][name]
            between = f"best between {percent(low)} and {percent(high)}"
            say(console, f"  {name}: {percent(share)} ({between})")
    for other in found["compared_with"]:
        say(
            console,
            f"  against {other['baseline']} ({percent(other['sft_share'])} SFT): "
            f"{other['difference']:+.4f} [{interval_text(other['interval'], 4)}], "
            f"better with probability {other['probability_better']:.2f}",
        )
    for one in found.get("verdicts", ()):
        say(console, f"  {verdict_line(one)}")
    if found.get("front") is not None:
        _show_front(console, found["front"])
    for note in found["notes"]:
        say(console, f"  note: {note}")


def verdict_line(one: dict[str, Any]) -> str:
    """`supported: what was claimed. What the trials say of it.`"""
    words = one["claim"]["words"].rstrip()
    return f"{one['verdict']}: {words}{'' if words[-1:] in '.?!' else '.'} {one['sentence']}"


def _show_front(console: Console, front: dict[str, Any]) -> None:
    """A line for each of the few that are most surely on it; `./run decaymix pareto` has all."""
    names = ", ".join(one["name"] for one in front["objectives"])
    rows = front["rows"][:_MOST_OF_FRONT]
    num_more = len(front["rows"]) - len(rows)
    most = f" {len(front['rows'])} mixtures, these most surely" if num_more else ""
    lines = [f"  on the Pareto front of {names}:{most}"]
    for row in rows:
        means = ", ".join(f"{value:.4f}" for value in row["mean"].values())
        own = " ".join([f"{percent(row['sft_share'])} SFT", *row["is_baseline"]])
        lines.append(f"    {own}: {means}, on it with probability {row['p_on_front']:.2f}")
    if num_more:
        lines.append(f"    and {num_more} more: ./run decaymix pareto STUDY, or the study's page")
    for text in [*lines, *(f"  note: {note}" for note in front["notes"])]:
        say(console, text)


def _difference(pair: dict[str, Any] | None) -> str:
    if pair is None:
        return ""
    if pair["interval"] is None:
        return f"{pair['difference']:+.3f}"
    low, high = pair["interval"]
    return f"{pair['difference']:+.3f} ({low:+.3f}, {high:+.3f})"
