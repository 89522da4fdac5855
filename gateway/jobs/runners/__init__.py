"""Runners: where the workers of a run are."""
