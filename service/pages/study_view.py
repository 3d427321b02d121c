"""All that a study's page shows, from the same functions that answer with JSON."""

from dataclasses import dataclass

from db.scores import observations
from db.studies import StoredStudy
from db.trials import StoredTrial, get_trial, list_trials
from mixtures.rank import Leaderboard, mixture_key
from mixtures.recommend import NotEnoughTrials
from mixtures.recommendation import Recommendation
from mixtures.signal import SignalReport
from mixtures.study import StudySpec
from mixtures.trial import ItemCounts, Progress, TrialState
from service.pages.chart import Chart, chart
from service.state import Controller
from service.study_status import StudyStatus, study_status


@dataclass(frozen=True, kw_only=True, slots=True)
class RunningTrial:
    """A trial that runs now; `is_counted` says whether how far it is can be told."""

    trial: StoredTrial
    progress: Progress

    @property
    def is_counted(self) -> bool:
        return self.progress.total > 0


@dataclass(frozen=True, kw_only=True, slots=True)
class ProgressView:
    """The part of the page that moves every second."""

    study: StoredStudy
    status: StudyStatus
    running: tuple[RunningTrial, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class StudyView:
    """The whole page. `no_answer` says why there is no recommendation, where there is none.

    `items` says what became of each benchmark's items, the same in every trial.
    `off_line` has the trials whose mixture is not the study's own at their SFT share: the table
    spells these mixtures out.
    """

    progress: ProgressView
    board: Leaderboard
    recommendation: Recommendation | None
    no_answer: str
    chart: Chart
    signal: SignalReport
    items: dict[str, ItemCounts]
    failed: tuple[StoredTrial, ...]
    off_line: frozenset[str]


def progress_view(controller: Controller, study: StoredStudy) -> ProgressView:
    """Where the study and its running trials stand."""
    status = study_status(controller, study)
    with controller.database.read() as session:
        running = tuple(
            RunningTrial(trial=get_trial(session, progress.trial_id), progress=progress)
            for progress in status.running
        )
    return ProgressView(study=study, status=status, running=running)


def study_view(controller: Controller, study: StoredStudy) -> StudyView:
    """Everything, as of now."""
    progress = progress_view(controller, study)
    with controller.database.read() as session:
        board = controller.answers.leaderboard(session, study)
        recommendation, no_answer = recommendation_or_reason(controller, study)
        signal = controller.answers.signal(session, study)
        found = observations(session, study.id, study.spec.objective.metric)
        trials = list_trials(session, study.id)
    failed = tuple(trial for trial in trials if trial.state is TrialState.FAILED)
    results = [trial.result for trial in trials if trial.result is not None]
    return StudyView(
        progress=progress,
        board=board,
        recommendation=recommendation,
        no_answer=no_answer,
        signal=signal,
        items=results[-1].items if results else {},
        chart=chart(study.spec, found, board, recommendation),
        failed=failed,
        off_line=_off_line(study.spec, board),
    )


def recommendation_or_reason(
    controller: Controller, study: StoredStudy
) -> tuple[Recommendation | None, str]:
    """The recommendation, or None and the sentence that says what it waits for."""
    with controller.database.read() as session:
        try:
            return controller.answers.recommendation(session, study), ""
        except NotEnoughTrials as error:
            return None, str(error)


def _off_line(spec: StudySpec, board: Leaderboard) -> frozenset[str]:
    return frozenset(
        trial_id
        for row in board.rows
        if mixture_key(row.shares) != mixture_key(spec.mixture_at(row.sft_share).shares)
        for trial_id in row.trial_ids
    )
