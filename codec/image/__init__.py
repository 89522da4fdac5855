"""Pixels: decoding, resampling, sampling, and classification by content."""
