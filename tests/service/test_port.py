"""The port: taken once, given back, and one sentence where it cannot be had."""

import socket

import pytest

from service.port import PortInUse, listen


def test_a_free_port_is_taken_and_given_back() -> None:
    listener = listen("127.0.0.1", 0)
    port = listener.getsockname()[1]
    assert port > 0
    listener.close()
    listen("127.0.0.1", port).close()


def test_a_busy_port_is_one_sentence() -> None:
    with listen("127.0.0.1", 0) as taken:
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(PortInUse) as caught:
            listen("127.0.0.1", port)
    assert f"cannot listen on 127.0.0.1 port {port} (Address already in use)" in str(caught.value)
    assert "DECAYMIX_PORT" in str(caught.value)


@pytest.mark.parametrize("host", ["no.such.host.invalid", "192.0.2.1"])
def test_an_address_of_no_machine_or_another_is_refused(host: str) -> None:
    with pytest.raises(PortInUse, match=f"cannot listen on {host}"):
        listen(host, 0)


@pytest.mark.skipif(not socket.has_ipv6, reason="this Python has no IPv6")
def test_an_ipv6_address_gets_a_socket_of_its_family() -> None:
    try:
        listener = listen("::1", 0)
    except PortInUse:
        pytest.skip("this machine has no IPv6 loopback")
    with listener:
        assert listener.family == socket.AF_INET6
