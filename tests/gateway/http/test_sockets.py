import socket

from slimgate.gateway.http import sockets


def test_little_is_taken_for_a_client_that_does_not_read() -> None:
    """The kernel takes less than a mebibyte of a response whose client does not read."""
    (listener,) = sockets.listen(("127.0.0.1", 0), "--listen")
    with listener, socket.socket() as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 16)
        client.connect(listener.getsockname())
        listener.setblocking(True)
        connection, _ = listener.accept()
        with connection:
            assert _taken(connection) < 1 << 20


def _taken(connection: socket.socket) -> int:
    connection.settimeout(0.5)
    taken = 0
    try:
        while taken < 16 << 20:
            taken += connection.send(bytes(1 << 16))
    except TimeoutError:
        pass
    return taken
