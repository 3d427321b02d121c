"""Who a token or a login belongs to. Loaded once: the controller alone changes them.

A token is `dmx_ID_SECRET`: the id finds its row, the hash of the whole is compared in constant
time. DECAYMIX_TOKEN is an admin's token that is not in the database.
"""

import hashlib
import hmac
import re
import secrets
import threading
from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import UTC, datetime, timedelta

from db import tokens
from db.database import Database, Session
from db.tokens import Scope, StoredLogin, StoredToken
from service.buckets import Buckets
from service.scopes import Caller

LOGIN_SECONDS = 12 * 3600
# Wrong tokens that an address may send at once, and how many come back a second.
FAILURES, FAILURES_PER_SECOND = 10, 1 / 6
_TOKEN = re.compile(r"dmx_([0-9a-f]{12})_[A-Za-z0-9_-]{43}")
_ALL: tuple[Scope, ...] = ("admin",)
# Where no token was ever made, whoever reaches the loopback address may do all.
ANYBODY = Caller("anybody", _ALL)
_OWNER = Caller("DECAYMIX_TOKEN", _ALL)


class TokensNeeded(RuntimeError):
    """Others can reach the address, and there is no token to ask of them."""


class LastAdmin(ValueError):
    """Without it nobody could make or revoke a token any more."""


class TooManyFailures(PermissionError):
    """Wrong tokens came too often: wait `seconds`."""

    def __init__(self, seconds: float) -> None:
        super().__init__(f"too many wrong tokens from this address; wait {seconds:.0f} s")
        self.seconds = seconds


class Keyring:
    """All tokens and logins. Methods may be called from any thread."""

    def __init__(self, database: Database, owner_token: str | None) -> None:
        self._database, self._owner_token = database, owner_token
        self._lock = threading.Lock()
        self._failures = Buckets(FAILURES, FAILURES_PER_SECOND)
        self._load()

    def _load(self) -> None:
        with self._database.read() as session:
            stored = tokens.list_tokens(session)
            hashes = tokens.token_hashes(session)
            logins = tokens.list_logins(session)
        self._tokens = {token.id: (token, hashes[token.id]) for token in stored}
        self._logins = {login.cookie_sha256: login for login in logins}

    @property
    def is_locked(self) -> bool:
        """Whether tokens are asked for. Revoking the last one opens nothing: its row stays."""
        return self._owner_token is not None or bool(self._tokens)

    def require_tokens(self, host: str) -> None:
        """Raises TokensNeeded where nobody could be let in at this address."""
        now = datetime.now(UTC)
        usable = any(token.is_usable(now) for token, _ in self._tokens.values())
        if self._owner_token is None and not usable:
            raise TokensNeeded(
                f"DECAYMIX_HOST is {host}, which others can reach: make a token with "
                "./run decaymix token create, set DECAYMIX_TOKEN, or listen on 127.0.0.1"
            )

    def caller_of_token(self, given: str, address: str) -> Caller | None:
        """Whose token it is; None for a wrong one. Raises TooManyFailures, counted by address.

        Only what could be guessed waits: a token of ours is let in however many fail beside it.
        """
        if (known := self._known(given)) is not None:
            return Caller(f"token {known.name} ({known.id})", known.scopes, known.id)
        if seconds := self._failures.wait(address):
            raise TooManyFailures(seconds)
        if self._owner_token is not None and _is_same(given, self._owner_token):
            return _OWNER
        self._failures.take(address)
        return None

    def caller_of_cookie(self, cookie: str) -> Caller | None:
        """Whose login it is; None where it has ended, or its token has."""
        login = self._logins.get(_sha256(cookie))
        if login is None or login.expires_at <= datetime.now(UTC):
            return None
        if not login.token_id:
            is_owner = self._owner_token is not None and hmac.compare_digest(
                login.proof, _proof(cookie, self._owner_token)
            )
            return Caller(_OWNER.name, _ALL, by_login=True) if is_owner else None
        token, _ = self._tokens[login.token_id]
        if not token.is_usable(datetime.now(UTC)):
            return None
        return Caller(f"token {token.name} ({token.id})", token.scopes, token.id, by_login=True)

    def log_in(self, caller: Caller) -> str:
        """A cookie that stands for the caller's token for LOGIN_SECONDS."""
        cookie = secrets.token_urlsafe(32)
        proof = "" if caller.token_id or not self._owner_token else self._owner_token
        login = StoredLogin(
            cookie_sha256=_sha256(cookie),
            token_id=caller.token_id,
            proof=_proof(cookie, proof) if proof else "",
            expires_at=datetime.now(UTC) + timedelta(seconds=LOGIN_SECONDS),
        )
        with self._lock:
            with self._database.write() as session:
                tokens.insert_login(session, login)
            self._load()
        return cookie

    def log_out(self, cookie: str) -> None:
        with self._lock:
            with self._database.write() as session:
                tokens.delete_login(session, _sha256(cookie))
            self._load()

    def create(
        self,
        name: str,
        scopes: tuple[Scope, ...],
        days: float | None,
        also: Callable[[Session, StoredToken], None] = lambda session, token: None,
        write: Callable[[], AbstractContextManager[Session]] | None = None,
    ) -> tuple[StoredToken, str]:
        """A new token, and the text that is its bearer's: it is kept nowhere.

        Written by `write`, a transaction of the database's own where not given, with what `also`
        adds to it. Raises LastAdmin where it would be the first and could not make a second.
        """
        with self._lock:
            if not self.is_locked and "admin" not in scopes:
                raise LastAdmin("from the first token on all need one: make an admin's first")
            created_at = datetime.now(UTC)
            token_id = secrets.token_hex(6)
            text = f"dmx_{token_id}_{secrets.token_urlsafe(32)}"
            token = StoredToken(
                id=token_id,
                name=name,
                scopes=scopes,
                created_at=created_at,
                expires_at=None if days is None else created_at + timedelta(days=days),
                revoked_at=None,
            )
            with (write or self._database.write)() as session:
                tokens.insert_token(session, token, _sha256(text))
                also(session, token)
            self._load()
        return token, text

    def revoke(self, token_id: str) -> StoredToken:
        """Raises UnknownToken; LastAdmin where no other admin's token would be left."""
        with self._lock:
            now = datetime.now(UTC)
            others = (token for token, _ in self._tokens.values() if token.id != token_id)
            has_other = any("admin" in one.scopes and one.is_usable(now) for one in others)
            revoked = self._tokens.get(token_id)
            is_admin = revoked is not None and "admin" in revoked[0].scopes
            if is_admin and not has_other and self._owner_token is None:
                raise LastAdmin(f"token {token_id} is the last admin's; make another first")
            with self._database.write() as session:
                stored = tokens.revoke_token(session, token_id)
            self._load()
        return stored

    def list(self) -> list[StoredToken]:
        """All, newest first."""
        with self._database.read() as session:
            return tokens.list_tokens(session)

    def _known(self, given: str) -> StoredToken | None:
        """The token of ours that this is, if it may be used."""
        match = _TOKEN.fullmatch(given)
        token, wanted = self._tokens.get(match[1] if match else "", (None, "0" * 64))
        # Compared whether there is such an id or not: an answer's time tells neither.
        is_right = hmac.compare_digest(_sha256(given), wanted)
        if token is None or not is_right or not token.is_usable(datetime.now(UTC)):
            return None
        return token


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode(errors="surrogateescape")).hexdigest()


def _is_same(given: str, wanted: str) -> bool:
    """In constant time; of hashes, so that the length of the secret does not show either."""
    return hmac.compare_digest(_sha256(given), _sha256(wanted))


def _proof(cookie: str, owner_token: str) -> str:
    """Binds a login to the value of DECAYMIX_TOKEN; the cookie, its key, is kept nowhere."""
    return hmac.new(cookie.encode(), owner_token.encode(), "sha256").hexdigest()
