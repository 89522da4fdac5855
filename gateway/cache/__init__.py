"""Restored files in memory and in Redis, and who restores which."""
