import datetime
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from slimgate.gateway.s3.conditional import Outcome, Representation, evaluate, range_applies

_TIME = datetime.datetime(2024, 5, 1, 12, 0, 0, tzinfo=datetime.UTC)
_BEFORE = "Wed, 01 May 2024 11:59:59 GMT"
_SAME = "Wed, 01 May 2024 12:00:00 GMT"
_AFTER = "Wed, 01 May 2024 12:00:01 GMT"
_OBJECT = Representation("aaa-1", _TIME, aliases=frozenset({"bbb"}))

_OK = Outcome.PROCEED
_304 = Outcome.NOT_MODIFIED
_412 = Outcome.PRECONDITION_FAILED


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({}, _OK),
        ({"if-match": '"aaa-1"'}, _OK),
        ({"if-match": '"bbb"'}, _OK),
        ({"if-match": "bbb"}, _OK),
        ({"if-match": "*"}, _OK),
        ({"if-match": '"x", "bbb"'}, _OK),
        ({"if-match": '"x","y",bbb'}, _OK),
        ({"if-match": '"x"'}, _412),
        ({"if-match": 'W/"bbb"'}, _412),
        ({"if-match": '"x,bbb,y"'}, _412),
        ({"if-match": "BBB"}, _412),
        ({"if-match": ""}, _412),
        ({"if-none-match": '"bbb"'}, _304),
        ({"if-none-match": "bbb"}, _304),
        ({"if-none-match": 'W/"bbb"'}, _304),
        ({"if-none-match": "*"}, _304),
        ({"if-none-match": '"x", W/"aaa-1"'}, _304),
        ({"if-none-match": '"x"'}, _OK),
        ({"if-none-match": '"bbb'}, _304),
        ({"if-modified-since": _BEFORE}, _OK),
        ({"if-modified-since": _SAME}, _304),
        ({"if-modified-since": _AFTER}, _304),
        ({"if-modified-since": "soon"}, _OK),
        ({"if-unmodified-since": _BEFORE}, _412),
        ({"if-unmodified-since": _SAME}, _OK),
        ({"if-unmodified-since": _AFTER}, _OK),
        ({"if-unmodified-since": "soon"}, _OK),
        ({"if-match": "bbb", "if-unmodified-since": _BEFORE}, _OK),
        ({"if-match": "x", "if-unmodified-since": _AFTER}, _412),
        ({"if-none-match": "bbb", "if-modified-since": _BEFORE}, _304),
        ({"if-none-match": "x", "if-modified-since": _AFTER}, _OK),
        ({"if-match": "x", "if-none-match": "bbb"}, _412),
        ({"if-match": "bbb", "if-none-match": "bbb"}, _304),
        ({"if-unmodified-since": _BEFORE, "if-modified-since": _AFTER}, _412),
    ],
)
def test_table(headers: dict[str, str], expected: Outcome) -> None:
    """Conditions are evaluated in the order of the RFC, and ETags take precedence over dates."""
    assert expected is evaluate(headers, _OBJECT)


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({}, _OK),
        ({"if-match": '"aaa-1"'}, _OK),
        ({"if-match": "aaa-1"}, _OK),
        ({"if-match": "*"}, _OK),
        ({"if-match": '"bbb", "aaa-1"'}, _OK),
        ({"if-match": '"bbb"'}, _412),
        ({"if-match": "bbb"}, _412),
        ({"if-match": 'W/"aaa-1"'}, _412),
        ({"if-match": "bbb", "if-unmodified-since": _AFTER}, _412),
        ({"if-none-match": '"aaa-1"'}, _304),
        ({"if-none-match": "*"}, _304),
        ({"if-none-match": '"bbb"'}, _OK),
        ({"if-none-match": 'W/"bbb"'}, _OK),
        ({"if-none-match": "bbb", "if-modified-since": _AFTER}, _OK),
        ({"if-match": "aaa-1", "if-none-match": "bbb"}, _OK),
        ({"if-unmodified-since": _BEFORE}, _412),
        ({"if-unmodified-since": _SAME}, _OK),
    ],
)
def test_aliases_name_no_parts(headers: dict[str, str], expected: Outcome) -> None:
    """For a part of the object, only the ETag of the served bytes counts."""
    assert evaluate(headers, _OBJECT.of_parts) is expected


@pytest.mark.parametrize("identity", [_OBJECT, _OBJECT.of_parts])
@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({}, True),
        ({"if-range": '"aaa-1"'}, True),
        ({"if-range": "aaa-1"}, True),
        ({"if-range": '"bbb"'}, False),
        ({"if-range": '"bbb", "aaa-1"'}, False),
        ({"if-range": '"x"'}, False),
        ({"if-range": 'W/"aaa-1"'}, False),
        ({"if-range": "*"}, False),
        ({"if-range": ""}, False),
        ({"if-range": _SAME}, False),
        ({"if-range": _BEFORE}, False),
        ({"if-range": _AFTER}, False),
        ({"if-range": "soon"}, False),
    ],
)
def test_if_range(identity: Representation, headers: dict[str, str], expected: bool) -> None:
    """A range counts only for exactly the bytes that If-Range names, and no date names bytes."""
    assert range_applies(headers, identity) is expected


@given(st.text(alphabet='W/"b,* a-1', max_size=40))
def test_match_and_none_match_mirror(value: str) -> None:
    """A strong match is also a weak match."""
    if evaluate({"if-match": value}, _OBJECT) is _OK:
        assert evaluate({"if-none-match": value}, _OBJECT) is _304


@pytest.mark.parametrize("unit", ['"', "W/", 'W/"', ",", "a,", ' "x'])
def test_long_headers_take_linear_time(unit: str) -> None:
    """Half a megabyte of any text is parsed far faster than by a quadratic parser."""
    start = time.process_time()
    evaluate({"if-match": unit * (500_000 // len(unit))}, _OBJECT)
    assert time.process_time() - start < 2.0
