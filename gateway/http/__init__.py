"""Client connections: bytes, limits and timeouts."""
