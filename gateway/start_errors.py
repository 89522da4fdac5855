"""What keeps a gateway from starting."""


class CannotStart(Exception):
    """Something that a gateway cannot be without does not come up; the message says why."""
