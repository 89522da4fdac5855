"""Bodies of requests to the store, as the HTTP client sends them."""

import io
from collections.abc import AsyncIterator
from typing import IO, Final

from slimgate.gateway.storage.messages import Body

LARGE: Final = 1 << 20
"""Bodies above this size are sent in pieces, bytes."""


def payload(body: Body) -> Body | IO[bytes]:
    """Wrap large bodies, so that aiohttp sends them in pieces rather than in one call."""
    return LargeBody(body) if isinstance(body, bytes) and len(body) > LARGE else body


class LargeBody(io.BytesIO):
    """A body in memory; aiohttp asks for its buffer only to learn the size."""

    def __init__(self, data: bytes) -> None:
        super().__init__(data)
        self._data = data

    def getbuffer(self) -> memoryview:
        """Return the bytes themselves: BytesIO would copy them first, on the event loop."""
        return memoryview(self._data)


class RepeatableBody:
    """A body, with a note of whether it can still be sent from its beginning.

    Args:
        body: The body.
    """

    def __init__(self, body: Body) -> None:
        self._body = body
        self._begun = False

    @property
    def body(self) -> Body:
        """Return the body to send."""
        return self if self._is_streamed else self._body

    @property
    def is_unread(self) -> bool:
        """Return whether it can be sent from its beginning: it is in memory, or not begun."""
        return not self._begun

    @property
    def _is_streamed(self) -> bool:
        return self._body is not None and not isinstance(self._body, bytes)

    async def __aiter__(self) -> AsyncIterator[bytes]:
        """Iterate over a streamed body."""
        assert self._body is not None and not isinstance(self._body, bytes)  # noqa: S101, PT018
        self._begun = True
        async for piece in self._body:
            yield piece
