"""All that a study's page shows, from the same functions that answer with JSON."""

from dataclasses import dataclass
from urllib.parse import urlencode

from db.studies import StoredStudy
from db.study_page import FailedTrial, failed_trials
from db.trials import StoredTrial, get_trial
from mixtures.rank import LeaderboardRow, mixture_key
from mixtures.recommendation import Recommendation
from mixtures.repetition import Epochs
from mixtures.study import StudySpec
from mixtures.trial import Progress
from mixtures.verdict import Verdict
from service.answers import FitNotReady
from service.pages.chart import LineName, line_named, line_names
from service.pages.mixture_table import TablePage, TableQuery, most_epochs
from service.pages.study_figures import Kind, figures_of
from service.pages.table_columns import Column
from service.state import Controller
from service.study_facts import StudyFacts
from service.study_status import StudyStatus, study_status
from service.study_verdicts import study_verdicts

# Of a study whose trials all fail the newest few say enough.
MOST_FAILED_SHOWN = 10
# A row of the table says so many shares of its mixture; the trial's page has them all.
MOST_SHARES_SHOWN = 6
# The first screen waits so long for an answer that is not there yet; the page asks again.
FIRST_SCREEN_SECONDS = 0.25


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
class TableView:
    """The leaderboard's part. `off_line` has the trials whose mixture is not the study's own at
    their SFT share: the table spells these mixtures out."""

    study: StoredStudy
    facts: StudyFacts
    query: TableQuery
    page: TablePage
    columns: tuple[Column, ...]
    lines: tuple[LineName, ...]
    off_line: frozenset[str]

    @property
    def all_columns(self) -> tuple[Column, ...]:
        return self.facts.table.columns

    def most_epochs(self, row: LeaderboardRow) -> tuple[str, Epochs] | None:
        """The source that the mixture repeats most."""
        return most_epochs(row)

    def shown_shares(self, row: LeaderboardRow) -> tuple[list[tuple[str, float]], int]:
        """A mixture's shares in the order of the study's sources; of many the largest, and how
        many more there are."""
        names = [source.name for source in self.study.spec.sources]
        held = [(name, row.shares[name]) for name in names if row.shares.get(name, 0.0) > 0]
        if len(held) <= MOST_SHARES_SHOWN:
            return held, 0
        largest = sorted(held, key=lambda one: -one[1])[:MOST_SHARES_SHOWN]
        return largest, len(held) - len(largest)

    def address(self, **changes: object) -> str:
        """The page's query string with these changes; without `after`, which they would end."""
        given = self.query.model_dump(mode="json", exclude_defaults=True) | changes
        if "after" not in changes:
            given.pop("after", None)
        defaults = TableQuery().model_dump(mode="json")
        changed = {key: value for key, value in given.items() if value != defaults[key]}
        return "?" + urlencode(changed, doseq=True)


@dataclass(frozen=True, kw_only=True, slots=True)
class StudyView:
    """The whole page. `is_late`: newer facts than these are on their way; `are_none`: and these
    are empty until then."""

    progress: ProgressView
    facts: StudyFacts
    is_late: bool
    are_none: bool
    table: TableView
    figures: tuple[Kind, ...]
    failed: list[FailedTrial]
    verdicts: tuple[Verdict, ...]

    @property
    def recommendation(self) -> Recommendation | None:
        return self.facts.recommendation

    @property
    def no_answer(self) -> str:
        """Why there is no recommendation, where there is none."""
        return self.facts.no_answer


def progress_view(controller: Controller, study: StoredStudy) -> ProgressView:
    """Where the study and its running trials stand."""
    status = study_status(controller, study)
    with controller.database.read() as session:
        running = tuple(
            RunningTrial(trial=get_trial(session, progress.trial_id), progress=progress)
            for progress in status.running
        )
    return ProgressView(study=study, status=status, running=running)


def study_view(controller: Controller, study: StoredStudy, query: TableQuery) -> StudyView:
    """Everything, as of now."""
    found = controller.facts.of(study, FIRST_SCREEN_SECONDS)
    with controller.database.read() as session:
        failed = failed_trials(session, study.id, MOST_FAILED_SHOWN)
    return StudyView(
        progress=progress_view(controller, study),
        facts=found.facts,
        is_late=found.is_late,
        are_none=found.are_none,
        table=table_view(study, found.facts, query),
        figures=figures_of(study.spec),
        failed=failed,
        verdicts=verdicts_view(controller, study, FIRST_SCREEN_SECONDS),
    )


def verdicts_view(
    controller: Controller, study: StoredStudy, seconds: float
) -> tuple[Verdict, ...]:
    """On the study's claims; none while their fits take longer: the page asks again."""
    with controller.database.read() as session:
        try:
            return study_verdicts(controller.answers, session, study, None, seconds)
        except FitNotReady:
            return ()


def table_view(study: StoredStudy, facts: StudyFacts, query: TableQuery) -> TableView:
    """Raises BadInput where the query names what is not there."""
    line_named(facts, query.line)
    page = facts.table.page(query, facts.shown_version)
    return TableView(
        study=study,
        facts=facts,
        query=query,
        page=page,
        columns=facts.table.shown_columns(query.columns),
        lines=line_names(facts),
        off_line=_off_line(study.spec, page),
    )


def _off_line(spec: StudySpec, page: TablePage) -> frozenset[str]:
    return frozenset(
        row.trial_ids[0]
        for row in page.rows
        if mixture_key(row.shares) != mixture_key(spec.mixture_at(row.sft_share).shares)
    )
