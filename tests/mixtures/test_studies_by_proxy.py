"""One study over three proxies is three studies to compare."""

import numpy as np
import pytest

from mixtures.across_proxies import ProxyStudy, across_proxies
from mixtures.observation import Observation
from mixtures.studies_by_proxy import by_proxy
from tests.mixtures.share_study import SWEEP, make_study

BEST = {"pico": 0.5, "nano": 0.55, "tiny": 0.6}


def given(**space: object) -> ProxyStudy:
    factors = {"proxy": list(BEST)}
    proxy = {"preset": "pico", "vocab_size": 2048, "context_tokens": 256}
    study = make_study(("math",), proxy=proxy, space={"sft_share": SWEEP, "factors": factors})
    rng = np.random.default_rng(0)
    trials = [
        Observation(
            trial_id=f"{name} {share} {seed}",
            shares=study.mixture_at(share).shares,
            sft_share=share,
            seed=seed,
            scores={"math": (share - best) ** 2 + 0.004 * rng.standard_normal()},
            factors={"proxy": name},
        )
        for name, best in BEST.items()
        for share in SWEEP
        for seed in (0, 1)
    ]
    return ProxyStudy(id="one", study=study, observations=tuple(trials), parameters=394_080)


def test_each_level_is_a_study_of_its_own_size_and_trials() -> None:
    found = by_proxy(given())
    assert [one.id for one in found] == ["one@pico", "one@nano", "one@tiny"]
    assert [one.parameters for one in found] == [394_080, 6_033_664, 54_282_752]
    assert [len(one.observations) for one in found] == [24, 24, 24]
    # The study's own vocabulary and context hold at every size.
    assert {one.study.proxy.vocab_size for one in found} == {2048}
    assert all(one.trial_id.startswith("nano") for one in found[1].observations)


def test_they_are_compared_and_carried_to_the_full_model() -> None:
    found = across_proxies(by_proxy(given()))
    best = {one.proxy: one.best_sft_share for one in found.studies}
    assert best == pytest.approx(BEST, abs=0.05)
    assert len(found.pairs) == 3
    assert found.extrapolation is not None


def test_a_study_of_one_proxy_stays_as_it_is() -> None:
    plain = make_study(("math",))
    one = ProxyStudy(id="x", study=plain, observations=(), parameters=1)
    assert by_proxy(one) == [one]
