"""Evaluate the conditional request headers against an object.

Source: RFC 9110, section 13; Amazon S3 API reference, GetObject, "Conditional requests".
"""

import datetime
import enum
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Final

from gateway.s3.http_date import parse_http_date

# Quoted as in the RFC, or bare as several S3 clients send it.
_ETAG: Final = re.compile(r'(W/)?(?:"([^"]*)"|([^",\s]+))')


@dataclass(frozen=True, slots=True)
class Representation:
    """What an object is compared by.

    Attributes:
        etag: The entity tag of the bytes that are served, without quotes.
        last_modified: Time at which those bytes became the object, aware, whole seconds.
        aliases: Entity tags that also name the whole object, such as the MD5 of the upload. A
            client may hold parts of other bytes under them, so they never name a part.
    """

    etag: str
    last_modified: datetime.datetime
    aliases: frozenset[str] = frozenset()

    def named(self, tag: str) -> bool:
        """Return whether an entity tag, without quotes, names the object."""
        return tag == self.etag or tag in self.aliases

    @property
    def of_parts(self) -> "Representation":
        """Return what requests for a part of the object are compared with."""
        return replace(self, aliases=frozenset())


class Outcome(enum.Enum):
    """What follows from the conditions of a request."""

    PROCEED = enum.auto()
    NOT_MODIFIED = enum.auto()
    PRECONDITION_FAILED = enum.auto()


def evaluate(headers: Mapping[str, str], identity: Representation) -> Outcome:
    """Evaluate the conditions of a read in the order of RFC 9110, section 13.2.2.

    An entity tag that is sent always outweighs the date of the same direction, and a date that
    cannot be read is ignored.

    Args:
        headers: Headers of the request, by lower-case name or without regard to case.
        identity: The object as it is now; of a part, :attr:`Representation.of_parts`.
    """
    if not _may_read(headers, identity):
        return Outcome.PRECONDITION_FAILED
    if not _has_news(headers, identity):
        return Outcome.NOT_MODIFIED
    return Outcome.PROCEED


def _may_read(headers: Mapping[str, str], identity: Representation) -> bool:
    if_match = headers.get("if-match")
    if if_match is not None:
        return _matches(if_match, identity, weakly=False)
    date = _date(headers, "if-unmodified-since")
    return date is None or identity.last_modified <= date


def _has_news(headers: Mapping[str, str], identity: Representation) -> bool:
    if_none_match = headers.get("if-none-match")
    if if_none_match is not None:
        return not _matches(if_none_match, identity, weakly=True)
    date = _date(headers, "if-modified-since")
    return date is None or identity.last_modified > date


def range_applies(headers: Mapping[str, str], identity: Representation) -> bool:
    """Return whether the Range header counts, as If-Range wants it.

    A date never does: an object may be uploaded, read in part and optimized within one second,
    so its date is not the strong validator that RFC 9110, section 13.1.5, asks for.

    Args:
        headers: Headers of the request, by lower-case name or without regard to case.
        identity: The object as it is now.

    Returns:
        True without If-Range, or when it is the strong entity tag of the bytes that are served;
        False when the whole object must be sent.
    """
    validator = headers.get("if-range")
    return validator is None or list(_entity_tags(validator)) == [(identity.etag, False)]


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
