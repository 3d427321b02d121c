"""The same trials by Optuna, kept in SQLite, and by Ray Tune.

Each gives seconds a trial, and of how many; raises ImportError where it is not installed.
"""

import logging
import os
import secrets
import time
from pathlib import Path
from typing import Any


def optuna_seconds(home: Path, num: int, at_most: float) -> tuple[float, int]:
    """Asked and told one after another, in this process; mixtures at random, nothing is fitted."""
    import optuna

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study(
        storage=f"sqlite:///{home / 'optuna.db'}", sampler=optuna.samplers.RandomSampler(seed=0)
    )
    started, num_done = time.perf_counter(), 0
    while num_done < num and time.perf_counter() - started < at_most:
        trial = study.ask()
        study.tell(trial, value_at(trial.suggest_float("sft_share", 0.0, 1.0)))
        num_done += 1
    return (time.perf_counter() - started) / num_done, num_done


def tune_seconds(home: Path, num: int, at_most: float) -> tuple[float, int]:
    """On a Ray of its own with two cores, its actors used again from trial to trial."""
    os.environ.update(RAY_USAGE_STATS_ENABLED="0", TUNE_DISABLE_AUTO_CALLBACK_LOGGERS="1")
    # Without one Ray writes one into the user's own home folder.
    os.environ.setdefault("RAY_AUTH_TOKEN", secrets.token_hex(32))
    import ray
    from ray import tune

    class NoOp(tune.Trainable):  # type: ignore[misc]
        def setup(self, config: dict[str, Any]) -> None:
            self.share = config["sft_share"]

        def reset_config(self, new_config: dict[str, Any]) -> bool:
            self.share = new_config["sft_share"]
            return True

        def step(self) -> dict[str, Any]:
            return {"loss": value_at(self.share), "done": True}

    ray.init(
        address="local",
        num_cpus=2,
        include_dashboard=False,
        log_to_driver=False,
        logging_level=logging.ERROR,
    )
    try:
        tuner = tune.Tuner(
            NoOp,
            param_space={"sft_share": tune.uniform(0.0, 1.0)},
            tune_config=tune.TuneConfig(
                num_samples=num,
                metric="loss",
                mode="min",
                reuse_actors=True,
                time_budget_s=at_most,
            ),
            run_config=tune.RunConfig(
                storage_path=str(home / "tune"),
                verbose=0,
                # There is nothing to save; a class is asked for it at its end otherwise.
                checkpoint_config=tune.CheckpointConfig(checkpoint_at_end=False),
            ),
        )
        started = time.perf_counter()
        results = tuner.fit()
        seconds = time.perf_counter() - started
    finally:
        ray.shutdown()
    num_done = sum("loss" in (result.metrics or {}) for result in results)
    assert num_done and not results.num_errors
    return seconds / num_done, num_done


def value_at(sft_share: float) -> float:
    """As the no-op workers score."""
    return 3.0 + (sft_share - 0.6) ** 2
