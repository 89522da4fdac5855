"""Evaluate the conditional request headers against an object.

Source: RFC 9110, section 13; Amazon S3 API reference, GetObject, "Conditional requests".
"""

import datetime
import enum
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from gateway.httpdate import parse_http_date

# Quoted as in the RFC, or bare as several S3 clients send it.
_ETAG: Final = re.compile(r'(W/)?(?:"([^"]*)"|([^",\s]+))')


@dataclass(frozen=True, slots=True)
class Identity:
    """What an object is compared by.

    Attributes:
        etags: Every entity tag that means this object, without quotes.
        last_modified: Time of the last change, aware, whole seconds.
    """

    etags: frozenset[str]
    last_modified: datetime.datetime


class Outcome(enum.Enum):
    """What follows from the conditions of a request."""

    PROCEED = enum.auto()
    NOT_MODIFIED = enum.auto()
    PRECONDITION_FAILED = enum.auto()


def evaluate(headers: Mapping[str, str], identity: Identity) -> Outcome:
    """Evaluate the conditions of a read in the order of RFC 9110, section 13.2.2.

    An entity tag that is sent always outweighs the date of the same direction, and a date that
    cannot be read is ignored.

    Args:
        headers: Headers of the request, by lower-case name or without regard to case.
        identity: The object as it is now.
    """
    if not _may_read(headers, identity):
        return Outcome.PRECONDITION_FAILED
    if not _has_news(headers, identity):
        return Outcome.NOT_MODIFIED
    return Outcome.PROCEED


def _may_read(headers: Mapping[str, str], identity: Identity) -> bool:
    if_match = headers.get("if-match")
    if if_match is not None:
        return _matches(if_match, identity, weakly=False)
    date = _date(headers, "if-unmodified-since")
    return date is None or identity.last_modified <= date


def _has_news(headers: Mapping[str, str], identity: Identity) -> bool:
    if_none_match = headers.get("if-none-match")
    if if_none_match is not None:
        return not _matches(if_none_match, identity, weakly=True)
    date = _date(headers, "if-modified-since")
    return date is None or identity.last_modified > date


def range_applies(headers: Mapping[str, str], identity: Identity) -> bool:
    """Tell whether the Range header counts, as If-Range wants it.

    Args:
        headers: Headers of the request, by lower-case name or without regard to case.
        identity: The object as it is now.

    Returns:
        True without If-Range, or when it names this very object by a strong entity tag or by the
        exact time of its last change; False when the whole object must be sent.
    """
    validator = headers.get("if-range")
    if validator is None or _matches(validator, identity, weakly=False, wildcard=False):
        return True
    return parse_http_date(validator.strip(" \t")) == identity.last_modified


def _matches(value: str, identity: Identity, *, weakly: bool, wildcard: bool = True) -> bool:
    if wildcard and value.strip(" \t") == "*":
        return True
    return any(
        tag in identity.etags and (weakly or not is_weak) for tag, is_weak in _entity_tags(value)
    )


def _entity_tags(value: str) -> Iterator[tuple[str, bool]]:
    for found in _ETAG.finditer(value):
        quoted, bare = found[2], found[3]
        yield quoted if bare is None else bare, found[1] is not None


def _date(headers: Mapping[str, str], name: str) -> datetime.datetime | None:
    value = headers.get(name)
    return None if value is None else parse_http_date(value.strip(" \t"))
