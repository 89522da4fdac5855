"""Deferred optimization: a durable queue of uploads, and what works through it."""
