"""The steps of an attempt to store an image: which are excluded, and which is running.

A step is the name of a candidate's codec, or ``exact``, ``lossless`` or ``decode``. If the process
dies in a step, another one makes the attempt without it.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from codec.search import memory_needs

DECODE: Final = "decode"
EXACT: Final = "exact"
LOSSLESS: Final = "lossless"

LOSSY_STEPS: Final = frozenset({"avif", "jpeg", "jxl", "webp"})
"""All steps that create lossy renditions."""


def _unheard(_: str) -> None:
    pass


@dataclass(frozen=True, slots=True)
class Steps:
    """Constraints of an attempt.

    Attributes:
        ruled_out: excluded steps.
        memory: memory limit, bytes; None: unlimited.
        mark: called with the name of each step before it starts.
    """

    ruled_out: frozenset[str] = frozenset()
    memory: int | None = None
    mark: Callable[[str], None] = _unheard

    def lacks(self, need: int) -> str | None:
        """Return what is missing if a step needs more memory than allowed, or None."""
        if self.memory is None or need <= self.memory:
            return None
        return f"needs {memory_needs.mib(need)} MiB of memory, not {memory_needs.mib(self.memory)}"
