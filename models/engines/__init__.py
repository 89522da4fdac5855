"""Engines that run networks, one module each, behind :class:`models.engine.network.Network`."""
