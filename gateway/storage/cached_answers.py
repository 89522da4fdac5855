"""Answers of the upstream that change rarely."""

from typing import Final

from cachetools import TTLCache

_REMEMBERED_S: Final = 300.0


class Remembered:
    """Keep answers for a while.

    Args:
        max_entries: Beyond it those used longest ago are forgotten; asking again costs one request.
    """

    def __init__(self, max_entries: int = 10_000) -> None:
        self._answers: TTLCache[str, bool] = TTLCache(max_entries, _REMEMBERED_S)

    def get(self, name: str) -> bool | None:
        """Return the answer, unless it is unknown or too old."""
        return self._answers.get(name)

    def put(self, name: str, answer: bool) -> None:
        """Remember the answer from now on."""
        self._answers[name] = answer
