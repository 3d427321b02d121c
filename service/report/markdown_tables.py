"""The tables of a report in Markdown."""

from collections.abc import Iterable, Sequence

from mixtures.best_share_moves import PartBestShare
from mixtures.factor_effects import FactorEffects
from mixtures.factors import Level, level_words
from mixtures.rank import LeaderboardRow
from service.pages.mixture_table import is_tied
from service.pages.numbers import percent, percent_range, probability, score, signed, words
from service.report.study_report import StudyReport

# Of a mixture with many sources the largest shares say enough; the table of trials has all.
_MOST_SHARES = 6


def table(header: Sequence[str], rows: Iterable[Sequence[str]], left: int = 1) -> str:
    """`left` columns are aligned to the left, the rest to the right."""
    rule = ["---" if place < left else "--:" for place in range(len(header))]
    lines = [header, rule, *rows]
    return "\n".join("| " + " | ".join(map(_cell, line)) + " |" for line in lines)


def board_table(report: StudyReport) -> str:
    """The rows that are shown."""
    board, spec = report.board, report.spec
    axes = [str(axis.name) for axis in spec.axes]
    is_fitted = any(row.posterior for row in board.rows)
    is_open = "sft" in spec.space.free_groups
    baselines = list(spec.baseline_mixtures)
    header = ["rank", "", "SFT share", *(["shares inside SFT"] if is_open else []), *axes]
    header += ["mean", "95 %", "seeds", *(["posterior", "P(best)"] if is_fitted else [])]
    header += [f"to {words(name)}" for name in baselines]
    rows = []
    for row in board.rows:
        pairs = {pair.baseline: pair for pair in row.paired}
        tags = " ".join(words(name) for name in row.is_baseline)
        cells = [str(row.rank), " ".join(filter(None, ["=" if is_tied(row) else "", tags]))]
        cells += [percent(row.sft_share), *([_inside(report, row)] if is_open else [])]
        cells += [_level(row.factors.get(name)) for name in axes]
        cells += [score(row.mean), _interval(row.interval), str(len(row.seeds))]
        if is_fitted:
            own = row.posterior
            cells += (
                [f"{score(own.mean)} ± {score(1.96 * own.sd)}", probability(own.p_best)]
                if (own)
                else ["", ""]
            )
        for name in baselines:
            pair = pairs.get(name)
            cells.append("" if pair is None else difference(pair.difference, pair.interval))
        rows.append(cells)
    return table(header, rows, left=2)


def benchmark_table(report: StudyReport) -> str:
    """Signal and noise, and each benchmark's own best share where the SFT share moves."""
    answer, spec = report.recommendation, report.spec
    groups = {one.name: one.group for one in spec.benchmarks}
    # Where the shares inside a group are open, a benchmark's best mixture is no one share.
    is_told = answer is not None and spec.space.is_line
    own = {one.benchmark: one for one in answer.per_benchmark} if answer and is_told else {}
    header = ["benchmark", "group", "weight", "signal", "noise", "ratio"]
    header += ["best share", "like the best"] if own else []
    rows = []
    for one in report.signal:
        best = own.get(one.benchmark)
        rows.append(
            [
                one.benchmark,
                groups[one.benchmark],
                f"{spec.objective.weight_of(one.benchmark):.3g}",
                score(one.signal_sd),
                "" if one.noise_sd is None else score(one.noise_sd),
                "" if one.ratio is None else f"{one.ratio:.1f}{' weak' if one.is_weak else ''}",
                *([percent(best.best_share), percent_range(best.interval)] if best else []),
            ]
        )
    return table(header, rows, left=2)


def group_table(parts: Sequence[PartBestShare]) -> str:
    """The objective and each group."""
    rows = [
        [
            part.name,
            "flat" if part.is_flat else percent(part.sft_share),
            percent_range(part.lowest_point),
            percent_range(part.like_best),
        ]
        for part in parts
    ]
    return table(["group", "best share", "95 %", "like the best"], rows)


def effects_table(effects: FactorEffects) -> str:
    """Factors by size, then the levels of factors."""
    rows = [
        [
            words(one.factor),
            f"{percent(one.shares[0])} to {percent(one.shares[-1])}",
            difference(one.total, one.total_interval),
            probability(one.probability_better),
        ]
        for one in effects.factors
    ]
    rows += [
        [
            one.factor,
            _level(level),
            difference(effect, (low, high)),
            f"{probability(best)} best",
        ]
        for one in effects.levels
        for level, effect, low, high, best in zip(
            one.levels, one.effect, one.low, one.high, one.probability_best, strict=True
        )
    ]
    return table(["factor", "from, to, or level", "effect (95 %)", "P(better)"], rows, left=2)


def data_tables(report: StudyReport) -> list[str]:
    """Sources with their licences, and benchmarks with the items that were scored."""
    own = report.provenance
    hashes = {name: f"`{found[:16]}`" for name, found in own.data_hashes.items()}
    sources = [
        [one.name, one.kind, one.domain, one.licence, hashes.get(f"sources.{one.name}", "")]
        for one in report.spec.sources
    ]
    benchmarks = [
        [
            one.name,
            one.group,
            "" if one.held_out is None else f"held-out {one.held_out}",
            str(own.items.get(one.name, "")),
            hashes.get(f"benchmarks.{one.name}", ""),
        ]
        for one in report.spec.benchmarks
    ]
    return [
        table(["source", "kind", "domain", "licence", "content"], sources, left=5),
        table(["benchmark", "group", "of", "items", "content"], benchmarks, left=3),
    ]


def _inside(report: StudyReport, row: LeaderboardRow) -> str:
    """Shares inside the SFT group, the largest first."""
    names = [one.name for one in report.spec.sources if one.kind == "sft"]
    held = sorted(((row.shares.get(name, 0.0), name) for name in names), reverse=True)
    total = sum(share for share, _ in held)
    if total <= 0:
        return ""
    said = [f"{name} {100 * share / total:.0f}" for share, name in held[:_MOST_SHARES] if share > 0]
    return ", ".join(said) + (", ..." if len(held) > _MOST_SHARES else "")


def difference(value: float, interval: tuple[float, float] | None) -> str:
    """`-0.0142 (-0.0294 to -0.0004)`."""
    if interval is None:
        return signed(value)
    return f"{signed(value)} ({signed(interval[0])} to {signed(interval[1])})"


def _interval(interval: tuple[float, float] | None) -> str:
    return "" if interval is None else f"{score(interval[0])} to {score(interval[1])}"


def _level(level: Level | None) -> str:
    return "" if level is None else level_words(level)


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")
