"""Key pairs of clients, with and without session tokens."""

import datetime
import hmac
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from slimgate.gateway.s3.errors import S3Error
from slimgate.gateway.s3.session_tokens import SessionToken

TOKEN_HEADER: Final = "x-amz-security-token"  # noqa: S105  # the name of a header


@dataclass(frozen=True, slots=True)
class ClientKey:
    """What the gateway knows of an access key.

    Attributes:
        secret: Secret key.
        session_token: Token that the client has to send; None: it must send none.
        version_2: It may also sign with Signature Version 2.
    """

    secret: str = field(repr=False)
    session_token: str | None = field(default=None, repr=False)
    version_2: bool = False


class SigningKey(NamedTuple):
    """The key that a request is signed with.

    Attributes:
        owner: Access key of the credentials that it belongs to.
        secret: Secret key.
        version_2: It may also sign with Signature Version 2.
    """

    owner: str
    secret: str
    version_2: bool = False


@dataclass(frozen=True, slots=True)
class ClientKeys:
    """The keys of all clients.

    Attributes:
        find: Returns what is known of an access key; None: it is unknown.
    """

    find: Callable[[str], ClientKey | None]

    def signing_key(self, access_key: str, token: str | None, now: datetime.datetime) -> SigningKey:
        """Return the key that a request claims to be signed with.

        Args:
            access_key: Access key that it names.
            token: Session token that it sends; None: none.
            now: Current time, aware.

        Raises:
            S3Error: InvalidAccessKeyId, InvalidToken, or ExpiredToken.
        """
        known = self.find(access_key)
        if known is None:
            return self._issued(access_key, token, now)
        if known.session_token is None and token is not None:
            raise S3Error("InvalidToken")
        if known.session_token is not None:
            if token is None:
                raise S3Error("InvalidAccessKeyId")  # as S3 does: no such key without its token
            if not hmac.compare_digest(known.session_token.encode(), _octets(token)):
                raise S3Error("InvalidToken")
        return SigningKey(access_key, known.secret, known.version_2)

    def _issued(self, access_key: str, text: str | None, now: datetime.datetime) -> SigningKey:
        """Return the key of a token that the gateway has issued."""
        token = SessionToken.parse(text) if text is not None else None
        if token is None:
            raise S3Error("InvalidAccessKeyId")
        owner = self.find(token.owner)
        if owner is None or owner.session_token is not None:
            raise S3Error("InvalidToken")
        if not token.is_issued_by(owner.secret) or token.access_key != access_key:
            raise S3Error("InvalidToken")
        if token.has_expired(now):
            raise S3Error("ExpiredToken")
        return SigningKey(token.owner, token.secret_key(owner.secret))


def sent_token(headers: Iterable[tuple[str, str]], query: Iterable[tuple[str, str]]) -> str | None:
    """Return the session token of a request; None: it has none.

    Args:
        headers: Names and values.
        query: Decoded parameters.

    Raises:
        S3Error: InvalidArgument if it is sent more than once with different values.
    """
    sent = {value for name, value in (*headers, *query) if name.lower() == TOKEN_HEADER}
    if len(sent) > 1:
        raise S3Error("InvalidArgument", f"Send {TOKEN_HEADER} once.")
    return sent.pop() if sent else None


def _octets(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")
