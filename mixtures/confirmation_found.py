"""The answer of a confirmation, as it crosses boundaries: JSON, page and command line."""

from typing import Literal

from mixtures.confirmation import Confirmation, Interval, Promise, PromisedDifference
from mixtures.factors import Level
from mixtures.metric import Direction
from mixtures.trial import TrialState
from mixtures.value import Seed, Value

Told = Literal["better", "worse", "not told apart"]
# Of a promised interval: what fresh seeds gave lies in it; or only its interval reaches in; or not.
Held = Literal["inside", "overlaps", "outside"]
Verdict = Literal["confirmed", "not confirmed", "undecided"]


class StandingTrial(Value):
    """A trial of the confirmation, wherever it stands."""

    trial_id: str
    shares: dict[str, float]
    factors: dict[str, Level]
    seed: Seed
    state: TrialState
    message: str | None


class MissingTrial(Value):
    """A mixture and a seed without a score. `trial_id` is None where there is no such trial."""

    mixture: str
    seed: Seed
    trial_id: str | None
    state: TrialState | None
    message: str | None

    @property
    def is_to_come(self) -> bool:
        return self.state is not None and not self.state.is_finished


class MixtureFound(Value):
    """A mixture on fresh seeds, beside what was promised of it.

    `interval` is 95 %, by t over the seeds; `held` says whether the promised one holds `mean`.
    `shortfall` is how much worse than the promised mean it is, `raw_shortfall` than its raw score;
    below 0 it is better. Levels move with the seeds; differences do not.
    """

    names: tuple[str, ...]
    shares: dict[str, float]
    sft_share: float
    factors: dict[str, Level]
    promise: Promise
    num_seeds: int
    mean: float | None
    sd: float | None
    interval: Interval | None
    by_seed: dict[int, float]
    held: Held | None
    shortfall: float | None
    raw_shortfall: float | None
    trial_ids: tuple[str, ...]


class Difference(Value):
    """The objective of `one` less that of `other`, over the seeds that both have.

    `interval` (95 %) and `p_t` are of the paired t test, `p_holm` is `p_t` adjusted for all
    differences of the answer, `p_sign_flip` the exact one over all flips of signs, not adjusted.
    `told` goes by `p_holm`. `left_out` are seeds that one of the two has no score with.
    `is_promised_lead`: the study said that `one` is better, with an interval without zero.
    """

    one: str
    other: str
    difference: float | None
    interval: Interval | None
    sd: float | None
    num_pairs: int
    left_out: tuple[Seed, ...]
    by_seed: dict[int, float]
    p_t: float | None
    p_holm: float | None
    p_sign_flip: float | None
    told: Told
    promised: PromisedDifference | None
    is_promised_lead: bool
    held: Held | None


class Winner(Value):
    """Best by the mean over `seeds`, which all mixtures have; `lead` is its objective less that of
    the `second`, with the interval of the paired t test. `tied`: those that cannot be told from it.
    """

    mixture: str
    second: str
    lead: float
    interval: Interval | None
    tied: tuple[str, ...]
    seeds: tuple[Seed, ...]


class WinnersCurse(Value):
    """The raw top's own score (of `num_trials`) against fresh seeds: `shortfall` is how much worse.

    `seed_shift` is the same of the baselines on average, None without any that is not the raw top
    or recommended; `net` is what is left.
    """

    mixture: str
    promised: float
    num_trials: int
    confirmed: float
    shortfall: float
    seed_shift: float | None
    net: float | None


class ConfirmationAnswer(Value):
    """`id` is the confirmation's own study, `asked` what was written down before its first trial.

    `others` are further confirmations of the same study, newest first: who asks often enough finds
    a lucky one. No verdict but `undecided` while trials are to come.
    """

    id: str
    asked: Confirmation
    others: tuple[str, ...]
    metric: str
    direction: Direction
    seeds: tuple[Seed, ...]
    is_complete: bool
    num_trials: int
    num_complete: int
    mixtures: tuple[MixtureFound, ...]
    differences: tuple[Difference, ...]
    winner: Winner | None
    winners_curse: WinnersCurse | None
    missing: tuple[MissingTrial, ...]
    verdict: Verdict
    sentence: str
    notes: tuple[str, ...]

    @property
    def loss_sign(self) -> float:
        """Times this a difference is one of losses: below 0 the first is better."""
        return 1.0 if self.direction == "minimise" else -1.0
