"""What a study may cost, in trials, in decay tokens and in hours of workers."""

from pydantic import Field

from mixtures.value import Value, added

# A hundred thousand years: more is a slip of the pen, and 1e308 over a trial's hours is no number.
MOST_HOURS = 1e9


class Budget(Value):
    """What the study may cost. No trial is begun that would go beyond any of these."""

    max_trials: int = Field(default=1000, ge=1, le=100_000)
    max_tokens: int | None = added(None, ge=1, description="decay tokens of all trials together")
    max_hours: float | None = added(
        None,
        gt=0,
        le=MOST_HOURS,
        description="of workers, summed over trials: two workers for an hour are two",
    )

    def trials_left(
        self,
        num_trials: int,
        tokens_per_trial: int,
        hours_spent: float,
        hours_per_trial: float,
        tokens_given: int | None = None,
    ) -> tuple[int, str]:
        """How many more trials the budget pays for, and the field that says so.

        `num_trials` are there already, whatever their state; `hours_spent` are those of trials that
        ended, and `hours_per_trial` what one takes, 0 while that is not known. `tokens_given` are
        those of the trials that are there, where not all have `tokens_per_trial`.
        """
        left = {"budget.max_trials": self.max_trials - num_trials}
        if self.max_tokens is not None:
            given = num_trials * tokens_per_trial if tokens_given is None else tokens_given
            left["budget.max_tokens"] = (self.max_tokens - given) // tokens_per_trial
        if self.max_hours is not None:
            hours = self.max_hours - hours_spent
            if hours <= 0:
                left["budget.max_hours"] = 0
            elif hours_per_trial > 0:
                left["budget.max_hours"] = int(hours / hours_per_trial)
        field = min(left, key=lambda name: left[name])
        return max(0, left[field]), field
