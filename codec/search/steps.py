"""The steps of an attempt to store an image: which are ruled out, and which one it is at.

A step is the name of a codec that a candidate is written with, or ``exact``, ``lossless`` or
``decode``. The process may die at any of them; then another one makes the attempt without it.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from codec.search import memory_needs

DECODE: Final = "decode"
EXACT: Final = "exact"
LOSSLESS: Final = "lossless"

LOSSY_STEPS: Final = frozenset({"avif", "jpeg", "jxl", "webp"})
"""All steps that make a rendition with loss."""


def _unheard(_: str) -> None:
    pass


@dataclass(frozen=True, slots=True)
class Steps:
    """What an attempt may do.

    Attributes:
        ruled_out: Steps that are left out.
        memory: Bytes that it may take; None: no limit.
        mark: Is told the name of each step before it begins.
    """

    ruled_out: frozenset[str] = frozenset()
    memory: int | None = None
    mark: Callable[[str], None] = _unheard

    def lacks(self, need: int) -> str | None:
        """Say what is missing where a step needs more memory than there is; None: it has enough."""
        if self.memory is None or need <= self.memory:
            return None
        return f"needs {memory_needs.mib(need)} MiB of memory, not {memory_needs.mib(self.memory)}"
