"""Restorers: what turns the pixels of a rendition into full-size pixels."""

from models.catalog import CATALOG, NAMES, Card, Restorer, chosen, hashed, named, restorer
from models.fill import batch_fill
from models.network import Busy, EngineError, OutOfMemory, TooLate, Unreachable
from models.remote import Remote, Upscalers

__all__ = [
    "CATALOG",
    "NAMES",
    "Busy",
    "Card",
    "EngineError",
    "OutOfMemory",
    "Remote",
    "Restorer",
    "TooLate",
    "Unreachable",
    "Upscalers",
    "batch_fill",
    "chosen",
    "hashed",
    "named",
    "restorer",
]
