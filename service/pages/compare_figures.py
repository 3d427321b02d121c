"""The figures of a comparison: what each mixture is made of, what it scored, how far it is off."""

from collections.abc import Sequence

from mixtures.compare_studies import StudyComparison, StudyPair
from mixtures.compare_trials import OBJECTIVE
from mixtures.trial_comparison import TrialComparison
from service.pages.figure import Figure, clipped
from service.pages.line_figure import Series, line_drawing
from service.pages.row_figure import Row, cell_drawing, interval_drawing


def trial_figures(compared: TrialComparison, shown: str) -> tuple[Figure, ...]:
    """Mixtures, scores and differences; `shown` is `objective` or a benchmark."""
    words = compared.metric.replace("_", " ")
    what = words if shown == OBJECTIVE else f"{words} of {shown}"
    figures = [_mixtures(compared), _scores(compared, shown, what)]
    if any(one.differences for one in compared.mixtures):
        figures.append(_differences(compared, shown, what))
    return tuple(figures)


def _mixtures(compared: TrialComparison) -> Figure:
    rows = [
        (
            _label(one.label, one.sft_share),
            [one.shares.get(name, 0.0) for name in compared.sources],
        )
        for one in compared.mixtures
    ]
    return Figure(
        name="mixtures",
        title="Mixtures",
        svg=cell_drawing(rows, compared.sources, title="Mixtures"),
        header=("mixture", *compared.sources),
        rows=tuple((label, *shares) for label, shares in rows),
    )


def _scores(compared: TrialComparison, shown: str, what: str) -> Figure:
    """Each trial with its interval over items; of the objective the mean of its mixture."""
    rows: list[Row] = []
    table: list[tuple[str, float | None, float | None, float | None]] = []
    trials = {trial.trial_id: trial for trial in compared.trials}
    for one in compared.mixtures:
        if shown == OBJECTIVE:
            label = _label(one.label, one.sft_share)
            value, interval = one.mean, one.interval
            rows.append(Row(label=label, values=((value, interval, "s0"),)))
            table.append((label, value, *(interval or (None, None))))
            continue
        for trial_id in one.trial_ids:
            trial = trials[trial_id]
            score = trial.scores.get(shown)
            label = f"{one.label}, seed {trial.seed}"
            value = score.value if score else None
            interval = score.interval if score else None
            rows.append(Row(label=label, values=((value, interval, "s0"),)))
            table.append((label, value, *(interval or (None, None))))
    title = f"{what[:1].upper()}{what[1:]}"
    return Figure(
        name="scores",
        title=title,
        svg=interval_drawing(rows, title=title, x_label=what),
        header=("mixture" if shown == OBJECTIVE else "trial", what, "95 % from", "to"),
        rows=tuple(table),
    )


def _differences(compared: TrialComparison, shown: str, what: str) -> Figure:
    rows, table = [], []
    for one in compared.mixtures:
        difference = one.differences.get(shown)
        if difference is None:
            continue
        label = _label(one.label, one.sft_share)
        rows.append(Row(label=label, values=((difference.value, difference.interval, "s0"),)))
        low, high = difference.interval or (None, None)
        table.append((label, difference.value, low, high, difference.num_pairs))
    title = "Difference to A on common seeds"
    return Figure(
        name="differences",
        title=title,
        svg=interval_drawing(rows, title=title, x_label=f"{what}, minus A", zero=True),
        header=("mixture", "difference", "95 % from", "to", "common seeds"),
        rows=tuple(table),
    )


def study_figures(compared: StudyComparison) -> tuple[Figure, ...]:
    """Best shares with their intervals, and common mixtures of each pair."""
    figures = []
    lines = [one for one in compared.studies if one.sft_share is not None]
    if lines:
        rows = [Row(label=one.name, values=((one.sft_share, one.interval, "s0"),)) for one in lines]
        title = "Best SFT share"
        figures.append(
            Figure(
                name="best-shares",
                title=title,
                svg=interval_drawing(
                    rows,
                    title=title,
                    x_label="SFT share, and what cannot be told from it",
                    percent=True,
                ),
                header=("study", "SFT share", "from", "to"),
                rows=tuple(
                    (one.name, one.sft_share, *(one.interval or (None, None))) for one in lines
                ),
            )
        )
    names = {one.study_id: one.name for one in compared.studies}
    figures += [
        _common(pair, names, place) for place, pair in enumerate(compared.pairs) if pair.common
    ]
    return tuple(figures)


# Of a study's name along an axis.
MOST_LETTERS = 30


def _common(pair: StudyPair, names: dict[str, str], place: int) -> Figure:
    first, second = names[pair.first], names[pair.second]
    title = f"Mixtures of both: {first} and {second}"
    points = Series(
        label="mixture",
        kind="points",
        x=[one.first for one in pair.common],
        y=[one.second for one in pair.common],
    )
    return Figure(
        name=f"common-{place + 1}",
        title=title,
        svg=line_drawing(
            [points],
            title=title,
            x_label=f"mean in {clipped(first, MOST_LETTERS)}",
            y_label=f"mean in {clipped(second, MOST_LETTERS)}",
            x_range=_range([one.first for one in pair.common]),
        ),
        header=("SFT share", first, second),
        rows=tuple((one.sft_share, one.first, one.second) for one in pair.common),
    )


def _range(values: Sequence[float]) -> tuple[float, float]:
    room = 0.05 * (max(values) - min(values)) or 0.05 * abs(values[0]) or 1.0
    return min(values) - room, max(values) + room


def _label(label: str, sft_share: float) -> str:
    share = f"{100 * sft_share:.1f}".removesuffix(".0")
    return f"{label}, {share} % SFT"
