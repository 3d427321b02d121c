"""All that a trial's page shows, from the same functions that answer with JSON."""

from collections.abc import Mapping
from dataclasses import dataclass

from db.found_sizes import available_tokens
from db.studies import StoredStudy
from db.trials import StoredTrial, UnknownTrial, get_trial
from mixtures.mixture import Mixture
from mixtures.rank import mixture_key
from mixtures.repetition import Epochs, epochs_of
from mixtures.study import StudySpec
from mixtures.trial import Progress, Score
from service.pages.figure import Figure
from service.pages.trial_figures import curve_figures, score_figure
from service.state import Controller
from service.trial_detail import TrialAttempts, TrialCurve, trial_attempts, trial_curve

# A normal interval over the items; with a hundred of them Student's is the same to two digits.
Z = 1.96


@dataclass(frozen=True, kw_only=True, slots=True)
class BaselineTrial:
    """A baseline with the same seed; `trial` is None where it was not tried with it."""

    name: str
    mixture: Mixture
    trial: StoredTrial | None
    is_this: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class ScoreLine:
    """One score with its interval over the items, and the same of each baseline, by name."""

    score: Score
    interval: tuple[float, float] | None
    of_baselines: Mapping[str, float]


@dataclass(frozen=True, kw_only=True, slots=True)
class TrialView:
    """The page but for its items, which have an address of their own.

    `objective` is None where a score that it needs is missing.
    """

    study: StoredStudy
    trial: StoredTrial
    progress: Progress | None
    objective: float | None
    baselines: tuple[BaselineTrial, ...]
    lines: tuple[ScoreLine, ...]
    epochs: Mapping[str, Epochs]
    curve: TrialCurve
    curve_figures: tuple[Figure, ...]
    score_figure: Figure | None
    attempts: TrialAttempts

    @property
    def name(self) -> str:
        return trial_name(self.study.spec, self.trial)


def trial_name(spec: StudySpec, trial: StoredTrial) -> str:
    """`64 % SFT, seed 1`; by its own mark where the SFT share does not say the mixture."""
    share = f"{100 * trial.spec.sft_share:.1f}".removesuffix(".0")
    own = "" if spec.space.is_line else f"mixture {trial.id[:6]}, "
    return f"{own}{share}\u00a0% SFT, seed {trial.spec.seed}"


def trial_view(controller: Controller, study: StoredStudy, trial: StoredTrial) -> TrialView:
    """Everything, as of now."""
    with controller.database.read() as session:
        available = available_tokens(session, study.id)
    baselines = _baselines(controller, study, trial)
    lines = _lines(study.spec, trial, baselines)
    curve = trial_curve(trial)
    return TrialView(
        study=study,
        trial=trial,
        progress=progress_of_trial(controller, trial),
        objective=objective_of(study.spec, trial),
        baselines=baselines,
        lines=lines,
        epochs=epochs_of(
            trial.spec.mixture.shares, trial.spec.decay, trial.spec.full_run, available
        ),
        curve=curve,
        curve_figures=curve_figures(curve),
        score_figure=score_figure(study.spec, lines, [one.name for one in baselines]),
        attempts=trial_attempts(controller, trial),
    )


def progress_of_trial(controller: Controller, trial: StoredTrial) -> Progress | None:
    """Where the trial stands while it runs on one of our own workers."""
    running = controller.scheduler.progress_of(trial.study_id)
    return next((one for one in running if one.trial_id == trial.id), None)


def objective_of(spec: StudySpec, trial: StoredTrial) -> float | None:
    """None where the trial is not complete or a score is missing."""
    metric = spec.objective.metric
    found = trial.result.scores if trial.result else ()
    scores = {score.benchmark: score.value for score in found if score.metric == metric}
    needed = {one.name for one in spec.ranked_benchmarks}
    return spec.objective.value(scores) if scores and needed <= scores.keys() else None


def interval_of(score: Score) -> tuple[float, float] | None:
    """95 % over the items, as if these were drawn from more like them."""
    if score.standard_error is None:
        return None
    half = Z * score.standard_error
    return score.value - half, score.value + half


def _baselines(
    controller: Controller, study: StoredStudy, trial: StoredTrial
) -> tuple[BaselineTrial, ...]:
    """A trial's name is the hash of its spec, so that of a baseline needs no search."""
    found = []
    own = mixture_key(trial.spec.mixture.shares)
    with controller.database.read() as session:
        for name, mixture in study.spec.baseline_mixtures.items():
            other_id = trial.spec.model_copy(update={"mixture": mixture}).trial_id
            try:
                other = get_trial(session, other_id)
            except UnknownTrial:
                other = None
            is_this = mixture_key(mixture.shares) == own
            found.append(BaselineTrial(name=name, mixture=mixture, trial=other, is_this=is_this))
    return tuple(found)


def _lines(
    spec: StudySpec, trial: StoredTrial, baselines: tuple[BaselineTrial, ...]
) -> tuple[ScoreLine, ...]:
    """The objective's metric first, then the others, in the order of the benchmarks."""
    order = {one.name: place for place, one in enumerate(spec.benchmarks)}
    scores = trial.result.scores if trial.result else ()
    others: dict[str, dict[tuple[str, str], float]] = {}
    for one in baselines:
        if one.trial is not None and one.trial.result is not None and not one.is_this:
            others[one.name] = {
                (score.benchmark, score.metric): score.value for score in one.trial.result.scores
            }
    return tuple(
        ScoreLine(
            score=score,
            interval=interval_of(score),
            of_baselines={
                name: values[score.benchmark, score.metric]
                for name, values in others.items()
                if (score.benchmark, score.metric) in values
            },
        )
        for score in sorted(
            scores,
            key=lambda score: (
                score.metric != spec.objective.metric,
                score.metric,
                order.get(score.benchmark, len(order)),
            ),
        )
    )
