"""Strategies for one image, their rows, and totals over all images."""
