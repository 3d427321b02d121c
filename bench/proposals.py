"""Does a proposal come in time? Seconds of a clock on the wall, by the way that the service takes.

    python bench/proposals.py [--quick] [--calls N]

A study of 20 sources and 5 benchmarks with 400 and with 2,000 trials; plain, and with two factors
and short decays beside. Somebody waits (`Searcher.ask`): the scores go to the child process, which
proposes one trial and sends it back. The first call of a study finds a warm process that has never
seen it; each further one has one more trial than the call before. A goal's value is the slowest of
all calls; its bound is the time after which the service fills the space instead
(`service.searcher.deadline`: 2 s at 400 trials, 5 s at 2,000), and a call that it had to replace
counts as missed, whatever it took. Beside it, in the same run, what a proposal of the same trials
takes without any deadline.
"""

import argparse
import sys
import time

import numpy as np

from bench.goal import goal_line
from mixtures.observation import Observation
from mixtures.polytope import Array
from mixtures.space_filling import draw, regions_of
from mixtures.study import StudySpec
from service.searcher import deadline
from workers.pool import LocalProcess

NUM_SOURCES, NUM_BENCHMARKS, NOISE = 20, 5, 0.05
SIZES = (400, 2_000)
FACTORS = {
    "decay.form": ["exponential", "linear", "cosine"],
    "decay.lr_ratio": {"low": 0.1, "high": 10.0},
}
FULL_TOKENS, SHORT = 100_000, 0.25
WARM_SECONDS = 60.0


def make_study(has_factors: bool) -> StudySpec:
    """Trained outside, so that there is somebody who waits."""
    return StudySpec.model_validate(
        {
            "name": "proposals",
            "trained_by": "outside",
            "sources": [
                {
                    "name": f"s{number}",
                    "kind": "sft" if number < NUM_SOURCES // 2 else "pretrain",
                    "tokens": 1_000_000,
                }
                for number in range(NUM_SOURCES)
            ],
            "benchmarks": [{"name": f"b{number}"} for number in range(NUM_BENCHMARKS)],
            "objective": {"metric": "loss", "better": "lower"},
            "decay": {"tokens": FULL_TOKENS},
            "space": {
                "sft_share_range": [0.0, 1.0],
                "free_groups": ["sft", "pretrain"],
                "factors": FACTORS if has_factors else {},
            },
            "search": {"stops_early": False, **({"short_decay": SHORT} if has_factors else {})},
            "budget": {"max_trials": 10_000},
        }
    )


def make_trials(study: StudySpec, num: int) -> list[Observation]:
    """At mixtures drawn from all of the space; losses are a bowl, and a level moves it."""
    rng = np.random.default_rng(num)
    points = draw(regions_of(study), num, rng)
    return [_trial(study, place, point, rng) for place, point in enumerate(points)]


def _trial(study: StudySpec, place: int, point: Array, rng: np.random.Generator) -> Observation:
    levels: dict[str, str | float | int] = {}
    if study.axes:
        levels["decay.form"] = FACTORS["decay.form"][place % 3]  # type: ignore[index]
        levels["decay.lr_ratio"] = float(10 ** rng.uniform(-1.0, 1.0))
        if place % 4 == 0:
            levels["decay.tokens"] = round(SHORT * FULL_TOKENS)
    loss = 4.0 * float(np.sum((point - 1.0 / NUM_SOURCES) ** 2)) + 0.02 * (place % 3)
    noise = NOISE * rng.standard_normal(NUM_BENCHMARKS)
    names = [source.name for source in study.sources]
    return Observation.model_validate(
        {
            "trial_id": str(place),
            "shares": dict(zip(names, point.tolist(), strict=True)),
            "sft_share": float(point[: NUM_SOURCES // 2].sum()),
            "seed": 0,
            "scores": {f"b{number}": loss + error for number, error in enumerate(noise)},
            "factors": levels,
        }
    )


def timed(study: StudySpec, study_id: str, num: int, calls: int) -> tuple[list[float], int, float]:
    """Seconds of each call, how many came too late, and those of one without a deadline."""
    trials, seconds, num_late = make_trials(study, num + calls), [], 0
    process = LocalProcess()
    try:
        process.call_within(WARM_SECONDS, "mixtures.propose_child:warm")
        for call in range(calls):
            found, limit = trials[: num + call], deadline(num + call)
            arguments = (study_id, study, found, [], 1, limit)
            started = time.monotonic()
            try:
                process.call_within(limit, "mixtures.propose_child:propose_for", *arguments)
            except TimeoutError:
                num_late += 1
            seconds.append(time.monotonic() - started)
        started = time.monotonic()
        arguments = ("another", study, trials[:num], [], 1, np.inf)
        process.call("mixtures.propose_child:propose_for", *arguments)
        return seconds, num_late, time.monotonic() - started
    finally:
        process.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="400 trials and two calls alone")
    parser.add_argument("--calls", type=int, default=10, help="proposals of each study")
    arguments = parser.parse_args()
    calls = 2 if arguments.quick else arguments.calls
    goals = []
    for num in SIZES[:1] if arguments.quick else SIZES:
        slowest = 0.0
        for has_factors in (False, True):
            study, kind = make_study(has_factors), "factors" if has_factors else "plain"
            seconds, num_late, free = timed(study, f"{kind} {num}", num, calls)
            print(
                f"{num:,} trials, {kind}: first {seconds[0]:.2f} s, median of the others "
                f"{np.median(seconds[1:]):.2f} s, slowest {max(seconds):.2f} s, {num_late} of "
                f"{calls} replaced; without a deadline {free:.2f} s",
                flush=True,
            )
            slowest = max(slowest, *seconds, np.inf if num_late else 0.0)
        goals.append(goal_line(f"proposal_seconds_at_{num}_trials", slowest, deadline(num)))
    print("\n".join(["", *goals]))
    sys.exit(0)


if __name__ == "__main__":
    main()
