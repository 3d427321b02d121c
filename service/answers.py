"""Leaderboards, recommendations and the like, computed from scores and kept while these stand.

Nothing derived is written to the database: the key is the state of the scores and the spec, so
that scores are read only where a fit is begun. Fits run one after another in a child process that
ends when idle, so the controller's loop never waits for one and the controller stays small. Whoever
asks waits for a while: after that the leaderboard comes without what the fit would say, and the fit
goes on.
"""

from collections.abc import Sequence

from db.database import Session, let_go
from db.found_sizes import available_tokens
from db.scores import observations, observations_by_metric, scores_version
from db.studies import StoredStudy
from mixtures.across_proxies import AcrossProxies, ProxyStudy, require_comparable
from mixtures.best_share_moves import BestShares
from mixtures.claims import Claim
from mixtures.confirmation_found import ConfirmationAnswer
from mixtures.factor_effects import FactorEffects
from mixtures.front import ParetoFront
from mixtures.named_objectives import (
    asked_objective,
    asked_objectives,
    default_objectives,
    observations_of,
    own_objective,
)
from mixtures.observation import Observation
from mixtures.rank import Leaderboard
from mixtures.recommendation import NotEnoughTrials, Recommendation
from mixtures.signal import SignalReport, signal
from mixtures.studies_by_proxy import by_proxy
from mixtures.study_answer import StudyAnswer, answer_study, needs_fit, raw_leaderboard
from mixtures.transfer_score import TransferObjective
from mixtures.value import canonical_json, hash_text
from mixtures.verdict import Verdict
from service.fit import Fit, done
from service.fit import FitNotReady as FitNotReady
from service.kept_fits import ANSWER_SECONDS as ANSWER_SECONDS
from service.kept_fits import Given, KeptFits


class Answers(KeptFits):
    """Of one study or several, each by its state. Two who ask at once for the same fit wait for
    one. A session that is given ends what it has read before a fit is waited for, so it must be
    one that only reads.
    """

    def leaderboard(
        self, session: Session, study: StoredStudy, seconds: float = ANSWER_SECONDS
    ) -> Leaderboard:
        """Of the trials completed so far; by raw means where a fit takes longer than `seconds`."""
        fit = self.fit_of(session, study)
        let_go(session)
        try:
            answer: StudyAnswer = fit.result(seconds)
        except FitNotReady as error:
            return self.raw_leaderboard(session, study, fit, error)
        return answer.leaderboard

    def raw_leaderboard(
        self, session: Session, study: StoredStudy, fit: Fit, error: FitNotReady
    ) -> Leaderboard:
        """The leaderboard of the trials of a fit that is not there, by raw means."""
        found = fit.found
        if found is None:  # it has ended a moment ago
            found = _own_scores(session, study)
        board = raw_leaderboard(study.spec, found, available_tokens(session, study.id))
        return board.model_copy(update={"no_posterior": str(error)})

    def fit_of(self, session: Session, study: StoredStudy) -> Fit:
        """The fit of the trials completed so far, begun where it is new: its result is StudyAnswer.

        Who waits for it need not hold a session, whose transaction keeps all that is written
        meanwhile from being tidied up.
        """
        key = ("answer", study.id, state_of_scores(session, study))
        fit = self._standing(key)
        if fit is None:
            found, tokens = _own_scores(session, study), available_tokens(session, study.id)
            if needs_fit(study.spec, found):
                given = found, (study.spec, found, tokens)
                return self._begun(key, "study_answer:answer_study", given)
            # Quick, but not to be read for again at every look.
            fit = done(len(found), answer_study(study.spec, found, tokens))
            with self._lock:
                self._keep(key, fit)
        return fit

    def recommendation(
        self, session: Session, study: StoredStudy, seconds: float = ANSWER_SECONDS
    ) -> Recommendation:
        """Of the trials completed so far; raises NotEnoughTrials, and FitNotReady, which is one."""
        answer = self._answer(session, study, seconds)
        if answer.recommendation is None:
            raise NotEnoughTrials(answer.no_recommendation)
        return answer.recommendation

    def signal(self, session: Session, study: StoredStudy) -> SignalReport:
        """Of the trials completed so far."""
        key = ("signal", study.id, state_of_scores(session, study))
        kept = self._standing(key)
        if kept is None:
            found = observations_by_metric(session, study.id)
            most = max((len(trials) for trials in found.values()), default=0)
            kept = done(most, signal(study.spec, found))
            with self._lock:
                self._keep(key, kept)
        report: SignalReport = kept.future.result()
        return report

    def transfer(self, session: Session, study: StoredStudy) -> TransferObjective:
        """The transfer score's weights; raises NotEnoughTrials."""

        def given() -> Given:
            found = _own_scores(session, study)
            return found, (study.spec, found)

        key = ("transfer", study.id, state_of_scores(session, study))
        answer: TransferObjective = self._fitted(
            session, key, "transfer_score:transfer_objective", given
        )
        return answer

    def transfer_leaderboard(self, session: Session, study: StoredStudy) -> Leaderboard:
        """By the transfer score; raises NotEnoughTrials."""

        def given() -> Given:
            found = _own_scores(session, study)
            return found, (study.spec, found, available_tokens(session, study.id))

        key = ("transfer-leaderboard", study.id, state_of_scores(session, study))
        answer: Leaderboard = self._fitted(
            session, key, "transfer_score:transfer_leaderboard", given
        )
        return answer

    def best_shares(
        self, session: Session, study: StoredStudy, seconds: float = ANSWER_SECONDS
    ) -> BestShares:
        """Of the trials completed so far; raises NotEnoughTrials."""

        def given() -> Given:
            found = _own_scores(session, study)
            return found, (study.spec, found)

        key = ("best-shares", study.id, state_of_scores(session, study))
        answer: BestShares = self._fitted(
            session, key, "best_share_moves:best_shares", given, seconds
        )
        return answer

    def pareto(
        self,
        session: Session,
        study: StoredStudy,
        names: Sequence[str] | None,
        seconds: float = ANSWER_SECONDS,
    ) -> ParetoFront:
        """Over `names`, else the study's own; raises InvalidField and NotEnoughTrials."""
        names, note = (names, None) if names else default_objectives(study.spec)
        asked = asked_objectives(study.spec, names)

        def given() -> Given:
            by_metric = observations_by_metric(session, study.id)
            found, signs = observations_of(study.spec, asked, by_metric)
            return found, (study.spec, asked, found, signs)

        key = (" ".join(["pareto", *names]), study.id, state_of_scores(session, study))
        answer: ParetoFront = self._fitted(session, key, "pareto:pareto_front", given, seconds)
        return (
            answer if note is None else answer.model_copy(update={"notes": (note, *answer.notes)})
        )

    def effects(
        self,
        session: Session,
        study: StoredStudy,
        name: str | None,
        seconds: float = ANSWER_SECONDS,
    ) -> FactorEffects:
        """On one objective, or the study's own; raises InvalidField and NotEnoughTrials."""
        asked = own_objective(study.spec) if name is None else asked_objective(study.spec, name)

        def given() -> Given:
            by_metric = observations_by_metric(session, study.id)
            found, signs = observations_of(study.spec, [asked], by_metric)
            return found, (study.spec, asked, found, signs)

        key = (" ".join(["effects", asked.name]), study.id, state_of_scores(session, study))
        answer: FactorEffects = self._fitted(
            session, key, "factor_effects:factor_effects", given, seconds
        )
        return answer

    def verdicts(
        self,
        session: Session,
        study: StoredStudy,
        claims: Sequence[Claim],
        confirmation: ConfirmationAnswer | None = None,
        seconds: float = ANSWER_SECONDS,
    ) -> tuple[Verdict, ...]:
        """On `claims`; raises FitNotReady where it takes longer."""
        answer = self._answer(session, study, seconds)

        def given() -> Given:
            found = _own_scores(session, study)
            return found, (study.spec, claims, found, answer, confirmation)

        told = [*claims, confirmation] if confirmation else claims
        asked = hash_text(canonical_json([one.model_dump(mode="json") for one in told]))
        key = (f"verdicts {asked}", study.id, state_of_scores(session, study))
        found: tuple[Verdict, ...] = self._fitted(session, key, "verdicts:verdicts", given, seconds)
        return found

    def across_proxies(
        self, session: Session, studies: Sequence[tuple[StoredStudy, int]], full_parameters: int
    ) -> AcrossProxies:
        """Of studies with the sizes of their models; raises NotEnoughTrials and InvalidField."""

        def given() -> Given:
            stored = [
                ProxyStudy(
                    id=study.id,
                    study=study.spec,
                    observations=tuple(_own_scores(session, study)),
                    parameters=parameters,
                )
                for study, parameters in studies
            ]
            alone = [one for study in stored for one in by_proxy(study)]
            require_comparable(alone)
            return [trial for one in alone for trial in one.observations], (alone, full_parameters)

        key = (
            f"across {full_parameters}",
            " ".join(f"{study.id}:{parameters}" for study, parameters in studies),
            ", ".join(state_of_scores(session, study) for study, _ in studies),
        )
        answer: AcrossProxies = self._fitted(session, key, "across_proxies:across_proxies", given)
        return answer

    def _answer(self, session: Session, study: StoredStudy, seconds: float) -> StudyAnswer:
        fit = self.fit_of(session, study)
        let_go(session)
        answer: StudyAnswer = fit.result(seconds)
        return answer


def state_of_scores(session: Session, study: StoredStudy) -> str:
    """Changes when a trial is completed, and when the study is extended: the same scores under
    another spec are another answer. Takes a millisecond.
    """
    return f"{scores_version(session, study.id) or 'none yet'} {study.spec.content_hash()}"


def _own_scores(session: Session, study: StoredStudy) -> list[Observation]:
    return observations(session, study.id, study.spec.objective.metric)
