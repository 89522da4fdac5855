"""Engines on other machines: the service that runs there, and its clients."""
