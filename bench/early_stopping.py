"""What would stopping decays early save, and what would it lose? Scores along the decay, measured.

    python bench/early_stopping.py [--quick] [--seeds N]

Trials of the quick demo at eleven SFT shares, scored at a fifth, two, three and four fifths of the
decay and at its end, by the benchmarks of the study. Printed: the rank correlation of each
checkpoint's objective with the final one over mixtures (of seeds' means, and of single trials), the
same between two seeds at the end as the most that any score can reach, and how much of the spread
between mixtures is there already. Then a rule of the kind that a study could have is replayed on
these trials (`bench/stopping_rule.py`): a trial is stopped where its checkpoints together leave it
less than 1 % to be among the three best mixtures, once or at two checkpoints in a row, with what a
seed does to all mixtures in it or taken out. The goals: none of the best is lost, and with its
checkpoints scored a trial takes at most .9 of the time that it takes without.
"""

import argparse
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
import yaml
from scipy.stats import spearmanr

from bench.stopping_rule import replayed
from mixtures.design import trials_of_request
from mixtures.polytope import Array
from mixtures.study import StudySpec
from mixtures.trial import TrialRequest, TrialSpec
from workers.check import check_data
from workers.checkpoint import load_checkpoint
from workers.config import WorkerConfig
from workers.decay import matched_sequences
from workers.evaluate import evaluate
from workers.prepare import Prepared, prepare
from workers.schedule import decay_factor
from workers.stable import WEIGHTS, stable_checkpoint, start_of_training
from workers.stream import Stream
from workers.train import num_steps, train

STUDY = Path(__file__).parent.parent / "studies" / "demo-quick.yaml"
SHARES = (0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0)
FRACTIONS = (0.2, 0.4, 0.6, 0.8, 1.0)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="five shares with one seed")
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--out", type=Path, help="keep the scores here (.npz), or read them")
    given = parser.parse_args()
    shares, seeds = (SHARES[::2], 1) if given.quick else (SHARES, given.seeds)
    if given.out is not None and given.out.exists():
        kept = np.load(given.out)
        losses, seconds = kept["losses"], kept["seconds"]
    else:
        losses, seconds = measured(shares, range(seeds))
        if given.out is not None:
            np.savez(given.out, losses=losses, seconds=seconds)
    along_the_decay(losses)
    decay_seconds, score_seconds = np.median(seconds, axis=(0, 1)).tolist()
    replayed(losses, FRACTIONS, decay_seconds, score_seconds)


def measured(shares: Sequence[float], seeds: Sequence[int]) -> tuple[Array, Array]:
    """(M, S, F) the objective of each share and seed at each fraction of its decay, and (M, S, 2)
    the seconds of the decay and of scoring once.
    """
    spec = yaml.safe_load(STUDY.read_text(encoding="utf-8"))
    study = StudySpec.model_validate({**spec, "seeds": list(seeds), "baselines": {}})
    torch.set_num_threads(1)
    losses = np.empty((len(shares), len(seeds), len(FRACTIONS)))
    seconds = np.empty((len(shares), len(seeds), 2))
    with tempfile.TemporaryDirectory() as home:
        config = WorkerConfig(home=Path(home), data_roots=())
        hashes = check_data(study.recipe, config).data_hashes
        prepared = prepare(study.recipe, hashes, config, lambda done, total: None)
        stable = stable_checkpoint(prepared, config, lambda step, total: None)
        for row, share in enumerate(shares):
            for column, seed in enumerate(seeds):
                request = TrialRequest(sft_share=share, seed=seed)
                (trial,) = trials_of_request(request, study, "bench", hashes)
                started = time.monotonic()
                losses[row, column], scoring = scored_decay(study, trial, prepared, stable)
                whole = time.monotonic() - started
                seconds[row, column] = whole - scoring, scoring / len(FRACTIONS)
                print(
                    f"share {share:.1f} seed {seed}: "
                    + " ".join(f"{loss:.4f}" for loss in losses[row, column])
                    + f" ({whole:.0f} s, of which scoring {scoring:.0f})",
                    flush=True,
                )
    return losses, seconds


def scored_decay(
    study: StudySpec, trial: TrialSpec, prepared: Prepared, stable: Path
) -> tuple[Array, float]:
    """(F,) the objective at each fraction of a decay as `workers/decay.py` runs it, and the seconds
    of all scoring.
    """
    recipe = trial.recipe
    model, optimiser = start_of_training(recipe, trial.decay)
    load_checkpoint(stable / WEIGHTS, model, optimiser)
    stream = Stream(
        prepared.sources,
        trial.mixture.shares,
        trial.seed,
        subsets=matched_sequences(trial, prepared),
        data_seed=recipe.data_seed,
        loss_on=recipe.loss_on,
    )
    batch = recipe.optimiser.batch_tokens
    steps = num_steps(trial.decay.tokens, batch)
    marks = [round(fraction * steps) for fraction in FRACTIONS]
    found, scoring = [], 0.0
    for step in train(
        model,
        optimiser,
        stream,
        recipe.optimiser,
        steps,
        lambda index: decay_factor(index * batch, trial.decay),
    ):
        if step.tokens // batch in marks:
            started = time.monotonic()
            scores = evaluate(model, prepared.benchmarks, lambda done: None)
            metric = study.objective.metric
            own = {one.benchmark: one.value for one in scores if one.metric == metric}
            found.append(study.objective.value(own))
            model.train()
            scoring += time.monotonic() - started
    return np.array(found), scoring


def along_the_decay(losses: Array) -> None:
    means = losses.mean(axis=1)
    print("\npart of the decay, rank correlation with the end (means, single trials), spread")
    for place, fraction in enumerate(FRACTIONS):
        of_means = spearmanr(means[:, place], means[:, -1])[0]
        single = spearmanr(losses[:, :, place].ravel(), losses[:, :, -1].ravel())[0]
        spread = means[:, place].std() / means[:, -1].std()
        best = int(np.argmin(means[:, place]))
        lost = float(means[best, -1] - means[:, -1].min()) / float(np.ptp(means[:, -1]))
        print(
            f"  {fraction:.1f}: {of_means:.3f}, {single:.3f}; {spread:.2f} of the final spread; "
            f"its best loses {lost:.3f} of the final range at the end"
        )
    if losses.shape[1] > 1:
        between = spearmanr(losses[:, 0, -1], losses[:, 1, -1])[0]
        print(f"  two seeds at the end: {between:.3f}")


if __name__ == "__main__":
    main()
