"""Copy a request body while it streams to the store, for later inspection."""

from slimgate.gateway.http.byte_budget import Quota


class BodyCopy:
    """Copy passing bytes while the budget allows it.

    Only received bytes count: a client that announces a body and stalls reserves nothing.

    Args:
        buffers: Budget that pays for the copy.
        max_bytes: Longest body to copy; longer ones are dropped.
    """

    def __init__(self, buffers: Quota, max_bytes: int) -> None:
        self._buffers = buffers
        self._max_bytes = max_bytes
        self._pieces: list[bytes] | None = []
        self._held = 0

    def add(self, piece: bytes) -> None:
        """Append a piece; drop the whole copy if it no longer fits."""
        if self._pieces is None:
            return
        if self._held + len(piece) > self._max_bytes or not self._buffers.reserve(len(piece)):
            self.close()
            return
        self._held += len(piece)
        self._pieces.append(piece)

    def read(self) -> bytes | None:
        """Return the copied body, or None if it was dropped."""
        return None if self._pieces is None else b"".join(self._pieces)

    def close(self) -> None:
        """Drop the copy and release its bytes."""
        self._buffers.release(self._held)
        self._pieces, self._held = None, 0
