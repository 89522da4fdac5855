"""Cache of store properties that rarely change."""

from typing import Final

from cachetools import TTLCache

_TTL_S: Final = 300.0


class AnswerCache:
    """Cache answers for a while.

    Args:
        max_entries: Most entries; the least recently added ones are dropped, which costs one
            request.
    """

    def __init__(self, max_entries: int = 10_000) -> None:
        self._answers: TTLCache[str, bool] = TTLCache(max_entries, _TTL_S)

    def get(self, name: str) -> bool | None:
        """Return the answer, or None if it is unknown or expired."""
        return self._answers.get(name)

    def put(self, name: str, answer: bool) -> None:
        """Store an answer."""
        self._answers[name] = answer
