"""Classify how fast networks run here, coarsely: by what the processor can do, not by a clock.

What is stored depends on the class, so that it may not depend on how busy the machine is.
"""

import importlib
import math
from collections.abc import Collection, Mapping
from functools import cache
from pathlib import Path
from typing import Final, Literal

from slimgate.config import Engine
from slimgate.models.registry import catalog
from slimgate.models.registry.cards import Card

Speed = Literal["plain", "int8", "gpu"]

_INT8: Final = frozenset({"avx512_vnni", "avx_vnni", "amx_int8", "i8mm", "asimddp"})
"""Features of processors, as in /proc/cpuinfo, that multiply integers of 8 bits."""

_CPUINFO: Final = Path("/proc/cpuinfo")

_COSTS: Final[Mapping[Speed, Mapping[int, float]]] = {
    "plain": {1: 1.1, 2: 0.40, 3: 0.24, 4: 0.20},
    "int8": {1: 0.28, 2: 0.10, 3: 0.06, 4: 0.05},
    "gpu": {1: 0.0, 2: 0.0, 3: 0.0, 4: 0.0},
}
"""CPU time of the native networks by scale, seconds per megapixel restored."""


def speed_of(engine: Engine, *, features: Collection[str] | None = None) -> Speed:
    """Return the class of an engine on this machine.

    Args:
        engine: settings of the engine.
        features: features of the processor; None: those of this machine.
    """
    if engine.backend == "remote":
        return "gpu"  # whatever it is, it takes nothing from the processors here
    if engine.backend == "torch" and engine.device != "cpu" and _has_gpu():
        return "gpu"
    return "int8" if _INT8.intersection(_features() if features is None else features) else "plain"


def costs(restorer: str, speed: Speed) -> dict[int, float]:
    """Return the CPU time of a restorer by scale, seconds per megapixel restored.

    Args:
        restorer: name of the restorer.
        speed: class of the engine.
    """
    return {
        scale: _cost(catalog.hashed(content_hash), scale, speed)
        for scale, content_hash in catalog.chosen(restorer).items()
    }


def _cost(card: Card, scale: int, speed: Speed) -> float:
    if not card.is_network or card.endpoint or speed == "gpu":
        return 0.0
    # Networks in float are hundreds of times as large as the native ones.
    return _COSTS[speed][scale] if card.kind == "integer" else math.inf


@cache
def _features() -> frozenset[str]:
    try:
        lines = _CPUINFO.read_text().splitlines()
    except OSError:
        return frozenset()
    named = (line.partition(":") for line in lines)
    found = (text for name, _, text in named if name.strip() in {"flags", "Features"})
    return frozenset(next(found, "").split())


@cache
def _has_gpu() -> bool:
    try:
        torch = importlib.import_module("torch")
    except ImportError:
        return False
    return bool(torch.cuda.is_available())
