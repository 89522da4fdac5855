"""The steps of an attempt to store an image: which are excluded, and which is running.

A step is the name of a candidate's codec, or ``exact``, ``lepton``, ``lossless`` or ``decode``. If
the process dies in a step, another one makes the attempt without it.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Final, Self

from slimgate.codec.search import memory_needs
from slimgate.codec.search.engine_costs import FREE, EngineCosts
from slimgate.codec.search.omissions import Omission, Omitted, What
from slimgate.codec.threads import ALONE, Threads
from slimgate.config.policy import CODECS

DECODE: Final = "decode"
EXACT: Final = "exact"
LEPTON: Final = "lepton"
"""Tier ``exact`` by Lepton; it is tried before JPEG XL, which may follow."""
LOSSLESS: Final = "lossless"
RECIPE: Final = "recipe"
"""Taking a file apart into pictures and a recipe; compressing it whole may follow."""

LOSSY_STEPS: Final[frozenset[str]] = frozenset(CODECS)
"""All steps that create lossy renditions."""


def _unheard(_: str) -> None:
    pass


@dataclass(frozen=True, slots=True)
class AllowedSteps:
    """Constraints of an attempt.

    Attributes:
        ruled_out: excluded steps.
        memory: memory limit, bytes; None: unlimited.
        mark: called with the name of each step before it starts.
        engine: cost of restorers.
        threads: for parts of a step; results do not depend on them.
        omitted: what the attempt has left out so far.
    """

    ruled_out: frozenset[str] = frozenset()
    memory: int | None = None
    mark: Callable[[str], None] = _unheard
    engine: EngineCosts = FREE
    threads: Threads = ALONE
    omitted: dict[What, Omitted] = field(default_factory=dict, compare=False)

    def begun(self) -> Self:
        """Return the same steps for an attempt that has left nothing out yet."""
        return replace(self, omitted={})

    def omit(self, what: What, why: Omission, detail: str = "") -> None:
        """Note that something is not tried; the first reason counts."""
        self.omitted.setdefault(what, Omitted(what, why, detail))

    def lacks(self, need: int) -> str | None:
        """Return what is missing if a step needs more memory than allowed, or None."""
        if self.memory is None or need <= self.memory:
            return None
        return f"needs {memory_needs.mib(need)} MiB of memory, not {memory_needs.mib(self.memory)}"
