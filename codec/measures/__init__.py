"""Fidelity measures of restored images."""
