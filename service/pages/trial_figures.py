"""The figures of one trial: how it learned, and its scores beside those of the baselines."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from mixtures.study import StudySpec
from service.pages.figure import Figure
from service.pages.line_figure import Series, line_drawing
from service.pages.row_figure import Row, interval_drawing
from service.trial_detail import TrialCurve

if TYPE_CHECKING:
    from service.pages.trial_view import ScoreLine

_TOKENS = "tokens read in the decay"
# What can be told apart on one row beside the trial itself.
_STYLES = ("s1", "s2")
# A running mean goes over this part of all points.
_SMOOTH_PART = 20


def curve_figures(curve: TrialCurve) -> tuple[Figure, ...]:
    """Loss, learning rate and throughput; none where there is no curve."""
    if not curve.points:
        return ()
    tokens = [point.tokens for point in curve.points]
    rows = tuple((p.tokens, p.loss, p.learning_rate) for p in curve.points)
    of_points = [
        ("loss", "Loss", "nats per token", [point.loss for point in curve.points], False),
        (
            "learning-rate",
            "Learning rate",
            "learning rate",
            [point.learning_rate for point in curve.points],
            True,
        ),
    ]
    figures = [
        Figure(
            name=f"{curve.trial_id}-{name}",
            title=title,
            svg=line_drawing(
                _lines(title, tokens, values, is_noisy=name == "loss"),
                title=title,
                x_label=_TOKENS,
                y_label=unit,
                from_zero=from_zero,
                x_range=(0.0, float(tokens[-1])),
            ),
            header=("tokens", "loss", "learning rate"),
            rows=rows,
        )
        for name, title, unit, values, from_zero in of_points
    ]
    if curve.rates:
        figures.append(
            Figure(
                name=f"{curve.trial_id}-throughput",
                title="Throughput",
                svg=line_drawing(
                    [
                        Series(
                            label="Throughput",
                            kind="line",
                            x=[rate.tokens for rate in curve.rates],
                            y=[rate.tokens_per_second for rate in curve.rates],
                        )
                    ],
                    title="Throughput",
                    x_label=_TOKENS,
                    y_label="tokens per second",
                    from_zero=True,
                    x_range=(0.0, float(tokens[-1])),
                ),
                header=("tokens", "tokens per second"),
                rows=tuple((r.tokens, r.tokens_per_second) for r in curve.rates),
            )
        )
    return tuple(figures)


def _lines(label: str, x: Sequence[float], y: Sequence[float], *, is_noisy: bool) -> list[Series]:
    """One line; of a loss, whose batches differ, a running mean over it."""
    if not is_noisy:
        return [Series(label=label, kind="line", x=x, y=y)]
    half = max(1, len(y) // _SMOOTH_PART // 2)
    means = [
        sum(window) / len(window)
        for place in range(len(y))
        if (window := y[max(0, place - half) : place + half + 1])
    ]
    return [
        Series(label=label, kind="line", x=x, y=y, style="faint"),
        Series(label="running mean", kind="line", x=x, y=means),
    ]


def score_figure(
    spec: StudySpec, lines: Sequence["ScoreLine"], baselines: Sequence[str]
) -> Figure | None:
    """The objective's metric on each benchmark, with up to two baselines of the same seed."""
    metric = spec.objective.metric
    own = [line for line in lines if line.score.metric == metric]
    if not own:
        return None
    shown = shown_baselines(own, baselines)
    words = metric.replace("_", " ")
    rows = [
        Row(
            label=line.score.benchmark,
            values=(
                (line.score.value, line.interval, "s0"),
                *(
                    (line.of_baselines.get(name), None, style)
                    for name, style in zip(shown, _STYLES, strict=False)
                ),
            ),
        )
        for line in own
    ]
    title = f"{words[:1].upper()}{words[1:]} by benchmark"
    return Figure(
        name="scores",
        title=title,
        svg=interval_drawing(rows, title=title, x_label=words),
        header=("benchmark", words, "95 % from", "to", *shown),
        rows=tuple(
            (
                line.score.benchmark,
                line.score.value,
                line.interval[0] if line.interval else None,
                line.interval[1] if line.interval else None,
                *(line.of_baselines.get(name) for name in shown),
            )
            for line in own
        ),
    )


def shown_baselines(lines: Sequence["ScoreLine"], baselines: Sequence[str]) -> list[str]:
    """Those that `score_figure` draws, for its key."""
    return [name for name in baselines if any(name in line.of_baselines for line in lines)][
        : len(_STYLES)
    ]
