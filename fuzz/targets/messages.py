"""Messages of workers, of engines, and of other gateways through Redis."""

import json
from collections.abc import Iterator
from contextlib import suppress
from typing import Final

from fuzz.target import check
from slimgate.gateway.cache.peers import published
from slimgate.gateway.workers.messages import HEAD, Kind, Message, Violation, head, unpacked
from slimgate.gateway.workers.received import checked
from slimgate.models.engine import wire

MODULES: Final = ("slimgate.gateway.workers", "slimgate.gateway.cache", "slimgate.models.engine")
WORDS: Final = (
    b"slg1", b"slgs", b'{"manifest":', b'"attempts":[', b'"error":', b"null", b"\xff\xff\xff\xff",
    b"0123456789ab 0.1.0",
)  # fmt: skip
_MAX_BODY: Final = 1 << 30


def run(data: bytes) -> None:
    """Read a message as each of those who get some: only declared errors, and bounded sizes."""
    if len(data) >= HEAD.size:
        with suppress(Violation):
            _, document, body = unpacked(data[: HEAD.size], _MAX_BODY)
            check(document <= 4 << 20 and body <= _MAX_BODY, "a message is too long")
    for kind in (Kind.RESULT, Kind.FAILURE):
        with suppress(Violation):
            checked(Message(kind, data, b""))
    size = wire.Request.LAYOUT.size
    if len(data) >= size:
        with suppress(wire.Broken):
            request = wire.Request.unpack(data[:size])
            check(0 < request.full_bytes <= 3 * wire.MAX_PIXELS, "an image is too large")
            check(request.pack() == data[:size], "a request changes")
    check(isinstance(wire.error_of(data[0] if data else 0, data), Exception), "no error")
    published({"name": data.decode("utf-8", "replace")})


def seeds() -> Iterator[bytes]:
    """Yield messages of each kind."""
    yield wire.Request("0123456789abcdef", 2, 0, 12, 9, 3).pack()
    yield head(Kind.RESULT, b"{}", 12)
    yield json.dumps({"error": "Refused", "text": "too small", "reason": "size"}).encode()
    yield json.dumps({"manifest": None, "attempts": [], "reason": None}).encode()
    yield b"0123456789ab 0.1.0"
