"""The report of a study as a value: all that its document says, from the same functions as the
pages and the API. `markdown.py` writes it as text; nothing is computed there.
"""

from collections.abc import Sequence
from datetime import datetime
from importlib.metadata import version

from pydantic import Field

from db.database import Session
from db.provenance import provenance
from db.run_facts import RunFacts, run_facts
from db.studies import StoredStudy
from mixtures.best_share_moves import PartBestShare
from mixtures.claims import Claim
from mixtures.confirmation_found import ConfirmationAnswer
from mixtures.cost import Cost
from mixtures.factor_effects import FactorEffects
from mixtures.rank import Leaderboard
from mixtures.recommendation import NotEnoughTrials, Recommendation
from mixtures.signal import MetricSignal
from mixtures.study import StudySpec
from mixtures.trial import TrialState
from mixtures.value import Value
from mixtures.verdict import Verdict
from mixtures.what_would_change import what_would_change
from service.answers import FitNotReady
from service.cluster import machine_words
from service.pages.figure import Cell
from service.report.method import method_of
from service.report.report_drawings import report_drawings
from service.report.standalone_svg import standalone
from service.state import Controller
from service.study_facts import FIT_SECONDS, StudyFacts
from service.study_status import study_status
from service.study_verdicts import confirmation_of, study_verdicts
from workers.pool import code_hash

# A reader looks at the first few; the raw table has every trial.
NUM_BEST = 10


class ReportFigure(Value):
    """`svg` is a file that stands by itself, `header` and `rows` the numbers that it draws."""

    name: str
    title: str
    svg: str
    header: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]


class ReportCost(Value):
    """`spent` as the study's status has it; `runs` says how its trials were run."""

    trials: dict[TrialState, int]
    spent: Cost
    runs: RunFacts


class ReportProvenance(Value):
    """What made the numbers. `machine` is in words, of what this controller has now; `code` names
    the files of this Decaymix by content.
    """

    decaymix_version: str
    code: str
    machine: str
    created_at: datetime
    spec_hash: str
    as_of: str
    seeds: tuple[int, ...]
    stable_checkpoints: tuple[str, ...]
    tokenizers: tuple[str, ...]
    data_hashes: dict[str, str]
    items: dict[str, int] = Field(description="scored in each trial, by benchmark")


class StudyReport(Value):
    """`board` has the best rows and the baselines out of `num_mixtures`; `effects` are there where
    the study has factors or free groups, `best_shares` of benchmark groups where there are several.
    `no_answer` says why there is no recommendation.
    """

    study_id: str
    spec: StudySpec
    is_finished: bool
    method: tuple[str, ...]
    verdicts: tuple[Verdict, ...]
    recommendation: Recommendation | None
    no_answer: str
    confirmation: ConfirmationAnswer | None
    changes: tuple[str, ...]
    board: Leaderboard
    num_mixtures: int
    signal: tuple[MetricSignal, ...]
    best_shares: tuple[PartBestShare, ...]
    effects: FactorEffects | None
    figures: tuple[ReportFigure, ...]
    cost: ReportCost
    provenance: ReportProvenance
    notes: tuple[str, ...]


def study_report(
    controller: Controller, study: StoredStudy, claims: Sequence[Claim] | None = None
) -> StudyReport:
    """Of the trials completed so far, with verdicts on `claims`, or on the study's own.

    Waits for the fits, minutes where hundreds of mixtures are open. Raises FitNotReady.
    """
    facts = controller.facts.of(study, FIT_SECONDS).facts
    if facts.is_partial:
        raise FitNotReady(facts.no_answer)
    status = study_status(controller, study)
    spec, answer = study.spec, facts.recommendation
    with controller.database.read() as session:
        found = study_verdicts(controller.answers, session, study, claims, FIT_SECONDS)
        confirmation = confirmation_of(session, study)
        notes: list[str] = []
        effects = _effects(controller, session, study, notes)
        best = _best_shares(controller, session, study, notes)
        drawn = report_drawings(controller, session, study, facts, effects)
        origin, runs = provenance(session, study.id), run_facts(session, study.id)
    if answer is not None:
        answer = answer.model_copy(update={"verdicts": found})
    return StudyReport(
        study_id=study.id,
        spec=spec,
        is_finished=status.state == "FINISHED",
        method=method_of(study, facts, status.search_stopped),
        verdicts=found,
        recommendation=answer,
        no_answer=facts.no_answer,
        confirmation=confirmation,
        changes=what_would_change(spec, answer, facts.board) if answer else (),
        board=_short(facts.board),
        num_mixtures=len(facts.board.rows),
        signal=tuple(row for row in facts.signal.rows if row.metric == facts.signal.metric),
        best_shares=best,
        effects=effects,
        figures=tuple(
            ReportFigure(
                name=one.name,
                title=one.title,
                svg=standalone(one.svg),
                header=one.header,
                rows=one.rows,
            )
            for one in drawn
        ),
        cost=ReportCost(trials=status.trials, spent=status.spent, runs=runs),
        provenance=ReportProvenance(
            decaymix_version=version("decaymix"),
            code=code_hash(),
            machine=machine_words(controller),
            created_at=study.created_at,
            spec_hash=spec.content_hash(),
            as_of=facts.board.as_of,
            seeds=origin.seeds,
            stable_checkpoints=origin.stable_checkpoints,
            tokenizers=origin.tokenizers,
            data_hashes=study.data_report["data_hashes"],
            items={name: one.scored for name, one in facts.items.items()},
        ),
        notes=_notes(facts, answer, effects, notes),
    )


def _short(board: Leaderboard) -> Leaderboard:
    rows = [row for place, row in enumerate(board.rows) if place < NUM_BEST or row.is_baseline]
    return board.model_copy(update={"rows": tuple(rows)})


def _effects(
    controller: Controller, session: Session, study: StoredStudy, notes: list[str]
) -> FactorEffects | None:
    if not study.spec.axes and not study.spec.space.free_groups:
        return None
    try:
        return controller.answers.effects(session, study, None, FIT_SECONDS)
    except NotEnoughTrials as error:
        notes.append(f"No effects: {error}.")
        return None


def _best_shares(
    controller: Controller, session: Session, study: StoredStudy, notes: list[str]
) -> tuple[PartBestShare, ...]:
    groups = {one.group for one in study.spec.ranked_benchmarks}
    is_one_share = study.spec.space.is_sweep and len(study.spec.space.slices) < 2
    if len(groups) < 2 or is_one_share:
        return ()
    try:
        found = controller.answers.best_shares(session, study, FIT_SECONDS)
    except NotEnoughTrials as error:
        notes.append(f"No best shares of groups: {error}.")
        return ()
    return tuple(part for part in found.parts if part.kind in ("objective", "group"))


def _notes(
    facts: StudyFacts,
    answer: Recommendation | None,
    effects: FactorEffects | None,
    more: Sequence[str],
) -> tuple[str, ...]:
    found = [
        *(answer.notes if answer else ()),
        *facts.board.notes,
        *facts.signal.notes,
        *(effects.notes if effects else ()),
        *more,
    ]
    return tuple(dict.fromkeys(found))
