"""A copy of a body on its way to the store, for what is to be understood of it afterwards."""

from gateway.http.byte_budget import Quota


class BodyCopy:
    """Keep what passes, as long as there is room for it.

    Only what has arrived takes room: a client that announces a body and stalls holds none.

    Args:
        buffers: Where room is reserved.
        max_bytes: Of a longer body nothing is kept.
    """

    def __init__(self, buffers: Quota, max_bytes: int) -> None:
        self._buffers = buffers
        self._max_bytes = max_bytes
        self._pieces: list[bytes] | None = []
        self._held = 0

    def add(self, piece: bytes) -> None:
        """Keep another piece, or nothing at all where there is no room for it."""
        if self._pieces is None:
            return
        if self._held + len(piece) > self._max_bytes or not self._buffers.reserve(len(piece)):
            self.close()
            return
        self._held += len(piece)
        self._pieces.append(piece)

    def read(self) -> bytes | None:
        """Return everything that has passed; None: it was not kept."""
        return None if self._pieces is None else b"".join(self._pieces)

    def close(self) -> None:
        """Keep nothing any more, and return the room."""
        self._buffers.release(self._held)
        self._pieces, self._held = None, 0
