"""Tokens and logins on a real database: what is kept, what expires, what cannot be revoked."""

import hashlib
import hmac
from datetime import UTC, datetime

import pytest

import service.keyring
from db.database import Database
from db.tokens import UnknownToken, token_hashes
from service.keyring import Keyring, LastAdmin, TokensNeeded


def test_only_the_hash_of_a_token_is_kept(database: Database) -> None:
    stored, text = Keyring(database, None).create("ann", ("admin",), 90)
    assert text.startswith(f"dmx_{stored.id}_") and len(text) == 60
    with database.read() as session:
        assert token_hashes(session) == {stored.id: hashlib.sha256(text.encode()).hexdigest()}
    caller = Keyring(database, None).caller_of_token(text, "here")
    assert caller is not None
    assert (caller.name, caller.scopes) == (f"token ann ({stored.id})", ("admin",))


def test_a_token_ends_on_its_day(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    keyring = Keyring(database, None)
    stored, text = keyring.create("ann", ("admin",), 2)
    _, forever = keyring.create("bob", ("read",), None)
    assert stored.expires_at is not None
    assert (stored.expires_at - stored.created_at).total_seconds() == 2 * 86_400

    class Later(datetime):
        @classmethod
        def now(cls, tz: object = None) -> "datetime":
            return datetime.fromtimestamp(stored.created_at.timestamp() + 2 * 86_400 + 1, UTC)

    monkeypatch.setattr(service.keyring, "datetime", Later)
    assert keyring.caller_of_token(text, "here") is None
    assert keyring.caller_of_token(forever, "here") is not None


def test_hashes_are_compared_in_constant_time_also_of_an_unknown_id(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    compared = []

    def compare(given: str, right: str) -> bool:
        compared.append((given, right))
        return given == right

    keyring = Keyring(database, "swordfish")
    monkeypatch.setattr(hmac, "compare_digest", compare)
    guess = f"dmx_{'0' * 12}_{'a' * 43}"
    assert keyring.caller_of_token(guess, "here") is None
    given = hashlib.sha256(guess.encode()).hexdigest()
    assert compared == [(given, "0" * 64), (given, hashlib.sha256(b"swordfish").hexdigest())]


def test_the_first_token_must_be_an_admins_and_the_last_stays(database: Database) -> None:
    keyring = Keyring(database, None)
    assert not keyring.is_locked
    with pytest.raises(LastAdmin):
        keyring.create("ann", ("submit",), 90)
    first, _ = keyring.create("ann", ("admin",), 90)
    assert keyring.is_locked
    reader, _ = keyring.create("bob", ("read",), 90)
    with pytest.raises(LastAdmin):
        keyring.revoke(first.id)
    keyring.revoke(reader.id)
    second, text = keyring.create("eve", ("admin",), 90)
    assert keyring.revoke(first.id).revoked_at is not None
    assert keyring.caller_of_token(text, "here") is not None
    with pytest.raises(UnknownToken):
        keyring.revoke("none")
    # With DECAYMIX_TOKEN there is another way in; the door stays shut without it.
    Keyring(database, "swordfish").revoke(second.id)
    assert Keyring(database, None).is_locked


def test_off_loopback_a_token_that_works_is_needed(database: Database) -> None:
    with pytest.raises(TokensNeeded, match=r"DECAYMIX_HOST is 0\.0\.0\.0, which others can reach"):
        Keyring(database, None).require_tokens("0.0.0.0")
    Keyring(database, "swordfish").require_tokens("0.0.0.0")
    keyring = Keyring(database, "swordfish")
    stored, _ = keyring.create("ann", ("read",), 90)
    Keyring(database, None).require_tokens("0.0.0.0")
    keyring.revoke(stored.id)
    with pytest.raises(TokensNeeded):
        Keyring(database, None).require_tokens("0.0.0.0")
