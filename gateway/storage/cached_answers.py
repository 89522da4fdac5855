"""Answers of the upstream that change rarely."""

import time
from typing import Final

_REMEMBERED_S: Final = 300.0


class Remembered:
    """Keep answers for a while.

    Args:
        max_entries: Beyond it everything is forgotten; asking again costs one request.
    """

    def __init__(self, max_entries: int = 10_000) -> None:
        self._max_entries = max_entries
        self._answers: dict[str, tuple[float, bool]] = {}

    def get(self, name: str) -> bool | None:
        """Give the answer, unless it is unknown or too old."""
        at, answer = self._answers.get(name, (-_REMEMBERED_S, False))
        return answer if time.monotonic() - at < _REMEMBERED_S else None

    def put(self, name: str, answer: bool) -> None:
        """Remember the answer from now on."""
        if len(self._answers) >= self._max_entries:
            self._answers.clear()
        self._answers[name] = (time.monotonic(), answer)
