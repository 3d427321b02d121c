"""The tables, as thin classes. Specs and results are stored as the JSON that crosses boundaries.

No foreign keys and no secondary indexes: DuckDB refuses updates of rows that others reference, and
rewrites a row under its index, so states could not change. The functions of `db` keep the tables
consistent instead, in one transaction each.
"""

from datetime import datetime

from sqlalchemy import Boolean, DateTime, Double, Integer, String
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column


class Base(DeclarativeBase):
    """Text keys everywhere: DuckDB has no auto-increment, and content gives the names."""


class StudyRow(Base):
    """One study as submitted. `id` is the hash of the spec and of the data it was given."""

    __tablename__ = "study"

    id: Mapped[str] = mapped_column(String, primary_key=True)
    name: Mapped[str] = mapped_column(String)
    spec: Mapped[str] = mapped_column(String)
    data_report: Mapped[str] = mapped_column(String)
    created_at: Mapped[datetime] = mapped_column(DateTime)
    # What people say of it and how it is kept; none of it is part of its identity.
    note: Mapped[str | None] = mapped_column(String)
    # A list as JSON; None: no tags.
    tags: Mapped[str | None] = mapped_column(String)
    # None: false, as of studies of before.
    is_archived: Mapped[bool | None] = mapped_column(Boolean)
    is_paused: Mapped[bool | None] = mapped_column(Boolean)
    # Higher goes first; None: 0.
    priority: Mapped[int | None] = mapped_column(Integer)
    # Trials of our own workers at once; None: as many as there are places.
    max_running: Mapped[int | None] = mapped_column(Integer)
    # Why its search proposes no more, as JSON (search_stops.py); None: it may.
    search_stop: Mapped[str | None] = mapped_column(String)


class TrialRow(Base):
    """One trial and where it stands. `id` is the hash of its spec."""

    __tablename__ = "trial"

    id: Mapped[str] = mapped_column(String, primary_key=True)
    study_id: Mapped[str] = mapped_column(String)
    spec: Mapped[str] = mapped_column(String)
    sft_share: Mapped[float] = mapped_column(Double)
    seed: Mapped[int] = mapped_column(Integer)
    state: Mapped[str] = mapped_column(String)
    # Trials are claimed in this order.
    position: Mapped[int] = mapped_column(Integer)
    # The number of the newest attempt; 0 before the first.
    attempt: Mapped[int] = mapped_column(Integer)
    cancel_requested: Mapped[bool] = mapped_column(Boolean)
    created_at: Mapped[datetime] = mapped_column(DateTime)
    started_at: Mapped[datetime | None] = mapped_column(DateTime)
    finished_at: Mapped[datetime | None] = mapped_column(DateTime)
    result: Mapped[str | None] = mapped_column(String)
    failure: Mapped[str | None] = mapped_column(String)
    # "outside" where whoever asks trains it; None: our own workers.
    trained_by: Mapped[str | None] = mapped_column(String)
    # How a search chose it; None: a first trial, or one that a user asked for.
    chosen_by: Mapped[str | None] = mapped_column(String)
    # The mixture's shares as JSON, a part of `spec`: whole specs of 100,000 trials take a minute
    # to read, and most questions are about these alone.
    shares: Mapped[str | None] = mapped_column(String)
    note: Mapped[str | None] = mapped_column(String)
    tags: Mapped[str | None] = mapped_column(String)
    # How many attempts ended in each kind of failure since the trial last entered WAITING by a
    # user's hand, as JSON; None: none.
    failed: Mapped[str | None] = mapped_column(String)


class AttemptRow(Base):
    """One attempt at a trial. A result that came too late is kept here and changes nothing.

    `worker`, `ask_key`, `leased_until` and `told` are of outside trainers: who has it, by which
    wish, until when, and what was told. `failure` says why there was no result.
    """

    __tablename__ = "attempt"

    trial_id: Mapped[str] = mapped_column(String, primary_key=True)
    number: Mapped[int] = mapped_column(Integer, primary_key=True)
    outcome: Mapped[str] = mapped_column(String)
    started_at: Mapped[datetime] = mapped_column(DateTime)
    finished_at: Mapped[datetime | None] = mapped_column(DateTime)
    late_result: Mapped[str | None] = mapped_column(String)
    worker: Mapped[str | None] = mapped_column(String)
    ask_key: Mapped[str | None] = mapped_column(String)
    leased_until: Mapped[datetime | None] = mapped_column(DateTime)
    told: Mapped[str | None] = mapped_column(String)
    failure: Mapped[str | None] = mapped_column(String)


class ScoreRow(Base):
    """One metric of one benchmark for one completed trial."""

    __tablename__ = "score"

    trial_id: Mapped[str] = mapped_column(String, primary_key=True)
    benchmark: Mapped[str] = mapped_column(String, primary_key=True)
    metric: Mapped[str] = mapped_column(String, primary_key=True)
    study_id: Mapped[str] = mapped_column(String)
    value: Mapped[float] = mapped_column(Double)
    num_items: Mapped[int] = mapped_column(Integer)
    standard_error: Mapped[float | None] = mapped_column(Double)
