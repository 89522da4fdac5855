"""Restorers and their weights."""
