"""Read the dates of HTTP headers."""

import datetime
from email.utils import parsedate_to_datetime
from typing import Final

# The longest form, RFC 850 with "Wednesday" and "September" spelled out, is well below.
_LONGEST: Final = 64


def parse_http_date(value: str) -> datetime.datetime | None:
    """Read a date in any of the three forms of RFC 9110, section 5.6.7.

    Args:
        value: The header's value; a date without a zone, or with ``-0000``, is taken as UTC.

    Returns:
        An aware time in UTC, or None when the text is no date.
    """
    if len(value) > _LONGEST or not value.isascii():
        return None
    try:
        date = parsedate_to_datetime(value)
        if date.tzinfo is None:
            return date.replace(tzinfo=datetime.UTC)
        return date.astimezone(datetime.UTC)
    except (ValueError, OverflowError, TypeError, IndexError):
        # The standard parser promises ValueError only, but unpacks what it could not split.
        return None
