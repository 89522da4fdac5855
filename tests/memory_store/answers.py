"""Answers of the store in memory, as :class:`slimgate.gateway.storage.messages.Response`."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from datetime import datetime
from email.utils import format_datetime
from http import HTTPStatus
from xml.sax.saxutils import escape

from multidict import CIMultiDict, CIMultiDictProxy

from slimgate.gateway.storage.messages import Content

_PIECE = 1 << 16


class Failure(Exception):
    """An S3 error of the store."""

    def __init__(self, status: int, code: str) -> None:
        super().__init__(code)
        self.status = status
        self.code = code


class MemoryContent:
    """A body that is at hand."""

    def __init__(self, data: bytes) -> None:
        self._data = memoryview(data)

    def at_eof(self) -> bool:
        """Return whether all of it was read."""
        return not self._data

    async def iter_any(self) -> AsyncIterator[bytes]:
        """Iterate over what is left of it."""
        while self._data:
            piece, self._data = self._data[:_PIECE], self._data[_PIECE:]
            yield bytes(piece)

    async def readexactly(self, n: int, /) -> bytes:
        """Read ``n`` bytes."""
        piece, self._data = self._data[:n], self._data[n:]
        if len(piece) < n:
            raise asyncio.IncompleteReadError(bytes(piece), n)
        return bytes(piece)


class MemoryResponse:
    """An answer, all of it at hand."""

    def __init__(
        self, method: str, status: int, headers: Mapping[str, str] | None = None, body: bytes = b""
    ) -> None:
        shown = CIMultiDict(headers or {})
        if status != HTTPStatus.NO_CONTENT:
            shown.setdefault("Content-Length", str(len(body)))
        self.method = method
        self.status = status
        self.headers = CIMultiDictProxy(shown)
        self.content: Content = MemoryContent(b"" if method == "HEAD" else body)
        self.is_let_go = False

    @property
    def content_length(self) -> int | None:
        """Return the Content-Length."""
        length = self.headers.get("Content-Length")
        return None if length is None else int(length)

    def date(self, now: datetime) -> None:
        """Add the time of the answer."""
        shown = CIMultiDict(self.headers)
        shown.setdefault("Date", format_datetime(now, usegmt=True))
        self.headers = CIMultiDictProxy(shown)

    def at_hand(self) -> bytes | None:
        """Return None: read it piece by piece."""
        return None

    def let_go(self) -> None:
        """Note that nothing more is read."""
        self.is_let_go = True


def failed(method: str, failure: Failure) -> MemoryResponse:
    """Return the answer that an error is."""
    body = document("Error", f"<Code>{failure.code}</Code>")
    return MemoryResponse(method, failure.status, {"Content-Type": "application/xml"}, body)


def xml(
    method: str, root: str, inner: str, headers: Mapping[str, str] | None = None
) -> MemoryResponse:
    """Return an answer with a document."""
    shown = {"Content-Type": "application/xml", **(headers or {})}
    return MemoryResponse(method, HTTPStatus.OK, shown, document(root, inner))


def document(root: str, inner: str) -> bytes:
    """Write a document."""
    namespace = "http://s3.amazonaws.com/doc/2006-03-01/"
    return f'<?xml version="1.0"?><{root} xmlns="{namespace}">{inner}</{root}>'.encode()


def element(name: str, text: str | int) -> str:
    """Write an element with a text."""
    return f"<{name}>{escape(str(text))}</{name}>"
