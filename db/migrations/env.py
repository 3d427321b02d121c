"""Alembic's entry: runs the migrations on the connection that `db.database` hands over."""

from alembic import context
from alembic.ddl.impl import DefaultImpl

# Those with tables of their own: Base knows a table once its module is imported.
from db import answered, audit, observed, tokens, webhooks  # noqa: F401
from db.tables import Base


class DuckDBImpl(DefaultImpl):
    """Alembic asks for one class a dialect; the default rules fit DuckDB."""

    __dialect__ = "duckdb"


context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Base.metadata,
    # DuckDB alters no table that the same transaction has updated.
    transaction_per_migration=True,
)
with context.begin_transaction():
    context.run_migrations()
