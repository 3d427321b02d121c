"""How a study chooses its trials: the first ones, and those after."""

from pydantic import Field

from mixtures.value import Seed, Value, added


class Design(Value):
    """The first trials of a space that is no sweep: mixtures that fill it, and repeats.

    Each mixture runs with the study's first seed, `num_repeated` of them, baselines first and in
    turn, with all of its seeds: noise has to be known before a score can be read.
    """

    num_mixtures: int | None = Field(
        default=None, ge=0, le=10_000, description="8 and one for every two free shares, by default"
    )
    num_repeated: int = Field(default=3, ge=0)
    seed: Seed = 0


class Search(Value):
    """Trials after the first, chosen from the scores so far (`propose.py`).

    It stops with the budget; with an expected regret below `stop_regret`, in units of the
    objective; and, unless `stops_early` is false, when nothing is left to gain.
    """

    stop_regret: float | None = Field(default=None, gt=0)
    stops_early: bool = True
    seed: Seed = 0
    # A batch is as many as the cluster runs at once; more would be chosen knowing less.
    short_decay: float | None = added(
        None, gt=0, lt=1, description="cheaper trials too, of this part of decay.tokens"
    )
    num_ahead: int = added(2, ge=1, le=64, description="trials that may wait at once")
