"""A few runs of studies, trials and faults in any order; bench/state_machine.py makes a hundred."""

from unittest import mock

import pytest

from bench.state_machine import check
from bench.trials_machine import steps
from mixtures.retries import Retries


def test_whatever_happens_the_trials_are_those_of_the_model() -> None:
    check(num_runs=3, steps_per_run=12, shrinks=False)
    assert steps.total() > 20


def test_a_defect_is_found() -> None:
    # A trial that is lost once is given up: whoever waits for its second try waits for ever.
    with mock.patch.object(Retries, "allows", return_value=False), pytest.raises(AssertionError):
        check(num_runs=6, steps_per_run=10, shrinks=False)
