"""Upstream credentials."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Identity:
    """The key pair that signs requests to the store; its repr hides the secret."""

    access_key: str
    secret_key: str

    def __repr__(self) -> str:
        return f"Identity({self.access_key!r})"
