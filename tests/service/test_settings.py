"""Settings: from the environment, made absolute, and refused by the name of the variable."""

import os
from pathlib import Path

import pytest
from pydantic import ValidationError
from typer.testing import CliRunner

from service.cli import app
from service.settings import Settings, what_is_wrong

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(autouse=True)
def bare_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.startswith(("DECAYMIX_", "OTEL_")) or name == "RAY_ADDRESS":
            monkeypatch.delenv(name)


def test_defaults_lie_in_the_repository_and_listen_on_loopback() -> None:
    settings = Settings()
    assert settings.home == ROOT / "var"
    assert settings.data_roots == (ROOT / "data",)
    assert settings.url == "http://127.0.0.1:8765"
    assert (settings.token, settings.num_cpus, settings.ray_address) == (None, None, None)


def test_the_environment_sets_each(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", "/home/me")
    for name, value in {
        "DECAYMIX_HOME": "state",
        "DECAYMIX_DATA_ROOTS": f"one{os.pathsep}/two{os.pathsep}{os.pathsep}~/three",
        "DECAYMIX_PORT": "9000",
        "DECAYMIX_HOST": "0.0.0.0",
        "DECAYMIX_TOKEN": "swordfish",
        "DECAYMIX_NUM_CPUS": "3",
        "RAY_ADDRESS": "10.0.0.1:6379",
        "DECAYMIX_MAX_BODY_BYTES": "1000",
    }.items():
        monkeypatch.setenv(name, value)
    settings = Settings()
    # Absolute: workers run in other folders.
    assert settings.home == tmp_path / "state"
    assert settings.data_roots == (tmp_path / "one", Path("/two"), Path("/home/me/three"))
    assert (settings.port, settings.num_cpus, settings.max_body_bytes) == (9000, 3, 1000)
    assert settings.ray_address == "10.0.0.1:6379"
    assert settings.url == "http://127.0.0.1:9000"
    assert settings.token is not None
    assert settings.token.get_secret_value() == "swordfish"
    assert "swordfish" not in repr(settings)


def test_a_home_may_begin_with_a_tilde(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/me")
    monkeypatch.setenv("DECAYMIX_HOME", "~/decaymix")
    assert Settings().home == Path("/home/me/decaymix")


def test_a_variable_set_to_nothing_is_not_set(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HOME", "DATA_ROOTS", "PORT", "TOKEN", "NUM_CPUS"):
        monkeypatch.setenv(f"DECAYMIX_{name}", "")
    monkeypatch.setenv("RAY_ADDRESS", "")
    assert Settings() == Settings.model_construct()


@pytest.mark.parametrize(
    ("host", "url"),
    [
        ("localhost", "http://localhost:8765"),
        ("::1", "http://[::1]:8765"),
        ("::", "http://[::1]:8765"),
        ("0.0.0.0", "http://127.0.0.1:8765"),
        ("10.1.2.3", "http://10.1.2.3:8765"),
    ],
)
def test_the_url_is_one_that_a_browser_takes(host: str, url: str) -> None:
    assert Settings(host=host, token="swordfish").url == url


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "10.1.2.3", "example.org"])
def test_what_others_can_reach_is_no_loopback(host: str) -> None:
    assert not Settings(host=host).is_loopback
    assert Settings(host="127.0.0.1").is_loopback


def test_a_secret_may_stand_in_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "token"
    file.write_text("swordfish\n")
    monkeypatch.setenv("DECAYMIX_TOKEN_FILE", str(file))
    assert Settings().owner_token == "swordfish"
    assert "swordfish" not in repr(Settings())
    monkeypatch.setenv("DECAYMIX_TOKEN", "marlin")
    with pytest.raises(ValidationError, match="are both set; keep one"):
        Settings()


def test_a_secret_file_that_is_not_there_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DECAYMIX_TOKEN_FILE", str(tmp_path / "none"))
    with pytest.raises(ValidationError) as caught:
        Settings()
    assert what_is_wrong(caught.value).startswith(f"DECAYMIX_TOKEN_FILE = '{tmp_path}/none': ")


def test_hosts_are_split_at_spaces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DECAYMIX_ALLOWED_HOSTS", "Mix.example.org  other")
    assert Settings().allowed_hosts == ("mix.example.org", "other")


def test_traces_go_over_http_or_nowhere(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc")
    # Set for other programs, and nobody asks for ours.
    assert Settings().otlp_endpoint is None
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:4318")
    with pytest.raises(ValidationError) as caught:
        Settings()
    assert what_is_wrong(caught.value).startswith("OTEL_EXPORTER_OTLP_PROTOCOL = 'grpc': ")


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("DECAYMIX_PORT", "99999", "DECAYMIX_PORT = '99999': Input should be less than"),
        ("DECAYMIX_PORT", "http", "DECAYMIX_PORT = 'http': Input should be a valid integer"),
        ("DECAYMIX_NUM_CPUS", "0", "DECAYMIX_NUM_CPUS = '0': Input should be greater than"),
        ("DECAYMIX_MAX_BODY_BYTES", "9", "DECAYMIX_MAX_BODY_BYTES = '9': Input should be"),
        ("DECAYMIX_TOKEN", "sword fish", "DECAYMIX_TOKEN: expected printable ASCII"),
        ("DECAYMIX_TOKEN", "schwertfisch-ä", "DECAYMIX_TOKEN: expected printable ASCII"),
        ("DECAYMIX_TOKEN", "two\nlines", "DECAYMIX_TOKEN: expected printable ASCII"),
        (
            "OTEL_EXPORTER_OTLP_ENDPOINT",
            "collector:4318",
            "OTEL_EXPORTER_OTLP_ENDPOINT = 'collector:4318': expected an address that begins",
        ),
    ],
)
def test_what_is_wrong_names_the_variable(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, words: str
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(ValidationError) as caught:
        Settings()
    assert what_is_wrong(caught.value).startswith(words)
    for command in ("serve", "studies"):
        done = CliRunner().invoke(app, [command])
        assert done.exit_code == 2
        assert done.stderr.startswith(f"decaymix: {words}")
        assert len(done.stderr.strip().splitlines()) == 1
        # A token is no less secret for being wrong.
        assert "fish" not in done.stderr
