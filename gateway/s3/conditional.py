"""Evaluate conditional request headers.

Source: RFC 9110, section 13; Amazon S3 API reference, GetObject, "Conditional requests".
"""

import datetime
import enum
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Final

from slimgate.gateway.s3.http_date import parse_http_date

# Quoted as in the RFC, or bare, as several S3 clients send it.
_ETAG: Final = re.compile(r'(W/)?(?:"([^"]*)"|([^",\s]+))')


@dataclass(frozen=True, slots=True)
class Representation:
    """Validators of an object.

    Attributes:
        etag: ETag of the served bytes, without quotes.
        last_modified: When the object was uploaded: aware, whole seconds.
        changed: If these bytes are not those of the upload, and only lately took their place: when
            they did; None: they have always been the object, or for long.
        aliases: ETags that also identify the whole object, such as the MD5 of the upload. They
            never identify a part, because a client may hold parts of other bytes under them.
    """

    etag: str
    last_modified: datetime.datetime
    aliases: frozenset[str] = frozenset()
    changed: datetime.datetime | None = None

    def named(self, tag: str) -> bool:
        """Return whether an ETag, without quotes, identifies the object."""
        return tag == self.etag or tag in self.aliases

    @property
    def of_parts(self) -> "Representation":
        """Return the validators for requests of a part.

        Parts of different bytes must not be mixed: neither an alias nor the time of the upload
        distinguishes these bytes from the uploaded ones.
        """
        modified = self.changed or self.last_modified
        return replace(self, aliases=frozenset(), last_modified=modified)


class Outcome(enum.Enum):
    """Outcome of conditional headers."""

    PROCEED = enum.auto()
    NOT_MODIFIED = enum.auto()
    PRECONDITION_FAILED = enum.auto()


def evaluate(headers: Mapping[str, str], identity: Representation) -> Outcome:
    """Evaluate the conditions of a read in the order of RFC 9110, section 13.2.2.

    An ETag condition takes precedence over the corresponding date; an invalid date is ignored.

    Args:
        headers: Request headers, lower-case or case-insensitive.
        identity: The current object; for a part, :attr:`Representation.of_parts`.
    """
    if not _precondition_holds(headers, identity):
        return Outcome.PRECONDITION_FAILED
    if not _is_modified(headers, identity):
        return Outcome.NOT_MODIFIED
    return Outcome.PROCEED


def _precondition_holds(headers: Mapping[str, str], identity: Representation) -> bool:
    if_match = headers.get("if-match")
    if if_match is not None:
        return _matches(if_match, identity, weakly=False)
    date = _date(headers, "if-unmodified-since")
    return date is None or identity.last_modified <= date


def _is_modified(headers: Mapping[str, str], identity: Representation) -> bool:
    if_none_match = headers.get("if-none-match")
    if if_none_match is not None:
        return not _matches(if_none_match, identity, weakly=True)
    date = _date(headers, "if-modified-since")
    return date is None or identity.last_modified > date


def range_applies(headers: Mapping[str, str], identity: Representation) -> bool:
    """Return whether If-Range permits the Range header.

    Dates never do: an object may be uploaded, partly read and optimized within one second, so its
    date is not the strong validator that RFC 9110, section 13.1.5, requires.

    Args:
        headers: Request headers, lower-case or case-insensitive.
        identity: The current object.

    Returns:
        True without If-Range, or if it is the strong ETag of the served bytes; False if the whole
        object must be sent.
    """
    validator = headers.get("if-range")
    return validator is None or list(_entity_tags(validator)) == [(identity.etag, False)]


def tags(value: str) -> frozenset[str]:
    """Return the entity tags that a header names, strong or weak, without quotes."""
    return frozenset(tag for tag, _ in _entity_tags(value))


def _matches(value: str, identity: Representation, *, weakly: bool) -> bool:
    if value.strip(" \t") == "*":
        return True
    return any(
        identity.named(tag) and (weakly or not is_weak) for tag, is_weak in _entity_tags(value)
    )


def _entity_tags(value: str) -> Iterator[tuple[str, bool]]:
    for found in _ETAG.finditer(value):
        quoted, bare = found[2], found[3]
        yield quoted if bare is None else bare, found[1] is not None


def _date(headers: Mapping[str, str], name: str) -> datetime.datetime | None:
    value = headers.get(name)
    return None if value is None else parse_http_date(value.strip(" \t"))
