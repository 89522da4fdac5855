"""Engines that run networks, one module each.

Each has the interface :class:`slimgate.models.engine.network.Network`.
"""
