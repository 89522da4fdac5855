"""Connections of clients: bytes, limits and time."""
