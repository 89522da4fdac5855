"""A response of the store, as the HTTP client returns it."""

from collections.abc import Callable

import aiohttp

from slimgate.gateway.http.aiohttp_internals import refill


class StoreResponse(aiohttp.ClientResponse):
    """A response of the store that releases its place in the connection pool."""

    give_back: Callable[[], None]

    def let_go(self) -> None:
        """Release the connection; see :class:`slimgate.gateway.storage.messages.Response`."""
        self.end()
        self.give_back()

    def end(self) -> None:
        """Reuse the connection if the body was read to its end, and close it otherwise."""
        self.release() if self.content.at_eof() else self.close()

    def refill(self, body: bytes) -> None:
        """Let the body, which was read to its end, be read again."""
        refill(self, body)
