"""Multipart uploads in progress, as far as their parts do not tell."""

from collections import OrderedDict
from collections.abc import Mapping


class Uploads:
    """Remember what clients said when they created multipart uploads.

    Args:
        max_entries: The ones created longest ago are forgotten first.
    """

    def __init__(self, max_entries: int = 10_000) -> None:
        self._max_entries = max_entries
        self._said: OrderedDict[str, Mapping[str, str]] = OrderedDict()

    def put(self, upload_id: str, said: Mapping[str, str]) -> None:
        """Remember the headers of one upload."""
        self._said[upload_id] = said
        if len(self._said) > self._max_entries:
            self._said.popitem(last=False)

    def take(self, upload_id: str) -> Mapping[str, str] | None:
        """Give what is remembered, and forget it."""
        return self._said.pop(upload_id, None)
