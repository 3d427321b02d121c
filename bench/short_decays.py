"""Whether shorter decays pay: regret at equal tokens with `search.short_decay` and without.

Studies as in bench/search.py, five sources. A short decay (a quarter of the tokens) has scores of
its own: a mixture's true ones, flattened and moved, blended with those of another study of the same
law, so that it goes together with the full decay fully, in part or not at all. The search is not
told. Regret is that of the fully trained mixture of lowest posterior mean, in units of what a
middling mixture loses to the best.

    python bench/short_decays.py [--quick] [--studies N]
"""

import argparse
from collections.abc import Callable

import numpy as np

from bench.search_truths import NUM_BENCHMARKS, Array, Truth, make_truth, observed
from mixtures.design import first_trials, trials_of_request
from mixtures.observation import Observation, complete_observations
from mixtures.propose import Memory, propose
from mixtures.search_data import search_data
from mixtures.search_gp import posterior_of
from mixtures.study import StudySpec
from mixtures.trial import TrialSpec

NUM_SOURCES, NOISE, PART, FULL_TRIALS, BATCH = 5, 0.3, 0.25, 32, 2
BLENDS = (1.0, 0.5, 0.0)
LAWS = ("bowl", "power")


def run(study: StudySpec, scores: Callable[[TrialSpec], Array], truth: Truth) -> tuple[float, int]:
    """Regret once the tokens of FULL_TRIALS are spent, and how many short decays there were."""
    memory, budget = Memory(), FULL_TRIALS * study.decay.tokens
    trials: list[Observation] = []
    specs = first_trials(study, "s", {})
    num_short, spent = 0, 0
    while True:
        for spec in specs:
            spent += spec.decay.tokens
            num_short += spec.decay.tokens < study.decay.tokens
            trials.append(observed(spec, scores(spec)))
        if spent >= budget:
            break
        requests = propose(study, trials, [], BATCH, memory=memory).requests
        specs = [one for r in requests for one in trials_of_request(r, study, "s", {})]
    complete, _ = complete_observations(study, trials, with_short=True)
    data = search_data(study, complete, 10**6)
    assert data is not None
    posterior = posterior_of(list(data.parts.values()), [None] * len(data.parts))
    full = data.points[~data.layout.is_short(data.points)]
    best = full[int(np.argmin(posterior.mean(full)))][:NUM_SOURCES]
    return truth.regret(best), num_short


def regrets(law: str, blend: float | None, seed: int) -> tuple[float, int]:
    """`blend` None: without short decays."""
    truth, other = (make_truth(law, NUM_SOURCES, NOISE, seed + more) for more in (0, 5_000))
    fields = truth.study.model_dump(mode="json")
    fields["search"] = {"stops_early": False, **({} if blend is None else {"short_decay": PART})}
    study = StudySpec.model_validate(fields)
    rng = np.random.default_rng([seed, 7])

    def scores(spec: TrialSpec) -> Array:
        shares = np.array(list(spec.mixture.shares.values()))[None]
        noise = truth.noise(shares)[0] * rng.standard_normal(NUM_BENCHMARKS)
        if blend is None or spec.decay.tokens == study.decay.tokens:
            return np.asarray(truth.scores(shares)[0] + noise)
        mixed = blend * truth.scores(shares)[0] + (1 - blend) * other.scores(shares)[0]
        return np.asarray(0.4 + 0.6 * mixed + 0.6 * noise)

    return run(study, scores, truth)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--studies", type=int)
    given = parser.parse_args()
    num = given.studies or (3 if given.quick else 20)
    print(f"{num} studies a law ({', '.join(LAWS)}), tokens of {FULL_TRIALS} full trials")
    print("short decays agree   mean regret   short decays a study")
    means: dict[float | None, float] = {}
    for blend in (None, *BLENDS):
        found = [regrets(law, blend, seed) for law in LAWS for seed in range(num)]
        means[blend] = float(np.mean([regret for regret, _ in found]))
        name = "(none)" if blend is None else f"{blend:g}"
        short = np.mean([count for _, count in found])
        print(f"{name:>18s} {means[blend]:13.4f} {short:22.1f}", flush=True)
    alone = means[None]
    for name, blend, bound in (("agreeing", 1.0, 1.0), ("unrelated", 0.0, 1.25)):
        ratio = means[blend] / alone
        met = "met" if ratio <= bound else "missed"
        print(f"goal short_decays_{name}_to_none value={ratio:.3f} bound={bound} {met}")


if __name__ == "__main__":
    main()
