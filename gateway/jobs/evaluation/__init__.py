"""Evaluation as a job: measure images as `slimgate eval` does, and report on the result."""
