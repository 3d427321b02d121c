"""The choice of `fit` by a rule, on a bowl whose bottom is flat enough to leave a choice."""

import numpy as np
import pytest

from mixtures.choice_rule import CHOICE_RULES, ChoiceRule
from mixtures.own_answer import OwnAnswer, answer_own
from mixtures.own_choice import own_liking, with_choice
from mixtures.own_tables import BadTable, Mixtures, read_mixtures, read_scores
from mixtures.own_trials import join

SOURCES = ("web", "books", "chat")
SAMPLES = 500


def tables(count: int = 24) -> tuple[str, str]:
    rng = np.random.default_rng(0)
    mixtures, scores = ["id,web,books,chat"], ["id,loss"]
    for place in range(count):
        chat = float(rng.uniform(0, 1))
        web = (1 - chat) * float(rng.uniform(0, 1))
        mixtures.append(f"t{place},{web},{1 - chat - web},{chat}")
        loss = 2.0 + (chat - 0.5) ** 2 + 0.03 * rng.standard_normal()
        scores.append(f"t{place},{loss}")
    return "\n".join(mixtures), "\n".join(scores)


@pytest.fixture(scope="module", params=[False, True], ids=["region", "candidates"])
def answer(request: pytest.FixtureRequest) -> OwnAnswer:
    mixtures, scores = tables()
    trials = join(read_mixtures(mixtures, "M"), read_scores(scores, "S"), None)
    candidates = None
    if request.param:
        rows = np.random.default_rng(1).dirichlet(np.ones(3), 30)
        candidates = Mixtures(ids=tuple(f"c{k}" for k in range(30)), sources=SOURCES, shares=rows)
    return answer_own(trials, is_loss=True, candidates=candidates, num_samples=SAMPLES, seed=0)


def chosen(answer: OwnAnswer, rule: ChoiceRule) -> OwnAnswer:
    sft = ["chat"] if rule == "cheapest" else []
    current = {"books": 1.0} if rule == "closest_to_current" else {}
    return with_choice(answer, own_liking(rule, SOURCES, sft, current), SAMPLES, 0)


def test_each_rule_takes_what_it_likes_of_what_cannot_be_told_from_the_best(
    answer: OwnAnswer,
) -> None:
    found = {rule: chosen(answer, rule) for rule in CHOICE_RULES}
    assert found["lowest_mean"].mixture == answer.mixture
    chat = {rule: one.mixture["chat"] for rule, one in found.items()}
    assert chat["cheapest"] < chat["lowest_mean"] - 0.05
    assert chat["cheapest"] <= min(chat.values()) + 1e-3
    books = {rule: one.mixture["books"] for rule, one in found.items()}
    assert books["closest_to_current"] >= max(books.values())
    for rule, one in found.items():
        pool = one.chosen_from
        assert pool.best.is_tied[pool.best.choice] or rule == "most_probable"
        # The interval of each source holds the choice.
        for source, (low, high) in one.intervals.items():
            assert low <= one.mixture[source] <= high
        if answer.of_candidates is not None:
            assert pool.ids[pool.best.choice] in answer.of_candidates.ids
    probable = found["most_probable"].chosen_from
    compared = answer.of_candidates or answer.of_trials
    best = compared.ids[int(np.argmax(compared.best.p_best))]
    assert probable.ids[probable.best.choice] == best


def test_a_share_of_the_current_mixture_is_one_and_they_sum_to_one() -> None:
    with pytest.raises(BadTable, match=r"--current web=1.5: expected a share from 0 to 1"):
        own_liking("closest_to_current", SOURCES, [], {"web": 1.5, "chat": -0.5})
    liking = own_liking("closest_to_current", SOURCES, [], {"web": 0.7, "chat": 0.31})
    assert liking.current == pytest.approx([0.7 / 1.01, 0.0, 0.31 / 1.01])
