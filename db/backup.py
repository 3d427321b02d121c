"""All tables as Parquet, while the controller works on; and a new database made of them.

One transaction sees the tables as they were at one moment. The files say which version of the
schema they are of: an older one is loaded as it was and migrated like an older database.
"""

from pathlib import Path

from sqlalchemy import Engine, create_engine, text

from db.database import Database, DatabaseTooNew, head_of_migrations, migrate

SUFFIX = ".parquet"


def write_tables(database: Database, folder: Path) -> dict[str, int]:
    """`folder/TABLE.parquet` for each table; the number of rows of each."""
    counts = {}
    with database.read() as session:
        for table in _tables(session.connection().engine):
            to = str(folder / f"{table}{SUFFIX}").replace("'", "''")
            session.execute(text(f"COPY \"{table}\" TO '{to}' (FORMAT parquet)"))
            counts[table] = session.scalar(text(f'SELECT count(*) FROM "{table}"')) or 0
    return counts


def schema_of(database: Database) -> str:
    """The version of the database's schema, e.g. 0006."""
    with database.read() as session:
        version: str = session.scalar(text("SELECT version_num FROM alembic_version"))
    return version


def database_of_tables(path: Path, folder: Path, schema: str) -> None:
    """A new file at `path` with what `write_tables` wrote. Raises DatabaseTooNew."""
    if schema > head_of_migrations():
        raise DatabaseTooNew(
            f"the backup is of a newer Decaymix (its schema is {schema}, this one's is "
            f"{head_of_migrations()}); upgrade first"
        )
    engine = create_engine(f"duckdb:///{path}")
    try:
        migrate(engine, schema)
        with engine.begin() as connection:
            for table in _tables(engine):
                source = str(folder / f"{table}{SUFFIX}").replace("'", "''")
                connection.execute(
                    text(f"INSERT INTO \"{table}\" BY NAME SELECT * FROM read_parquet('{source}')")
                )
        migrate(engine)
    finally:
        engine.dispose()


def _tables(engine: Engine) -> list[str]:
    """Of Decaymix; which version the schema is of stands elsewhere."""
    with engine.connect() as connection:
        found = connection.execute(
            text("SELECT table_name FROM duckdb_tables() WHERE NOT internal ORDER BY table_name")
        )
        return [name for (name,) in found if name != "alembic_version"]
