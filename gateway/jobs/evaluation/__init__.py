"""Evaluation as a job: measure images as `python -m eval` does, and report on the result."""
