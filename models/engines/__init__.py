"""What runs networks: one module per engine, all behind :class:`models.engine.network.Network`."""
