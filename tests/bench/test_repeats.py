"""Seeds go where they change the answer: better than equal repeats, and no worse than OCBA."""

import numpy as np

from bench.repeats import by_ocba, by_search, equally, one_study


def test_the_searchs_repeats_lose_less_than_equal_ones_and_no_more_than_ocba() -> None:
    def regret(rule, budget: int) -> float:  # type: ignore[no-untyped-def]
        return float(np.mean([one_study(rule, 1.5, seed, budget)[budget][0] for seed in range(80)]))

    search, ocba = regret(by_search, 40), regret(by_ocba, 40)
    assert search < 0.5 * regret(equally, 40)
    assert search < 1.15 * ocba


def test_ocba_gives_what_its_theorem_says() -> None:
    # Gaps 1 and 2: shares 1 to 1/4, the leader sqrt(1 + 1/16) = 1.03: of 22.8 trials 10, 2.5, 10.3.
    mean = np.array([0.0, 1.0, 2.0])
    assert by_ocba(mean, np.array([10.3, 9.0, 2.5]), 1.0) == 1
    assert by_ocba(mean, np.array([8.0, 10.0, 2.5]), 1.0) == 0
    assert by_ocba(mean, np.array([10.3, 10.0, 1.0]), 1.0) == 2
