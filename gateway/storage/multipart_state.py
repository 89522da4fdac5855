"""Multipart uploads in progress, as far as their parts do not tell."""

from typing import Generic, TypeVar

from cachetools import FIFOCache

_T = TypeVar("_T")


class Uploads(Generic[_T]):
    """Remember something about multipart uploads by their ids.

    Args:
        max_entries: The ones heard of longest ago are forgotten first.
    """

    def __init__(self, max_entries: int = 10_000) -> None:
        self._known: FIFOCache[str, _T] = FIFOCache(max_entries)

    def put(self, upload_id: str, fact: _T) -> None:
        """Remember a fact about one upload."""
        self._known[upload_id] = fact

    def take(self, upload_id: str) -> _T | None:
        """Give what is remembered, and forget it."""
        return self._known.pop(upload_id, None)
