"""Addresses of objects as people write them: ``s3://bucket/key``."""

from typing import Final, NamedTuple

from slimgate.gateway.jobs.printable import printable
from slimgate.gateway.s3.bucket_name import is_bucket_name
from slimgate.gateway.s3.routing import MAX_KEY_BYTES, Target, key_target

SCHEME: Final = "s3://"


class Place(NamedTuple):
    """A bucket and a key, or a key prefix.

    Attributes:
        bucket: Bucket name.
        key: Decoded key; may be empty.
    """

    bucket: str
    key: str

    def __str__(self) -> str:
        """Return the form that :func:`place` parses; control characters are replaced."""
        return printable(f"s3://{self.bucket}/{self.key}")

    @property
    def target(self) -> Target:
        """Return the request target."""
        return key_target(self.bucket, self.key)


def place(text: str) -> Place:
    """Parse ``s3://bucket`` or ``s3://bucket/key``.

    Raises:
        ValueError: It is neither.
    """
    scheme, found, rest = text.partition("://")
    bucket, _, key = rest.partition("/")
    if scheme != "s3" or not found or not is_bucket_name(bucket):
        raise ValueError(f"{text!r} is not of the form s3://bucket/key{_meant(text)}")
    if len(key.encode(errors="surrogateescape")) > MAX_KEY_BYTES:
        raise ValueError(f"a key has at most {MAX_KEY_BYTES} bytes")
    return Place(bucket, key)


def object_place(text: str) -> Place:
    """Parse ``s3://bucket/key``.

    Raises:
        ValueError: It is something else.
    """
    found = place(text)
    if not found.key.strip("/"):
        raise ValueError(f"{text!r} names no object: write s3://bucket/key")
    return found


def _meant(text: str) -> str:
    """Return a suggestion for a place that was written without its scheme."""
    rest = text.lstrip("/")
    is_bare = "://" not in text and is_bucket_name(rest.partition("/")[0])
    return f"; did you mean s3://{rest}?" if is_bare else ""
