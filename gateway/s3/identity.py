"""Upstream credentials."""

from dataclasses import dataclass
from typing import Protocol

from slimgate.gateway.s3.routing import Target


@dataclass(frozen=True, slots=True)
class Identity:
    """The key pair that signs requests to the store; its repr hides the secrets.

    It is also a :class:`CredentialSource` that never changes.
    """

    access_key: str
    secret_key: str
    session_token: str | None = None

    def __repr__(self) -> str:
        return f"Identity({self.access_key!r})"

    @property
    def is_renewable(self) -> bool:
        """Return False: a fixed pair stays what it is."""
        return False

    @property
    def depends_on_keys(self) -> bool:
        """Return False: it signs requests about all objects."""
        return False

    def for_request(self, target: Target, query: str) -> "Identity":
        """Return itself: it signs requests about all objects."""
        del target, query
        return self

    async def current(self) -> "Identity":
        """Return itself."""
        return self

    async def renewed(self, rejected: "Identity") -> None:
        """Return None: there is no other pair."""
        del rejected


class CredentialSource(Protocol):
    """Where the credentials of a caller come from; all methods may be called concurrently."""

    @property
    def is_renewable(self) -> bool:
        """Return whether :meth:`renewed` may return others."""
        ...

    @property
    def depends_on_keys(self) -> bool:
        """Return whether objects have different sources."""
        ...

    def for_request(self, target: Target, query: str) -> "CredentialSource":
        """Return the source that signs a request.

        Args:
            target: Bucket and key of the request.
            query: Query of a GET, percent-encoded, without ``?``; empty for other methods.
        """
        ...

    async def current(self) -> Identity:
        """Return valid credentials, which are obtained if there are none.

        Raises:
            S3Error: ServiceUnavailable if they cannot be obtained.
        """
        ...

    async def renewed(self, rejected: Identity) -> Identity | None:
        """Return other credentials than those that the store has rejected; None: there are none."""
        ...
