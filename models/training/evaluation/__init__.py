"""Evaluation: what restorers gain at equal bytes, and where shrinking loses to a modern codec."""
