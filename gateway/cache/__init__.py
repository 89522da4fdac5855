"""Caches of restored files, in memory and in Redis, and coordination of restores."""
