"""Restorers: what turns the pixels of a rendition into full-size pixels."""

from models.catalog import CATALOG, NAMES, Card, Restorer, hashed, named, restorer

__all__ = ["CATALOG", "NAMES", "Card", "Restorer", "hashed", "named", "restorer"]
