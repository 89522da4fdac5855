"""Measures of served files."""
