import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from slimgate.gateway.s3.http_date import parse_http_date

_MOMENT = datetime.datetime(1994, 11, 6, 8, 49, 37, tzinfo=datetime.UTC)


@pytest.mark.parametrize(
    "text",
    [
        "Sun, 06 Nov 1994 08:49:37 GMT",
        "Sunday, 06-Nov-94 08:49:37 GMT",
        "Sun Nov  6 08:49:37 1994",
        "Sun, 06 Nov 1994 08:49:37 -0000",
        "Sun, 06 Nov 1994 09:49:37 +0100",
    ],
)
def test_forms(text: str) -> None:
    """All forms of the RFC, and zones, give the same moment."""
    assert parse_http_date(text) == _MOMENT


@pytest.mark.parametrize(
    "text",
    [
        "",
        "yesterday",
        "1994-11-06T08:49:37Z",
        "Sun, 99 Nov 1994 08:49:37 GMT",
        "Sun, 06 Nov 1994 08:49:37 +9999999999",
        "Fri, 31 Dec 9999 23:59:59 -2300",
        "Sun, 06 Nov 1994 08:49:37 GMT" + " " * 64,
        "Sun, 0\u0666 Nov 1994 08:49:37 GMT",
        "d41d8cd98f00b204e9800998ecf8427e",
    ],
)
def test_no_dates(text: str) -> None:
    """Invalid dates yield None, never an exception."""
    assert parse_http_date(text) is None


@given(st.text(alphabet="SunNov0169:+- ,GMT", max_size=70))
def test_any_text(text: str) -> None:
    """Any text gives a time in UTC or None."""
    date = parse_http_date(text)
    assert date is None or date.utcoffset() == datetime.timedelta(0)
