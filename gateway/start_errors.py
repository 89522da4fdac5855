"""Errors that prevent a gateway from starting."""


class CannotStart(Exception):
    """A required component does not start; the message says why."""
