"""Restore managed objects: from a stored rendition to the served file."""
