import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from slimgate.gateway.s3.errors import S3Error
from slimgate.gateway.s3.ranges import Range, parse


@pytest.mark.parametrize(
    ("value", "size", "expected"),
    [
        (None, 10, None),
        ("bytes=0-0", 10, Range(0, 1)),
        ("bytes=0-9", 10, Range(0, 10)),
        ("bytes=0-", 10, Range(0, 10)),
        ("bytes=9-", 10, Range(9, 10)),
        ("bytes=3-99", 10, Range(3, 10)),
        ("bytes=-3", 10, Range(7, 10)),
        ("bytes=-99", 10, Range(0, 10)),
        ("BYTES=1-2", 10, Range(1, 3)),
        (" bytes=1-2 ", 10, Range(1, 3)),
        ("bytes=0-99999999999999999999", 10, Range(0, 10)),
        ("bytes=5-4", 10, None),
        ("bytes=0-1,3-4", 10, None),
        ("bytes=", 10, None),
        ("bytes=-", 10, None),
        ("bytes=a-b", 10, None),
        ("bytes=1--2", 10, None),
        ("bytes=--2", 10, None),
        ("bytes=+1-2", 10, None),
        ("bytes=1_0-", 10, None),
        ("bytes= 1-2", 10, None),
        ("bytes=\u0661-\u0662", 10, None),
        ("bytes=\u00b2-", 10, None),
        ("lines=0-1", 10, None),
        ("bytes", 10, None),
        ("", 10, None),
        ("bytes=0-" + "9" * 5000, 10, None),
    ],
)
def test_table(value: str | None, size: int, expected: Range | None) -> None:
    """One valid range is clipped; everything that is none serves the whole object."""
    assert parse(value, size) == expected


@pytest.mark.parametrize(
    ("value", "size"),
    [("bytes=10-", 10), ("bytes=10-20", 10), ("bytes=-0", 10), ("bytes=0-", 0), ("bytes=-5", 0)],
)
def test_unsatisfiable(value: str, size: int) -> None:
    """A range that holds no byte of the object is refused with 416."""
    with pytest.raises(S3Error) as caught:
        parse(value, size)
    assert (caught.value.code, caught.value.status) == ("InvalidRange", 416)


_POSITION = st.integers(0, 40)


@given(st.binary(max_size=30), _POSITION, st.none() | _POSITION)
def test_slice_is_the_model(body: bytes, first: int, last: int | None) -> None:
    """A range means what the same slice of the body means."""
    value = f"bytes={first}-{'' if last is None else last}"
    expected = body[first:] if last is None else body[first : last + 1]
    if last is not None and last < first:
        assert parse(value, len(body)) is None
    elif not expected:
        with pytest.raises(S3Error):
            parse(value, len(body))
    else:
        _check(body, value, expected)


@given(st.binary(min_size=1, max_size=30), st.integers(1, 40))
def test_suffix_slice_is_the_model(body: bytes, count: int) -> None:
    """A suffix range means what the same negative slice of the body means."""
    _check(body, f"bytes=-{count}", body[-count:])


def _check(body: bytes, value: str, expected: bytes) -> None:
    found = parse(value, len(body))
    assert found is not None
    assert body[found.start : found.stop] == expected
    assert found.length == len(expected)
    assert f"bytes {found.start}-{found.stop - 1}/{len(body)}" == found.content_range(len(body))


@given(st.text(max_size=40), st.integers(0, 100))
def test_any_text(value: str, size: int) -> None:
    """Any text gives a range within the object, the whole, or InvalidRange."""
    with contextlib.suppress(S3Error):
        found = parse(f"bytes={value}", size)
        assert found is None or 0 <= found.start < found.stop <= size
