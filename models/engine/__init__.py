"""The engine: one process that runs networks for all workers."""
