"""Only requests to our own names are answered where only this machine should ask."""

import pytest

from service.host_check import HostCheck, host_name
from tests.service.asgi import Recorder, ask
from tests.service.conftest import StartService


@pytest.mark.parametrize(
    ("host", "name"),
    [
        ("127.0.0.1:8765", "127.0.0.1"),
        ("LocalHost", "localhost"),
        ("[::1]:8765", "::1"),
        ("mix.example.org:80", "mix.example.org"),
        ("", ""),
        ("[::1", ""),
    ],
)
def test_the_name_in_a_host_header(host: str, name: str) -> None:
    assert host_name(host) == name


@pytest.mark.parametrize("host", ["127.0.0.1:1", "localhost", "[::1]:8765", "mix.example.org"])
def test_a_name_of_ours_is_answered(host: str) -> None:
    app = HostCheck(Recorder(), ["mix.example.org"])
    assert ask(app, headers={"Host": host}).status == 200


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example", "", "[::1", "127.0.0"])
def test_another_name_is_not(host: str) -> None:
    app = Recorder()
    answer = ask(HostCheck(app, ["mix.example.org"]), headers={"Host": host})
    assert answer.status == 421
    assert app.messages == []


def test_the_service_on_loopback_checks_and_one_that_others_reach_does_not(
    start_service: StartService,
) -> None:
    evil = {"Host": "evil.example"}
    with start_service() as client:
        assert client.get("/healthz", headers=evil).status_code == 421
    with start_service(allowed_hosts=("evil.example",)) as client:
        assert client.get("/healthz", headers=evil).status_code == 200
    with start_service(host="0.0.0.0", token="swordfish") as client:
        assert client.get("/healthz", headers=evil).status_code == 200
    with start_service(host="0.0.0.0", token="swordfish", allowed_hosts=("mix",)) as client:
        assert client.get("/healthz", headers=evil).status_code == 421
