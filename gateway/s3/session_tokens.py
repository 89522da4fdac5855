"""Temporary credentials that the gateway issues, as GetSessionToken of AWS STS does.

Nothing is stored: a token says whose it is and when it expires, and its secret key follows from
both and from the secret key of its owner. Removing the owner, or changing its secret key, revokes
all its tokens.

Source: AWS STS API reference, GetSessionToken.
"""

import base64
import binascii
import datetime
import hashlib
import hmac
import secrets
from dataclasses import dataclass, field
from typing import Final, Self

PREFIX: Final = "slimgate1."
"""How tokens begin; the digit is the version of their form."""

MIN_LIFETIME_S: Final = 900
MAX_LIFETIME_S: Final = 129_600

_ID_PREFIX: Final = "SLIM"
_NONCE_BYTES: Final = 10
_TIME_BYTES: Final = 8
_MAC_BYTES: Final = 32
_MAX_TOKEN: Final = 512

# Separate purposes of one key: neither result tells anything about the other.
_FOR_MAC: Final = b"slimgate session token 1\0"
_FOR_SECRET: Final = b"slimgate session secret 1\0"


@dataclass(frozen=True, slots=True)
class SessionToken:
    """A token: unverified when it was parsed.

    Attributes:
        owner: Access key of the owner.
        expires_s: When it expires, seconds since the epoch.
        nonce: Tells apart tokens of one owner.
        mac: Authentication code.
    """

    owner: str
    expires_s: int
    nonce: bytes
    mac: bytes = field(repr=False)

    @classmethod
    def issue(cls, owner: str, secret: str, expires_s: int) -> Self:
        """Return a new token.

        Args:
            owner: Access key of the owner.
            secret: Secret key of the owner.
            expires_s: When it expires, seconds since the epoch.
        """
        nonce = secrets.token_bytes(_NONCE_BYTES)
        return cls(owner, expires_s, nonce, _mac(secret, _FOR_MAC, owner, expires_s, nonce))

    @classmethod
    def parse(cls, text: str) -> Self | None:
        """Return a token from its text; None: the gateway has not issued it."""
        if not text.startswith(PREFIX) or len(text) > _MAX_TOKEN:
            return None
        try:
            data = base64.urlsafe_b64decode(text.removeprefix(PREFIX).encode("ascii"))
            mac, rest = data[:_MAC_BYTES], data[_MAC_BYTES:]
            expires_s = int.from_bytes(rest[:_TIME_BYTES], "big")
            nonce, owner = rest[_TIME_BYTES:][:_NONCE_BYTES], rest[_TIME_BYTES + _NONCE_BYTES :]
            token = cls(owner.decode("ascii"), expires_s, nonce, mac)
        except (binascii.Error, ValueError):
            return None
        # One spelling only: base64 ignores what follows its padding, for example.
        return token if token.text == text else None

    @property
    def text(self) -> str:
        """Return the value of ``x-amz-security-token``."""
        rest = self.expires_s.to_bytes(_TIME_BYTES, "big") + self.nonce + self.owner.encode("ascii")
        return PREFIX + base64.urlsafe_b64encode(self.mac + rest).decode("ascii")

    @property
    def access_key(self) -> str:
        """Return the access key that belongs to the token."""
        return _ID_PREFIX + base64.b32encode(self.nonce).decode("ascii")

    def secret_key(self, owner_secret: str) -> str:
        """Return the secret key that belongs to the token.

        Args:
            owner_secret: Secret key of the owner.
        """
        made = _mac(owner_secret, _FOR_SECRET, self.owner, self.expires_s, self.nonce)
        return base64.b64encode(made[:30]).decode("ascii")

    def is_issued_by(self, owner_secret: str) -> bool:
        """Return whether the token was made with this secret key, in constant time."""
        made = _mac(owner_secret, _FOR_MAC, self.owner, self.expires_s, self.nonce)
        return hmac.compare_digest(made, self.mac)

    def has_expired(self, now: datetime.datetime) -> bool:
        """Return whether the token has expired.

        Args:
            now: Current time, aware.
        """
        return now.timestamp() >= self.expires_s


def _mac(secret: str, purpose: bytes, owner: str, expires_s: int, nonce: bytes) -> bytes:
    message = purpose + expires_s.to_bytes(_TIME_BYTES, "big") + nonce + owner.encode()
    return hmac.digest(secret.encode(), message, hashlib.sha256)
