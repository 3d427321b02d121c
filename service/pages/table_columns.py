"""The columns that the table of a study's page can show: titles, meanings, which are usual."""

from dataclasses import dataclass

from mixtures.rank import Leaderboard
from mixtures.study import StudySpec

# Columns that only a fit fills, by what it calls them.
OF_POSTERIOR = {
    "posterior": "mean",
    "p_best": "p_best",
    "p_top": "p_top_k",
    "regret": "expected_regret",
}
# Parts of the noise of a mean (`mixtures/row_noise.py`).
_NOISE = {
    "seed": ("Noise of seeds", "what other seeds would move the mean by: one standard deviation"),
    "subset": ("Noise of the data", "what other draws of the data would move the mean by"),
    "item": ("Noise of items", "what other items of the benchmarks would move the mean by"),
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Column:
    """`key` names it in the address; `is_usual`: shown unless the user chose otherwise."""

    key: str
    title: str
    about: str
    is_usual: bool


def columns_of(spec: StudySpec, board: Leaderboard, has_posterior: bool) -> tuple[Column, ...]:
    """All, in order; also those of OF_POSTERIOR, which a fit may fill later."""
    better = "lower" if board.direction == "minimise" else "higher"
    k = board.top_k
    return (
        Column(key="rank", title="Rank", about=f"by {board.ranked_by}", is_usual=True),
        Column(key="share", title="SFT share", about="of the decay's tokens", is_usual=True),
        Column(
            key="posterior",
            title="Posterior",
            about=f"expected without noise, with its 95 % interval; {better} is better",
            is_usual=True,
        ),
        Column(key="p_best", title="P(best)", about="of the mixtures tried", is_usual=True),
        Column(key="p_top", title=f"P(top {k})", about=f"among the {k} best", is_usual=False),
        Column(
            key="regret",
            title="Expected regret",
            about="how much worse than the best one it is on average",
            is_usual=False,
        ),
        Column(key="mean", title="Mean", about=f"of its trials; {better} is better", is_usual=True),
        Column(
            key="interval",
            title="95 % interval",
            about="of the mean, from the noise of seeds",
            is_usual=not has_posterior,
        ),
        *(
            Column(
                key=f"against:{name}",
                title=f"Against {name.replace('_', ' ')}",
                about="difference of means seed by seed",
                is_usual=True,
            )
            for name in spec.baseline_mixtures
        ),
        Column(key="trials", title="Trials", about="completed", is_usual=True),
        Column(
            key="epochs",
            title="Epochs",
            about="how often it reads the source that it repeats most",
            is_usual=False,
        ),
        *(
            Column(key=f"noise:{part}", title=title, about=about, is_usual=False)
            for part, (title, about) in _NOISE.items()
        ),
        *(
            Column(
                key=f"score:{one.name}",
                title=one.name,
                about="mean of its trials on this benchmark",
                is_usual=False,
            )
            for one in spec.benchmarks
        ),
    )
