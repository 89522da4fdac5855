"""Responses of the store, whichever part of the HTTP client returns them."""

from collections.abc import Callable
from http import HTTPStatus

import aiohttp
from multidict import CIMultiDictProxy

from slimgate.gateway.http.aiohttp_client_internals import BareResponse, readable


class StoreResponse:
    """A response of the store that releases its place in the connection pool.

    Args:
        method: Method of the request.
        host: Host that the request was sent to.
        answer: The response, with its body unread.

    Attributes:
        host: Host that the request was sent to.
        method: Method of the request.
        status: HTTP status.
        headers: All headers.
        content: The body.
        give_back: Releases the place.
    """

    __slots__ = ("_answer", "content", "give_back", "headers", "host", "method", "status")

    def __init__(
        self, method: str, host: str | None, answer: aiohttp.ClientResponse | BareResponse
    ) -> None:
        self._answer = answer
        self.host = host
        self.method = method
        self.status = answer.status
        self.headers: CIMultiDictProxy[str] = answer.headers
        self.content = answer.content
        self.give_back: Callable[[], None] = _nothing

    @property
    def ok(self) -> bool:
        """Return whether the status is below 400."""
        return self.status < HTTPStatus.BAD_REQUEST

    @property
    def content_length(self) -> int | None:
        """Return the Content-Length, bytes; None: unknown."""
        told = self.headers.get("Content-Length")
        return None if told is None else int(told)

    def at_hand(self) -> bytes | None:
        """Return the rest of the body; see :class:`slimgate.gateway.storage.messages.Response`."""
        content = self.content
        if not content.is_eof() or content.exception() is not None:
            return None
        return content.read_nowait(-1)

    def let_go(self) -> None:
        """Release the connection; see :class:`slimgate.gateway.storage.messages.Response`."""
        self.end()
        self.give_back()

    def end(self) -> None:
        """Reuse the connection if the body was read to its end, and close it otherwise."""
        self._answer.release() if self.content.at_eof() else self._answer.close()

    def refill(self, body: bytes) -> None:
        """Let the body, which was read to its end, be read again."""
        self.content = readable(body)


def _nothing() -> None:
    pass
