"""Attacks by hostile objects, names, tokens, addresses and values of Redis."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from itertools import count, cycle
from secrets import token_hex
from typing import Final

from bench.attack_objects import BROKEN, COSTLY, DOTS, GOOD
from bench.attack_target import SOURCE, Attack, Target, together
from bench.echo import key_of
from slimgate.eval.demo.servers import ACCESS_KEY
from tests.e2e import images

_PIECE: Final = 1 << 16
_UPLOAD: Final = 60 << 20
_VALUE: Final = 64 << 20
"""Bytes to which values of Redis are extended."""

_PAUSE_S: Final = 0.01


def objects(keys: Sequence[str], connections: int) -> Attack:
    """GET objects that claim to be renditions, over and over."""
    return _asking([_get(f"/photos/{key}") for key in keys], connections)


def _get(path: str, *fields: str) -> bytes:
    lines = [f"GET {path} HTTP/1.1", "Host: x", "Connection: close", *fields, "", ""]
    return "\r\n".join(lines).encode()


def _asking(requests: Sequence[bytes], connections: int) -> Attack:
    async def attack(target: Target) -> None:
        turns = cycle(requests)
        await _each(target, connections, lambda: _ask(target.address, next(turns)))

    return attack


async def _each(target: Target, connections: int, one: Callable[[], Awaitable[None]]) -> None:
    async def loop() -> None:
        while True:
            with contextlib.suppress(OSError):
                await one()
            await asyncio.sleep(_PAUSE_S)

    await together(target, loop, connections)


@asynccontextmanager
async def _connected(
    address: tuple[str, int], source: str
) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    reader, writer = await asyncio.open_connection(*address, local_addr=(source, 0))
    with contextlib.closing(writer):
        yield reader, writer


async def _ask(address: tuple[str, int], request: bytes, source: str = SOURCE) -> None:
    """Send a request on a connection of its own, and read until it is closed."""
    async with _connected(address, source) as (reader, writer):
        writer.write(request)
        await writer.drain()
        while await reader.read(_PIECE):
            pass


_ODD: Final = (
    b"CONNECT 127.0.0.1:80 HTTP/1.1\r\nHost: x\r\n\r\n",
    b"TRACE /plain/k HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
    b"GET /plain/k\r\n\r\n",
    b"GET HTTP://127.0.0.1:80/plain/k HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
    b"GET /plain/k HTTP/1.1\r\nHost: x\r\nConnection: close, Host, Authorization\r\n\r\n",
    b"GET /plain/k HTTP/1.1\r\nHost: x\r\nConnection: close\r\nCookie: \xff\xfe=\xff\r\n\r\n",
)


async def _wrong_tokens(target: Target) -> None:
    """Guess the token of operators, with a cookie that is not UTF-8."""

    def guess() -> Awaitable[None]:
        fields = f"Authorization: Bearer {token_hex(16)}", "Cookie: slimgate=@"
        request = _get("/_slimgate/savings", *fields).replace(b"@", b"\xff\xfe")
        return _ask(target.operators, request)

    await _each(target, 16, guess)


def _signed(access_key: str) -> bytes:
    now = datetime.now(UTC)
    scope = f"{access_key}/{now:%Y%m%d}/us-east-1/s3/aws4_request"
    names = "host;x-amz-content-sha256;x-amz-date;x-amz-security-token"
    return _get(
        f"/plain/{key_of(1024)}",
        f"x-amz-date: {now:%Y%m%dT%H%M%SZ}",
        "x-amz-content-sha256: UNSIGNED-PAYLOAD",
        f"x-amz-security-token: {token_hex(500)}",
        f"Authorization: AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders={names}, "
        f"Signature={token_hex(32)}",
    )


async def _wrong_signatures(target: Target) -> None:
    """Guess signatures of a key that the gateway knows."""
    await _each(target, 16, lambda: _ask(target.address, _signed(ACCESS_KEY)))


async def _many_clients(target: Target) -> None:
    """Come from another address, with another key, each time."""
    numbers = count()

    def one() -> Awaitable[None]:
        number = next(numbers)
        source = f"127.1.{number // 250 % 250}.{number % 250 + 1}"
        return _ask(target.address, _signed(f"key-{number}"), source)

    await _each(target, 32, one)


async def _large_uploads(target: Target) -> None:
    """Upload large files for the workers, 16 at once."""
    image = images.jpeg()
    host, port = target.address
    head = f"PUT {target.upload} HTTP/1.1\r\nHost: {host}:{port}\r\nContent-Length: {_UPLOAD}\r\n"
    zeros = bytes(_PIECE)

    async def upload() -> None:
        async with _connected(target.address, SOURCE) as (reader, writer):
            writer.write(f"{head}Connection: close\r\n\r\n".encode() + image)
            left = _UPLOAD - len(image)
            while left:
                piece = zeros[: min(left, _PIECE)]
                writer.write(piece)
                await writer.drain()
                left -= len(piece)
            await reader.read()

    await _each(target, 16, upload)


async def _redis_values(target: Target) -> None:
    """Make every value in Redis too long and every lease eternal, while GETs ask for them."""
    request = _get(f"/photos/{GOOD}")
    await asyncio.gather(
        _each(target, 8, lambda: _ask(target.address, request)),
        _each(target, 1, lambda: _spoil(("127.0.0.1", target.redis))),
    )


async def _spoil(address: tuple[str, int]) -> None:
    async with _connected(address, SOURCE) as (reader, writer):
        for name in await _names(reader, writer):
            if name.endswith(b":lease"):
                await _command(reader, writer, b"PERSIST", name)
            elif await _command(reader, writer, b"TYPE", name) == b"+string":
                await _command(reader, writer, b"SETRANGE", name, b"%d" % _VALUE, b"x")


async def _names(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> list[bytes]:
    found = []
    for _ in range(int((await _command(reader, writer, b"KEYS", b"*"))[1:])):
        size = int((await reader.readuntil(b"\r\n"))[1:])
        found.append((await reader.readexactly(size + 2))[:-2])
    return found


async def _command(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *words: bytes
) -> bytes:
    """Send a command of Redis; return the first line of the reply."""
    parts = b"".join(b"$%d\r\n%b\r\n" % (len(word), word) for word in words)
    writer.write(b"*%d\r\n%b" % (len(words), parts))
    return (await reader.readuntil(b"\r\n")).rstrip()


ATTACKS: Final[dict[str, Attack]] = {
    "broken-objects": objects([BROKEN], 32),
    "costly-objects": objects(COSTLY, 32),
    "long-names": objects([DOTS], 16),
    "odd-requests": _asking(_ODD, 16),
    "wrong-tokens": _wrong_tokens,
    "wrong-signatures": _wrong_signatures,
    "many-clients": _many_clients,
    "large-uploads": _large_uploads,
    "redis-values": _redis_values,
}
"""Attacks by name."""
