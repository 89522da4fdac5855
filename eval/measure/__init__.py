"""Measures of the file that a reader gets."""
