"""After how many trials a search recommended a mixture as good as the one of many trials.

    python -m bench.replayed_search STUDY.yaml SEARCH.csv JUDGE.csv [--quick]

SEARCH.csv and JUDGE.csv are tables of trials (`./run decaymix trials --csv`) of the same sources,
benchmarks and recipe, as of studies/sft-composition-search.yaml and studies/sft-composition.yaml.
What the search would have recommended after its first n trials is judged by the fit of JUDGE.csv:
how much worse it is than that fit's own choice, with the 95 % interval of the difference. As good:
the interval holds 0, or the difference is less than the noise of one trial. `--quick`: three n.
"""

import argparse
from pathlib import Path

import numpy as np
import yaml
from threadpoolctl import threadpool_limits

from bench.goal import goal_line
from mixtures.best_of_pool import sd_of_difference
from mixtures.mixture_posterior import fit_mixtures, row_of
from mixtures.observation import complete_observations
from mixtures.own_answer import OwnAnswer
from mixtures.study import StudySpec
from mixtures.table_observations import table_observations

FEWEST, STEP = 12, 4
# Where the study's file calls it not supported.
MOST_TRIALS = 120


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("study", type=Path)
    parser.add_argument("search", type=Path)
    parser.add_argument("judge", type=Path)
    parser.add_argument("--quick", action="store_true", help="after three numbers of trials only")
    given = parser.parse_args()
    study = StudySpec.model_validate(yaml.safe_load(given.study.read_text(encoding="utf-8")))
    with threadpool_limits(1):
        judge = answer_of(study, given.judge, None)
        total = num_trials(study, given.search)
        numbers = [*range(FEWEST, total, STEP), total]
        if given.quick:
            numbers = [numbers[0], numbers[len(numbers) // 2], numbers[-1]]
        print("trials  SFT share  behind  95 % interval       promised behind its own best")
        as_good = None
        for number in numbers:
            found = answer_of(study, given.search, number)
            behind, low, high = difference(judge, found)
            is_as_good = low <= 0.0 or behind < judge.evidence.noise_sd
            as_good = (as_good or number) if is_as_good else None
            share = sum(found.mixture[one.name] for one in study.sources if one.kind == "sft")
            regret = found.chosen_from.best.expected_regret[found.chosen_from.best.choice]
            print(
                f"{number:6} {share:10.3f} {behind:7.4f}  {low:7.4f} to {high:7.4f}  {regret:8.4f}"
            )
    print(f"the judge has {num_trials(study, given.judge)} trials")
    print(goal_line("trials_until_as_good", as_good or float("inf"), MOST_TRIALS))


def num_trials(study: StudySpec, table: Path) -> int:
    return len(table_observations(table.read_text(encoding="utf-8"), study).observations)


def answer_of(study: StudySpec, table: Path, number: int | None) -> OwnAnswer:
    """Of the table's first trials."""
    rows = table_observations(table.read_text(encoding="utf-8"), study).observations
    complete, _ = complete_observations(study, rows[:number])
    return fit_mixtures(study, complete)


def difference(judge: OwnAnswer, found: OwnAnswer) -> tuple[float, float, float]:
    """The found choice less the judge's, as losses, with its 95 % interval, by the judge."""
    sources = judge.trials.sources
    both = np.vstack([row_of(found.mixture, sources), row_of(judge.mixture, sources)])
    mean, covariance = judge.fit.joint(both)
    behind = float(mean[0] - mean[1])
    half = 1.96 * sd_of_difference(covariance)
    return behind, behind - half, behind + half


if __name__ == "__main__":
    main()
