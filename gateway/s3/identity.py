"""The keys that a request to the store is signed with."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Identity:
    """Who asks, in the upstream's eyes. The secret is not part of any repr."""

    access_key: str
    secret_key: str

    def __repr__(self) -> str:
        return f"Identity({self.access_key!r})"
