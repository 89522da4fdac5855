"""Kinds of the listing index: in memory, in a file, in Redis, and two of them together."""
