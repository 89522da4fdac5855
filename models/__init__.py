"""Restorers: turn the pixels of a rendition into full-size pixels."""

from slimgate.models.engine.batch_fill import batch_fill
from slimgate.models.engine.network import Busy, EngineError, OutOfMemory, TooLate, Unreachable
from slimgate.models.engine.remote import Remote, Upscalers
from slimgate.models.engine.speed import Speed, costs, speed_of
from slimgate.models.registry.catalog import (
    CATALOG,
    NAMES,
    Card,
    Restorer,
    chosen,
    hashed,
    named,
    restorer,
)

__all__ = [
    "CATALOG",
    "NAMES",
    "Busy",
    "Card",
    "EngineError",
    "OutOfMemory",
    "Remote",
    "Restorer",
    "Speed",
    "TooLate",
    "Unreachable",
    "Upscalers",
    "batch_fill",
    "chosen",
    "costs",
    "hashed",
    "named",
    "restorer",
    "speed_of",
]
