"""Pixels: read, resampled, sampled, and told apart by their content."""
