"""Studies, trials and faults in any order, against a model of what each step must do (hypothesis).

    python bench/state_machine.py [--quick] [--seed N]

The steps, and what holds after each, are in `bench/trials_machine.py`.
"""

import argparse
import logging
import time
import traceback

import structlog
from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis.stateful import run_state_machine_as_test

from bench.goal import goal_line
from bench.trials_machine import Trials, steps

# Goal: no step of the full run ends otherwise than the model says.
NUM_RUNS, STEPS_PER_RUN = 100, 50
QUICK_RUNS, QUICK_STEPS = 10, 20


def check(
    num_runs: int, steps_per_run: int, seed_: int | None = None, shrinks: bool = True
) -> None:
    """Raises AssertionError with the steps that lead to what the model does not say, the shortest
    that are found where it `shrinks`.
    """
    machine = Trials if seed_ is None else seed(seed_)(Trials)
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=num_runs,
            stateful_step_count=steps_per_run,
            deadline=None,
            database=None,
            derandomize=seed_ is None,
            phases=[Phase.generate, Phase.shrink] if shrinks else [Phase.generate],
            suppress_health_check=list(HealthCheck),
        ),
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help=f"{QUICK_RUNS} runs")
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    num = (QUICK_RUNS, QUICK_STEPS) if given.quick else (NUM_RUNS, STEPS_PER_RUN)
    # What the service logs of each trial would bury the result.
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    started, num_wrong = time.monotonic(), 0
    try:
        check(*num, given.seed)
    except AssertionError as error:
        num_wrong = 1
        notes = "\n".join(getattr(error, "__notes__", ()))
        # An assertion has no words of its own here; the place where it stands says which it was.
        print(f"FAILED {error}\n{traceback.format_exc(limit=-2)}\n{notes}")
    told = ", ".join(f"{name} {count}" for name, count in sorted(steps.items()))
    print(f"{steps.total()} steps in {time.monotonic() - started:.0f} s: {told}")
    print(goal_line("state_machine_steps", steps.total(), 5 * num[0], is_at_least=True))
    print(goal_line("state_machine_wrong", num_wrong, 0))


if __name__ == "__main__":
    main()
