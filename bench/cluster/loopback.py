"""Whether a machine can talk to itself: Ray's processes do so over the network."""

import socket

_PATIENCE_S = 5.0


def has_loopback() -> bool:
    """Whether a connection to 127.0.0.1 comes about.

    Not so where the interface `lo` was never turned on: in a network namespace of its own, as
    sandboxes make them. Ray would wait there for minutes and say nothing.
    """
    with socket.socket() as listening, socket.socket() as calling:
        calling.settimeout(_PATIENCE_S)
        try:
            listening.bind(("127.0.0.1", 0))
            listening.listen()
            calling.connect(listening.getsockname())
        except OSError:
            return False
    return True
