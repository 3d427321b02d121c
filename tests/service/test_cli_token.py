"""`token create`, `list`, `revoke`: with no controller on the database, with one through it."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from db.audit import list_entries
from db.database import Database
from service.cli import app
from service.keyring import Keyring
from tests.service.pretend_runner import PretendRunner
from tests.service.real_server import RealServer


def run(*arguments: str) -> tuple[int, str, str]:
    done = CliRunner().invoke(app, ["token", *arguments])
    return done.exit_code, done.stdout, done.stderr


def test_the_first_token_is_made_without_a_controller(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DECAYMIX_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("DECAYMIX_PORT", "1")
    code, _, errors = run("create", "bob")
    assert code == 2 and "make an admin's first" in errors
    code, token, errors = run("create", "ann", "--scope", "admin", "--days", "0")
    assert code == 0
    assert token.startswith("dmx_") and len(token.strip().splitlines()) == 1
    assert "admin, never expires; keep it now" in errors
    code, text, _ = run("create", "bob", "--scope", "submit", "--json")
    made = json.loads(text)
    assert made["stored"]["expires_at"] is not None
    code, listed, _ = run("list")
    assert [line.split()[-1] for line in listed.splitlines()] == ["bob", "ann"]
    assert made["token"] not in listed and token.strip() not in listed
    assert run("revoke", made["stored"]["id"])[0] == 0
    assert "revoked" in run("list")[1].splitlines()[0]
    code, _, errors = run("revoke", "none")
    assert code == 2 and "there is no token none" in errors
    code, _, errors = run("create", "Bob!")
    assert code == 2 and "name = 'Bob!'" in errors
    code, _, errors = run("create", "bob", "--scope", "all")
    assert code == 2 and "scopes.0 = 'all'" in errors

    database = Database(tmp_path / "home" / "decaymix.duckdb")
    keyring = Keyring(database, None)
    assert keyring.caller_of_token(token.strip(), "here") is not None
    assert keyring.caller_of_token(made["token"], "here") is None
    with database.read() as session:
        actions = [entry.action for entry in list_entries(session, 10)]
    database.close()
    assert actions == ["revoke_token", "create_token", "create_token"]


def test_with_a_controller_it_is_the_api(
    tmp_path: Path, data_root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = RealServer(tmp_path / "home", data_root, PretendRunner())
    server.start()
    try:
        monkeypatch.setenv("DECAYMIX_HOME", str(server.home))
        monkeypatch.setenv("DECAYMIX_PORT", server.url.rsplit(":", 1)[1])
        code, token, errors = run("create", "ann", "--scope", "admin")
        assert code == 0, errors
        # From now on the controller asks for one.
        code, _, errors = run("list")
        assert code == 2 and "send 'Authorization: Bearer TOKEN'" in errors
        monkeypatch.setenv("DECAYMIX_TOKEN", token.strip())
        code, listed, _ = run("list")
        assert code == 0 and "ann" in listed
    finally:
        server.stop()
