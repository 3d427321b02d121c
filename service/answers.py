"""Leaderboards, recommendations and the like, computed from scores and kept while these stand.

Nothing derived is written to the database: the key is the content of the scores. Fits run one
after another in a child process that ends when idle, so the controller's loop never waits for one
and the controller stays small. Whoever asks waits for a while: after that the leaderboard comes
without what the fit would say, and the fit goes on.
"""

import threading
from collections import OrderedDict
from collections.abc import Sequence
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as NotDone
from typing import Any

from db.database import Session
from db.found_sizes import available_tokens
from db.scores import observations, observations_by_metric
from db.studies import StoredStudy
from mixtures.across_proxies import AcrossProxies, ProxyStudy, require_comparable
from mixtures.best_share_moves import BestShares
from mixtures.factor_effects import FactorEffects
from mixtures.named_objectives import (
    asked_objective,
    asked_objectives,
    observations_of,
    own_objective,
)
from mixtures.observation import Observation
from mixtures.pareto import ParetoFront
from mixtures.rank import Leaderboard
from mixtures.recommendation import NotEnoughTrials, Recommendation
from mixtures.signal import SignalReport, signal
from mixtures.studies_by_proxy import by_proxy
from mixtures.study import StudySpec
from mixtures.study_answer import StudyAnswer, answer_study, needs_fit, raw_leaderboard
from mixtures.transfer_score import TransferObjective
from mixtures.value import InvalidField, canonical_json, hash_text
from workers.pool import ChildKilled, LocalProcess

_MOST_KEPT = 64
# How long whoever asks waits for a fit, unless he says otherwise. A client of ours waits a minute.
ANSWER_SECONDS = 45.0

_Key = tuple[str, str, str]


class FitNotReady(NotEnoughTrials):
    """The fit of these scores takes longer than anybody waits; it goes on, and is kept."""


class Answers:
    """A small cache by content. Two who ask at once for the same fit wait for one."""

    def __init__(self) -> None:
        self._kept: OrderedDict[_Key, Future[Any]] = OrderedDict()
        self._lock = threading.Lock()
        self._process = LocalProcess()
        self._queue = ThreadPoolExecutor(max_workers=1, thread_name_prefix="fits")

    def close(self) -> None:
        """End the child now, whatever it does."""
        self._queue.shutdown(wait=False, cancel_futures=True)
        self._process.close()

    def leaderboard(
        self, session: Session, study: StoredStudy, seconds: float = ANSWER_SECONDS
    ) -> Leaderboard:
        """Of the trials completed so far; by raw means where a fit takes longer than `seconds`."""
        found = observations(session, study.id, study.spec.objective.metric)
        tokens = available_tokens(session, study.id)
        try:
            return self._answer(study, found, tokens, seconds).leaderboard
        except FitNotReady as error:
            board = raw_leaderboard(study.spec, found, tokens)
            return board.model_copy(update={"no_posterior": str(error)})

    def recommendation(
        self, session: Session, study: StoredStudy, seconds: float = ANSWER_SECONDS
    ) -> Recommendation:
        """Of the trials completed so far; raises NotEnoughTrials, and FitNotReady, which is one."""
        found = observations(session, study.id, study.spec.objective.metric)
        answer = self._answer(study, found, available_tokens(session, study.id), seconds)
        if answer.recommendation is None:
            raise NotEnoughTrials(answer.no_recommendation)
        return answer.recommendation

    def signal(self, session: Session, study: StoredStudy) -> SignalReport:
        """Of the trials completed so far."""
        found = observations_by_metric(session, study.id)
        flat = [one for trials in found.values() for one in trials]
        key = ("signal", study.id, _hash(flat, (study.spec,)))
        with self._lock:
            kept = self._kept.get(key)
        if kept is None:
            kept = Future()
            kept.set_result(signal(study.spec, found))
            with self._lock:
                self._keep(key, kept)
        report: SignalReport = kept.result()
        return report

    def transfer(self, session: Session, study: StoredStudy) -> TransferObjective:
        """The transfer score's weights; raises NotEnoughTrials."""
        found = observations(session, study.id, study.spec.objective.metric)
        answer: TransferObjective = self._fitted(
            "transfer", study.id, found, "transfer_score:transfer_objective", study.spec, found
        )
        return answer

    def transfer_leaderboard(self, session: Session, study: StoredStudy) -> Leaderboard:
        """By the transfer score; raises NotEnoughTrials."""
        found = observations(session, study.id, study.spec.objective.metric)
        tokens = available_tokens(session, study.id)
        answer: Leaderboard = self._fitted(
            "transfer-leaderboard",
            study.id,
            found,
            "transfer_score:transfer_leaderboard",
            study.spec,
            found,
            tokens,
        )
        return answer

    def best_shares(self, session: Session, study: StoredStudy) -> BestShares:
        """Of the trials completed so far; raises NotEnoughTrials."""
        found = observations(session, study.id, study.spec.objective.metric)
        answer: BestShares = self._fitted(
            "best-shares", study.id, found, "best_share_moves:best_shares", study.spec, found
        )
        return answer

    def pareto(self, session: Session, study: StoredStudy, names: Sequence[str]) -> ParetoFront:
        """Over the objectives `names`; raises InvalidField and NotEnoughTrials."""
        asked = asked_objectives(study.spec, names)
        found, signs = observations_of(study.spec, asked, observations_by_metric(session, study.id))
        answer: ParetoFront = self._fitted(
            " ".join(["pareto", *names]),
            study.id,
            found,
            "pareto:pareto_front",
            study.spec,
            asked,
            found,
            signs,
        )
        return answer

    def effects(self, session: Session, study: StoredStudy, name: str | None) -> FactorEffects:
        """On one objective, or the study's own; raises InvalidField and NotEnoughTrials."""
        asked = own_objective(study.spec) if name is None else asked_objective(study.spec, name)
        found, signs = observations_of(
            study.spec, [asked], observations_by_metric(session, study.id)
        )
        answer: FactorEffects = self._fitted(
            " ".join(["effects", asked.name]),
            study.id,
            found,
            "factor_effects:factor_effects",
            study.spec,
            asked,
            found,
            signs,
        )
        return answer

    def across_proxies(
        self, session: Session, studies: Sequence[tuple[StoredStudy, int]], full_parameters: int
    ) -> AcrossProxies:
        """Of studies with the sizes of their models; raises NotEnoughTrials and InvalidField."""
        stored = [
            ProxyStudy(
                id=study.id,
                study=study.spec,
                observations=tuple(observations(session, study.id, study.spec.objective.metric)),
                parameters=parameters,
            )
            for study, parameters in studies
        ]
        given = [one for study in stored for one in by_proxy(study)]
        require_comparable(given)
        answer: AcrossProxies = self._fitted(
            f"across {full_parameters}",
            " ".join(f"{one.id}:{one.parameters}" for one in given),
            [trial for one in given for trial in one.observations],
            "across_proxies:across_proxies",
            given,
            full_parameters,
        )
        return answer

    def _answer(
        self,
        study: StoredStudy,
        found: list[Observation],
        tokens: dict[str, int],
        seconds: float,
    ) -> StudyAnswer:
        if not needs_fit(study.spec, found):
            return answer_study(study.spec, found, tokens)
        answer: StudyAnswer = self._fitted(
            "answer",
            study.id,
            found,
            "study_answer:answer_study",
            study.spec,
            found,
            tokens,
            seconds=seconds,
        )
        return answer

    def _fitted(
        self,
        kind: str,
        study_id: str,
        found: Sequence[Observation],
        function: str,
        *arguments: Any,
        seconds: float = ANSWER_SECONDS,
    ) -> Any:
        """`mixtures.module:name` of `arguments` in the child, once for these scores.

        Raises what it raises, and FitNotReady where it takes longer than `seconds`.
        """
        future = self._begun(kind, study_id, found, function, arguments)
        try:
            return future.result(seconds)
        except (NotDone, CancelledError) as error:
            raise FitNotReady(
                f"the fit of these {len(found)} trials is not done yet; it goes on, ask again"
            ) from error
        except ChildKilled as error:
            raise FitNotReady(
                f"the process that fitted these {len(found)} trials was killed, for want of memory "
                "perhaps; ask again"
            ) from error

    def _begun(
        self,
        kind: str,
        study_id: str,
        found: Sequence[Observation],
        function: str,
        arguments: tuple[Any, ...],
    ) -> Future[Any]:
        """A fit of older scores of the same kind that waits still is given up: nobody wants it."""
        key = (kind, study_id, _hash(found, arguments))
        with self._lock:
            kept = self._kept.get(key)
            if kept is not None and not _is_broken(kept):
                self._kept.move_to_end(key)
                return kept
            for other, future in list(self._kept.items()):
                if other[:2] == key[:2] and future.cancel():
                    del self._kept[other]
            begun = self._queue.submit(
                self._process.call, "mixtures.answer_child:run", f"mixtures.{function}", *arguments
            )
            self._keep(key, begun)
        return begun

    def _keep(self, key: _Key, future: Future[Any]) -> None:
        self._kept[key] = future
        while len(self._kept) > _MOST_KEPT:
            self._kept.popitem(last=False)


def _is_broken(future: Future[Any]) -> bool:
    """Whether it gave no answer: that there is too little to fit is one."""
    if future.cancelled():
        return True
    answers = (NotEnoughTrials, InvalidField)
    error = future.exception() if future.done() else None
    return error is not None and not isinstance(error, answers)


def _hash(found: Sequence[Observation], arguments: tuple[Any, ...]) -> str:
    """The scores and the spec, which may be extended."""
    specs = [one.canonical() for one in arguments if isinstance(one, StudySpec)]
    return hash_text(canonical_json([*specs, *(one.model_dump(mode="json") for one in found)]))
