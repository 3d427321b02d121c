"""The audit log: newest first, a page at a time, and no longer than it is to be kept."""

from datetime import timedelta

from db.audit import AuditRow, Happened, list_entries, prune, write_down
from db.database import Database, now


def happened(action: str) -> Happened:
    return Happened(
        who="ann",
        action=action,
        path="POST /v1/studies",
        detail="",
        address="10.0.0.1",
        status=201,
        request_id="r",
    )


def test_entries_come_newest_first_page_by_page(database: Database) -> None:
    for action in "abcde":
        write_down(database, happened(action))
    with database.read() as session:
        # Those of one millisecond may stand in any order among themselves.
        first = list_entries(session, 2)
        rest = list_entries(session, 10, before=first[-1].id)
    entries = [*first, *rest]
    assert len(first) == 2
    assert {entry.action for entry in entries} == set("abcde")
    assert [entry.id for entry in entries] == sorted((e.id for e in entries), reverse=True)
    assert entries[0].happened_at >= entries[-1].happened_at
    assert entries[0].model_dump(exclude={"id", "happened_at", "action"}) == happened(
        "a"
    ).model_dump(exclude={"action"})


def test_what_is_older_than_it_is_kept_goes(database: Database) -> None:
    write_down(database, happened("old"))
    write_down(database, happened("new"))
    with database.write() as session:
        old = session.query(AuditRow).filter_by(action="old").one()
        old.happened_at = now() - timedelta(days=31)
    with database.write() as session:
        assert prune(session, 30) == 1
    with database.read() as session:
        assert [entry.action for entry in list_entries(session, 10)] == ["new"]
