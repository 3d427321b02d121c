"""The port: bound by ourselves, so that a busy one is a plain sentence and not a traceback."""

import socket


class PortInUse(OSError):
    """Something else listens there, or the address is none of this machine's."""


def listen(host: str, port: int) -> socket.socket:
    """A bound socket; raises PortInUse."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except OSError as error:
        listener.close()
        raise PortInUse(
            f"cannot listen on {host} port {port} ({error.strerror}); is a controller already "
            "running? Stop it, or set another DECAYMIX_PORT."
        ) from error
    return listener
