"""Leaderboards and recommendations, computed from stored scores and kept while these stand.

Nothing derived is written to the database: the key is the content of the scores.
"""

import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import Any

from threadpoolctl import threadpool_limits

from db.database import Session
from db.found_sizes import available_tokens
from db.scores import observations, observations_by_metric
from db.studies import StoredStudy
from mixtures.across_proxies import (
    AcrossProxies,
    ProxyStudy,
    across_proxies,
    require_comparable,
)
from mixtures.best_share_moves import BestShares, best_shares
from mixtures.factor_effects import FactorEffects, factor_effects
from mixtures.named_objectives import (
    asked_objective,
    asked_objectives,
    observations_of,
    own_objective,
)
from mixtures.observation import Observation
from mixtures.pareto import ParetoFront, pareto_front
from mixtures.rank import Leaderboard
from mixtures.recommendation import NotEnoughTrials, Recommendation
from mixtures.signal import SignalReport, signal
from mixtures.study_answer import StudyAnswer, answer_study
from mixtures.transfer_score import TransferObjective, transfer_leaderboard, transfer_objective
from mixtures.value import canonical_json, hash_text

_MOST_KEPT = 64


class Answers:
    """A small cache by content. Two who ask at once for the same fit wait for one."""

    def __init__(self) -> None:
        self._kept: OrderedDict[tuple[str, str, str], Any] = OrderedDict()
        self._lock = threading.Lock()

    def leaderboard(self, session: Session, study: StoredStudy) -> Leaderboard:
        """Of the trials completed so far."""
        return self._answer(session, study).leaderboard

    def recommendation(self, session: Session, study: StoredStudy) -> Recommendation:
        """Of the trials completed so far; raises NotEnoughTrials."""
        answer = self._answer(session, study)
        if answer.recommendation is None:
            raise NotEnoughTrials(answer.no_recommendation)
        return answer.recommendation

    def _answer(self, session: Session, study: StoredStudy) -> StudyAnswer:
        found = observations(session, study.id, study.spec.objective.metric)
        available = available_tokens(session, study.id)
        answer: StudyAnswer = self._once(
            "answer", study.id, found, lambda: answer_study(study.spec, found, available)
        )
        return answer

    def signal(self, session: Session, study: StoredStudy) -> SignalReport:
        """Of the trials completed so far."""
        found = observations_by_metric(session, study.id)
        flat = [one for trials in found.values() for one in trials]
        answer: SignalReport = self._once(
            "signal", study.id, flat, lambda: signal(study.spec, found)
        )
        return answer

    def transfer(self, session: Session, study: StoredStudy) -> TransferObjective:
        """The transfer score's weights; raises NotEnoughTrials."""
        found = observations(session, study.id, study.spec.objective.metric)
        answer: TransferObjective = self._once(
            "transfer", study.id, found, lambda: transfer_objective(study.spec, found)
        )
        return answer

    def transfer_leaderboard(self, session: Session, study: StoredStudy) -> Leaderboard:
        """By the transfer score; raises NotEnoughTrials."""
        found = observations(session, study.id, study.spec.objective.metric)
        available = available_tokens(session, study.id)
        answer: Leaderboard = self._once(
            "transfer-leaderboard",
            study.id,
            found,
            lambda: transfer_leaderboard(study.spec, found, available),
        )
        return answer

    def best_shares(self, session: Session, study: StoredStudy) -> BestShares:
        """Of the trials completed so far; raises NotEnoughTrials."""
        found = observations(session, study.id, study.spec.objective.metric)
        answer: BestShares = self._once(
            "best-shares", study.id, found, lambda: best_shares(study.spec, found)
        )
        return answer

    def pareto(self, session: Session, study: StoredStudy, names: Sequence[str]) -> ParetoFront:
        """Over the objectives `names`; raises InvalidField and NotEnoughTrials."""
        asked = asked_objectives(study.spec, names)
        found, signs = observations_of(study.spec, asked, observations_by_metric(session, study.id))
        answer: ParetoFront = self._once(
            " ".join(["pareto", *names]),
            study.id,
            found,
            lambda: pareto_front(study.spec, asked, found, signs),
        )
        return answer

    def effects(self, session: Session, study: StoredStudy, name: str | None) -> FactorEffects:
        """On one objective, or the study's own; raises InvalidField and NotEnoughTrials."""
        asked = own_objective(study.spec) if name is None else asked_objective(study.spec, name)
        found, signs = observations_of(
            study.spec, [asked], observations_by_metric(session, study.id)
        )
        answer: FactorEffects = self._once(
            " ".join(["effects", asked.name]),
            study.id,
            found,
            lambda: factor_effects(study.spec, asked, found, signs),
        )
        return answer

    def across_proxies(
        self, session: Session, studies: Sequence[tuple[StoredStudy, int]], full_parameters: int
    ) -> AcrossProxies:
        """Of studies with the sizes of their models; raises NotEnoughTrials and InvalidField."""
        given = [
            ProxyStudy(
                id=study.id,
                study=study.spec,
                observations=tuple(observations(session, study.id, study.spec.objective.metric)),
                parameters=parameters,
            )
            for study, parameters in studies
        ]
        require_comparable(given)
        answer: AcrossProxies = self._once(
            f"across {full_parameters}",
            " ".join(f"{one.id}:{one.parameters}" for one in given),
            [trial for one in given for trial in one.observations],
            lambda: across_proxies(given, full_parameters),
        )
        return answer

    def _once(
        self, kind: str, study_id: str, found: list[Observation], compute: Callable[[], Any]
    ) -> Any:
        scores = hash_text(canonical_json([one.model_dump(mode="json") for one in found]))
        key = (kind, study_id, scores)
        with self._lock:
            if key not in self._kept:
                # The matrices are small: BLAS threads beside busy workers make a fit ten times
                # slower, not faster.
                with threadpool_limits(1):
                    self._kept[key] = compute()
                while len(self._kept) > _MOST_KEPT:
                    self._kept.popitem(last=False)
            self._kept.move_to_end(key)
            return self._kept[key]
