"""The metrics: what each one says of a benchmark's items, and which way is better.

Small proxies sit at chance on accuracy while the likelihood of the right answer already tells
them apart (DataDecide, arXiv 2504.11393), and no one metric serves every benchmark. So a trial
keeps several, and the objective takes one.
"""

from typing import Final, Literal

from mixtures.value import InvalidField, Value

Direction = Literal["minimise", "maximise"]

# The metric that separates small proxies: accuracy sits at chance for them.
BITS_PER_BYTE: Final = "bits_per_byte"


class Metric(Value):
    """One metric; `about` is a sentence for people."""

    name: str
    direction: Direction
    about: str


METRICS = {
    metric.name: metric
    for metric in (
        Metric(
            name=BITS_PER_BYTE,
            direction="minimise",
            about="bits of the right answer given the prompt, over its bytes",
        ),
        Metric(
            name="acc",
            direction="maximise",
            about="share of items whose most likely choice is the right one",
        ),
        Metric(
            name="acc_norm",
            direction="maximise",
            about="the same with each choice's log-likelihood over its bytes",
        ),
        Metric(
            name="choice_probability",
            direction="maximise",
            about="probability of the right choice among the choices",
        ),
        Metric(
            name="brier",
            direction="minimise",
            about="squared distance of the choices' probabilities from the right answer",
        ),
        Metric(
            name="ece",
            direction="minimise",
            about="expected calibration error: how far confidence lies from accuracy",
        ),
        # What task files of lm-evaluation-harness ask for; each is the harness's own.
        Metric(name="acc_bytes", direction="maximise", about="acc_norm, by bytes"),
        Metric(
            name="acc_mutual_info",
            direction="maximise",
            about="accuracy with each choice's likelihood over that without the prompt",
        ),
        Metric(name="brier_score", direction="minimise", about="brier"),
        Metric(
            name="exact_match",
            direction="maximise",
            about="share of items whose generated text is the right answer",
        ),
        Metric(
            name="pass_at_1",
            direction="maximise",
            about="share of items whose generated code passes its tests",
        ),
        Metric(name="f1", direction="maximise", about="F1 of the choices"),
        Metric(name="mcc", direction="maximise", about="Matthews correlation of the choices"),
        Metric(name="perplexity", direction="minimise", about="perplexity of the answers"),
    )
}
CHOICE_METRICS = (BITS_PER_BYTE, "acc", "acc_norm", "choice_probability", "brier", "ece")


def known_metric(metric: str) -> Metric | None:
    """The metric of a score's name; None for one that nobody knows.

    A task file's filter is part of the name, after a comma: `exact_match,strict-match`.
    """
    return METRICS.get(metric.split(",")[0])


def direction_of(metric: str) -> Direction:
    """Which way is better; raises InvalidField for a metric that nobody knows."""
    known = known_metric(metric)
    if known is None:
        raise InvalidField(
            "objective.metric",
            metric,
            f"objective.metric {metric!r} is no metric; there are {sorted(METRICS)}",
        )
    return known.direction
