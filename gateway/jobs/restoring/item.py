"""What is restored: a file or an object, by its name."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple, Protocol


class Body(Protocol):
    """Bytes that are read once."""

    def read(self, amount: int, /) -> bytes:
        """Return at most as many bytes; none at the end."""
        ...

    def close(self) -> None:
        """Give up what is left."""
        ...


class Opened(NamedTuple):
    """A file or an object, opened.

    Attributes:
        note: Text of its manifest; None: it has none.
        is_certain: Whether its metadata is there in full, so that without a manifest it is plain.
        size: Bytes of the body.
        modified: Time of its last change, seconds since 1970; None: unknown.
        body: Its bytes.
    """

    note: str | None
    is_certain: bool
    size: int
    modified: float | None
    body: Body

    def close(self) -> None:
        """Close the body."""
        self.body.close()


@dataclass(frozen=True, slots=True)
class Item:
    """A file or an object.

    Attributes:
        name: Name below the folder or the prefix, with slashes; untrusted.
        open: Opens it; raises OSError, or ValueError with a reason.
    """

    name: str
    open: Callable[[], Opened]
