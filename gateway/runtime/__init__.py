"""Processes: put together, started, reloaded, drained."""
