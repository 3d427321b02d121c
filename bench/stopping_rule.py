"""A rule that stops decays early, replayed on trials that ran to their end.

A trial's final objective is predicted from all of its checkpoints so far together, by ridge
regression on the trials of the other mixtures, with Student's t for what is left. It is stopped
where it is among the best mixtures with hardly any probability, at so many checkpoints in a row.
What a seed does to all mixtures is taken out first, unless the rule is to do without. That all
other trials are done makes what it saves the most that it could. Losses (M, S, F) are of M
mixtures, S seeds and F checkpoints, of which the last is the end.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.stats import t as student_t

from bench.goal import goal_line
from mixtures.polytope import Array

NUM_BEST, LEAST_PROBABILITY = 3, 0.01
# Of the regression's weights and of its level, in units of a spread of 1.
RIDGE = 0.1


def replayed(
    losses: Array, fractions: Sequence[float], decay_seconds: float, score_seconds: float
) -> None:
    """The rule on each trial, the others being done: what it saves and loses, as goal lines.

    `decay_seconds` are those of a whole decay, `score_seconds` those of scoring once.
    """
    for needed, by_seed in ((1, False), (2, False), (1, True), (2, True)):
        ends = ends_of(losses, needed, by_seed)
        is_stopped = ends < len(fractions) - 1
        top = np.argsort(losses[:, :, -1].mean(axis=1))[:NUM_BEST]
        wrong = int(is_stopped[top].sum())
        saved = 1 - float(np.array(fractions)[ends].mean())
        seconds = (1 - saved) * decay_seconds + float((ends + 1).mean()) * score_seconds
        name = f"stopped_at_{needed}_checkpoint" + ("s" if needed > 1 else "")
        name += "_by_seed" if by_seed else ""
        print(
            f"\n{name}: {is_stopped.sum()} of {is_stopped.size} trials stopped, {saved:.1%} of the "
            f"decay tokens saved, {wrong} of {is_stopped[top].size} trials of the {NUM_BEST} best "
            f"mixtures stopped; {seconds:.1f} s a trial with its checkpoints scored, without "
            f"{decay_seconds + score_seconds:.1f}"
        )
        ratio = seconds / (decay_seconds + score_seconds)
        print(goal_line(f"{name}_best_lost", wrong / is_stopped[top].size, 0.0))
        print(goal_line(f"{name}_time", ratio, 0.9))


def ends_of(losses: Array, needed: int, by_seed: bool) -> NDArray[np.intp]:
    """(M, S) the checkpoint at which each trial is stopped, or its end."""
    num_mixtures, num_seeds, num_checkpoints = losses.shape
    ends = np.full((num_mixtures, num_seeds), num_checkpoints - 1)
    for row in range(num_mixtures):
        shown = losses
        if by_seed:
            shown = losses - np.delete(losses, row, axis=0).mean(axis=0, keepdims=True)
        for column in range(num_seeds):
            ends[row, column] = _stopped_at(shown, row, column, needed)
    return ends


def _stopped_at(losses: Array, row: int, column: int, needed: int) -> int:
    last, in_a_row = losses.shape[2] - 1, 0
    for place in range(last):
        probability = probability_of_best(losses, row, losses[row, column, : place + 1])
        in_a_row = in_a_row + 1 if probability < LEAST_PROBABILITY else 0
        if in_a_row >= needed:
            return place
    return last


def probability_of_best(losses: Array, row: int, so_far: Array) -> float:
    """That the trial ends below the third best of the other mixtures, by its checkpoints so far."""
    others = np.delete(losses, row, axis=0)
    seen, ends = others[:, :, : len(so_far)].reshape(-1, len(so_far)), others[:, :, -1].ravel()
    center, scale = seen.mean(axis=0), np.maximum(seen.std(axis=0), 1e-12)
    x = np.column_stack([np.ones(len(seen)), (seen - center) / scale])
    level, spread = ends.mean(), max(float(ends.std()), 1e-12)
    y = (ends - level) / spread
    precision = x.T @ x + RIDGE * np.eye(x.shape[1])
    weights = np.linalg.solve(precision, x.T @ y)
    df = max(len(y) - x.shape[1], 1)
    noise = float(np.sum((y - x @ weights) ** 2)) / df
    own = np.concatenate([[1.0], (so_far - center) / scale])
    sd = np.sqrt(noise * (1.0 + own @ np.linalg.solve(precision, own)))
    bar = (np.sort(others[:, :, -1].mean(axis=1))[NUM_BEST - 1] - level) / spread
    return float(student_t.cdf((bar - own @ weights) / sd, df))
