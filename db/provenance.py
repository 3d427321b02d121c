"""What made a study's answer, asked of columns: reading 100,000 whole results takes a minute."""

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from db.study_page import last_result
from db.tables import TrialRow
from mixtures.trial import TrialState
from mixtures.value import Value


class Provenance(Value):
    """Of the completed trials, in claiming order. `versions` are of the last one's worker."""

    trial_ids: tuple[str, ...]
    seeds: tuple[int, ...]
    stable_checkpoints: tuple[str, ...]
    tokenizers: tuple[str, ...]
    versions: dict[str, str]


def provenance(session: Session, study_id: str) -> Provenance:
    """Empty where no trial is complete."""
    rows = session.execute(
        select(TrialRow.id, TrialRow.seed)
        .where(TrialRow.study_id == study_id, TrialRow.state == TrialState.COMPLETE)
        .order_by(TrialRow.position)
    ).all()
    last = last_result(session, study_id)
    return Provenance(
        trial_ids=tuple(trial_id for trial_id, _ in rows),
        seeds=tuple(sorted({seed for _, seed in rows})),
        stable_checkpoints=_distinct(session, study_id, "stable_checkpoint"),
        tokenizers=_distinct(session, study_id, "tokenizer"),
        versions=last.versions if last else {},
    )


def _distinct(session: Session, study_id: str, field: str) -> tuple[str, ...]:
    """The values of a field of the stored results, which are JSON."""
    value = func.json_extract_string(TrialRow.result, f"$.{field}")
    found = session.scalars(
        select(value)
        .where(TrialRow.study_id == study_id, TrialRow.state == TrialState.COMPLETE)
        .distinct()
    )
    return tuple(sorted(one for one in found if one is not None))
