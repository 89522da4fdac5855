"""Restorers: turn the pixels of a rendition into full-size pixels."""

from slimgate.models.engine.network import Busy, EngineError, OutOfMemory, TooLate, Unreachable
from slimgate.models.engine.remote import Remote, Upscalers
from slimgate.models.engine.speed import Speed, costs, speed_of
from slimgate.models.engine.status import EngineStatus, RemoteOutcome, RemoteState, engine_status
from slimgate.models.registry.catalog import (
    CATALOG,
    NAMES,
    Card,
    Restorer,
    chosen,
    hashed,
    named,
    networks,
    restorer,
)

__all__ = [
    "CATALOG",
    "NAMES",
    "Busy",
    "Card",
    "EngineError",
    "EngineStatus",
    "OutOfMemory",
    "Remote",
    "RemoteOutcome",
    "RemoteState",
    "Restorer",
    "Speed",
    "TooLate",
    "Unreachable",
    "Upscalers",
    "chosen",
    "costs",
    "engine_status",
    "hashed",
    "named",
    "networks",
    "restorer",
    "speed_of",
]
