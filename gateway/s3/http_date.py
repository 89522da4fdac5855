"""Parse HTTP dates."""

import datetime
import functools
from email.utils import parsedate_to_datetime
from typing import Final

# The longest form, RFC 850 with "Wednesday" and "September", is well below.
_MAX_CHARS: Final = 64


@functools.lru_cache(maxsize=1024)
def parse_http_date(value: str) -> datetime.datetime | None:
    """Parse a date in any of the three forms of RFC 9110, section 5.6.7.

    Args:
        value: Header value; a date without a zone, or with ``-0000``, is UTC.

    Returns:
        An aware time in UTC, or None for an invalid date.
    """
    if len(value) > _MAX_CHARS or not value.isascii():
        return None
    try:
        date = parsedate_to_datetime(value)
        if date.tzinfo is None:
            return date.replace(tzinfo=datetime.UTC)
        return date.astimezone(datetime.UTC)
    except (ValueError, OverflowError, TypeError, IndexError):
        # The standard parser documents only ValueError, but raises these as well.
        return None
