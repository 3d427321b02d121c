"""The report as Markdown: a document to read, check and rerun."""

from collections.abc import Iterable

from mixtures.recommendation import Recommendation
from mixtures.study import StudySpec
from service.pages.numbers import (
    as_sentence,
    percent,
    percent_range,
    probability,
    score,
    times,
    words,
)
from service.report.confirmation_section import confirmation_section
from service.report.markdown_rerun import cost_parts, plain_commands, rerun_parts
from service.report.markdown_tables import (
    benchmark_table,
    board_table,
    difference,
    effects_table,
    group_table,
    table,
)
from service.report.study_report import ReportFigure, StudyReport

# Which figures stand under which heading; those not named stand at the end of the evidence.
_PLACES = {
    "score-by-share": "curve",
    "settings": "curve",
    "profiles": "effects",
    "effects": "effects",
    "best-shares": "benchmarks",
    "mixtures": "board",
    "p-best": "answer",
    "against-baselines": "answer",
}
_OWN_BEST = (
    " A benchmark's best share is of a fit of its own, with the shares that cannot be told from it."
)
FIGURE_NAMES = (*_PLACES, "signal", "regret")


def report_markdown(report: StudyReport, commands: Iterable[str] = ()) -> str:
    """The whole document. `commands` run it again; without any the plain ones are given.

    Figures are named `NAME-FIGURE.svg`, the trials `NAME.csv`, as `decaymix report` writes them.
    """
    spec = report.spec
    answer, confirmation = _answer(report), confirmation_section(report.confirmation)
    parts = [
        f"# {spec.question or spec.name}",
        f"Study `{spec.name}`"
        + ("" if report.is_finished else ", **not finished: what stands here may change**")
        + ".",
        *_verdicts(report),
        # What a confirmation was run for is not which of its few mixtures a fit of it prefers.
        *((*confirmation, *answer) if spec.confirmation else (*answer, *confirmation)),
        "## Method",
        "\n".join(f"- {one}" for one in report.method),
        *_evidence(report),
        *_board(report),
        *_effects(report),
        *_benchmarks(report),
        *_unknown(report),
        *cost_parts(report),
        *rerun_parts(report, list(commands) or plain_commands(spec)),
    ]
    return _plain("\n\n".join(part for part in parts if part)) + "\n"


def _verdicts(report: StudyReport) -> list[str]:
    if not report.verdicts:
        return []
    found = ["## Verdict"]
    for one in report.verdicts:
        source = f" ({one.claim.source})" if one.claim.source else ""
        found.append(
            f"- **{one.verdict.capitalize()}**: {one.claim.words.rstrip('.')}{source}. "
            f"{one.sentence}"
        )
    return [found[0], "\n".join(found[1:])]


def _answer(report: StudyReport) -> list[str]:
    answer = report.recommendation
    if answer is None:
        return ["## Recommendation", f"None: {as_sentence(report.no_answer)}"]
    lines = [
        f"Expected {words(answer.metric)} of the proxy {score(answer.predicted_mean)} "
        f"({score(answer.predicted_interval[0])} to {score(answer.predicted_interval[1])}); the "
        f"best of the mixtures tried and itself with probability "
        f"{probability(answer.p_best_of_choice)}; expected regret "
        f"{score(answer.expected_regret)}. The best SFT share lies at "
        f"{percent_range(answer.best_share_interval)} (95 %)."
    ]
    compared = [
        f"- against {words(one.baseline)} ({percent(one.sft_share)} SFT): "
        f"{difference(one.difference, one.interval)}, "
        f"better with probability {probability(one.probability_better)}"
        for one in answer.compared_with
    ]
    worst = answer.worst_benchmark
    if worst is not None:
        compared.append(
            f"- it loses most on {worst.benchmark}, against {words(worst.baseline)}: "
            f"{difference(worst.difference, worst.interval)}"
        )
    changes = [f"- {one}" for one in report.changes]
    return [
        "## Recommendation",
        f"**{answer.sentence}**"
        + ("" if answer.enough_evidence else " **There is not enough evidence.**"),
        *lines,
        "\n".join(compared),
        _shares(report.spec, answer),
        *_figures(report, "answer"),
        *(["What would change it:", "\n".join(changes)] if changes else []),
    ]


def _shares(spec: StudySpec, answer: Recommendation) -> str:
    has_full = spec.full_run is not None
    header = ["source", "kind", "share", "95 %", "read by the proxy"]
    rows = []
    for source in spec.sources:
        interval = answer.source_intervals.get(source.name)
        read = answer.epochs.get(source.name)
        row = [
            source.name,
            source.kind,
            percent(answer.mixture.shares.get(source.name, 0.0)),
            percent_range(interval) if interval else "",
            times(read.proxy) if read else "",
        ]
        full = read.full_run if read else None
        if has_full:
            row.append("" if full is None else times(full))
        rows.append(row)
    return table([*header, *(["in the full run"] if has_full else [])], rows, left=2)


def _evidence(report: StudyReport) -> list[str]:
    answer = report.recommendation
    found = ["## Evidence"]
    if answer is not None:
        own = answer.evidence
        rho = own.out_of_fold_spearman
        seed = "" if own.seed_sd is None else f", the seed's part {score(own.seed_sd)}"
        found.append(
            f"{own.num_trials} trials of {own.num_mixtures} mixtures on {own.num_seeds} "
            f"seed{'s' if own.num_seeds != 1 else ''}. "
            f"Mixtures left out in turn: rank correlation with their prediction "
            f"{'not known' if rho is None else f'{rho:.3f}'}, error {score(own.out_of_fold_rmse)}, "
            f"{percent(own.out_of_fold_coverage)} inside their 95 % interval. Noise of one trial "
            f"{score(own.noise_sd)}{seed}. Fit: {own.surrogate}."
        )
        found += [f"Short of enough: {one}." for one in own.shortfalls]
    found += _figures(report, "curve")
    return found if len(found) > 1 else []


def _board(report: StudyReport) -> list[str]:
    board = report.board
    if not board.rows:
        return []
    left = report.num_mixtures - len(board.rows)
    better = "lower" if board.direction == "minimise" else "higher"
    told = f"{words(board.metric)}, {better} is better; ranked by {board.ranked_by}"
    what = "mixtures at their levels" if report.spec.axes else "mixtures"
    shown = "all are shown" if not left else f"{left} more are in the table of trials"
    return [
        "## Leaderboard",
        f"{board.num_trials} trials of {report.num_mixtures} {what}: {told}. `=` cannot be told "
        f"from {board.best_words}; differences are paired by seed. The best and the baselines: "
        f"{shown}.",
        board_table(report),
        f"Every trial with all its scores: [{report.spec.name}.csv]({report.spec.name}.csv).",
        *_figures(report, "board"),
    ]


def _effects(report: StudyReport) -> list[str]:
    if report.effects is None:
        return []
    return [
        "## Effects",
        f"On {report.effects.objective}, {words(report.effects.metric)}. Of a share: from the "
        "lowest to the highest that was tried, the others keeping their ratios. Of a level: "
        "against the mean of its factor's levels.",
        effects_table(report.effects),
        *_figures(report, "effects"),
    ]


_GROUPS_OF_LINE = "Groups of benchmarks, with 95 % intervals of the best share:"
_GROUPS_OF_SPACE = (
    "Groups of benchmarks, with 95 % intervals of the best share on average over the compositions "
    "that were tried, which is not the share of the best mixture:"
)


def _benchmarks(report: StudyReport) -> list[str]:
    if not report.signal:
        return []
    groups = group_table(report.best_shares) if report.best_shares else ""
    return [
        "## Benchmarks",
        "Signal is the spread between mixtures, noise that of a trial when its seed alone "
        "changes; below 1 a benchmark shows the seed more than the mixture."
        + (_OWN_BEST if report.spec.space.is_line and report.recommendation else ""),
        benchmark_table(report),
        *(
            [_GROUPS_OF_LINE if report.spec.space.is_line else _GROUPS_OF_SPACE, groups]
            if groups
            else []
        ),
        *_figures(report, "benchmarks"),
        *_figures(report, None),
    ]


def _unknown(report: StudyReport) -> list[str]:
    if not report.notes:
        return []
    return ["## What is not known", "\n".join(f"- {one}" for one in report.notes)]


def _figures(report: StudyReport, place: str | None) -> list[str]:
    return [_figure(report, one) for one in report.figures if _PLACES.get(one.name) == place]


def _figure(report: StudyReport, one: ReportFigure) -> str:
    return f"![{one.title}]({report.spec.name}-{one.name}.svg)"


def _plain(text: str) -> str:
    """Figures as people type them: a search for `-0.014` finds it."""
    return text.replace("\u00a0", " ").replace("\u2212", "-")
