"""What trials cost, spent or still to come."""

from mixtures.value import Value


class Cost(Value):
    """`tokens` are those of decays; `hours` are of workers, summed over trials: two for an hour are
    two. None while nothing has shown how long a trial takes.
    """

    num_trials: int
    tokens: int
    hours: float | None
