"""Credentials for the store: fixed pairs, roles, profiles and the default chain."""
