"""State of multipart uploads in progress that their parts do not carry."""

from typing import Generic, TypeVar

from cachetools import FIFOCache

_T = TypeVar("_T")


class MultipartState(Generic[_T]):
    """Facts about multipart uploads, by upload ID.

    Args:
        max_entries: Most entries; the oldest ones are dropped.
    """

    def __init__(self, max_entries: int = 10_000) -> None:
        self._known: FIFOCache[str, _T] = FIFOCache(max_entries)

    def put(self, upload_id: str, fact: _T) -> None:
        """Store a fact about an upload."""
        self._known[upload_id] = fact

    def peek(self, upload_id: str) -> _T | None:
        """Return the fact about an upload."""
        return self._known.get(upload_id)

    def take(self, upload_id: str) -> _T | None:
        """Return and remove the fact about an upload."""
        return self._known.pop(upload_id, None)
