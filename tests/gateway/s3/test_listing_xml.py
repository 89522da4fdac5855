"""Listing pages: edited in place, or not at all."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from slimgate.gateway.s3 import xml as s3xml
from slimgate.gateway.s3.listing_xml import LogicalView, with_logical_sizes

_VIEW = LogicalView(12345, "0123456789abcdef0123456789abcdef-1")


def _entry(key: str, size: int = 7, tag: str = "Contents", more: str = "") -> str:
    return (
        f"<{tag}><Key>{key}</Key><ETag>&#34;aa&#34;</ETag>{more}<Size>{size}</Size>"
        f"<Owner><ID>me</ID></Owner></{tag}>"
    )


def _page(*entries: str) -> bytes:
    inner = f"<Name>b</Name>{''.join(entries)}\n"
    return f"<?xml version='1.0'?>\n<ListBucketResult>{inner}</ListBucketResult>".encode()


@given(st.lists(st.none() | st.just(_VIEW), max_size=8))
def test_only_managed_entries_change(views: list[LogicalView | None]) -> None:
    """Managed entries get their size and ETag; every other byte stays."""
    page = _page(*(_entry(f"k{number}") for number in range(len(views))))
    edited = with_logical_sizes(page, views)
    assert edited is not None
    shown = [
        (s3xml.text(child, "Size"), s3xml.text(child, "ETag"))
        for child in s3xml.parse(edited)
        if s3xml.name(child) == "Contents"
    ]
    managed = (str(_VIEW.size), f'"{_VIEW.etag}"')
    assert [managed if view else ("7", '"aa"') for view in views] == shown
    if not any(views):
        assert page == edited


def test_a_time_replaces_that_of_the_rendition() -> None:
    """An entry with a time of its own shows it in milliseconds; others keep the store's."""
    stored = "<LastModified>2026-01-02T03:04:05.678Z</LastModified>"
    uploaded = datetime(2020, 2, 3, 4, 5, 6, 7_999, tzinfo=UTC)
    page = _page(_entry("a", more=stored), _entry("b", more=stored))
    edited = with_logical_sizes(page, [_VIEW._replace(modified=uploaded), _VIEW])
    assert edited is not None
    shown = [
        s3xml.text(child, "LastModified")
        for child in s3xml.parse(edited)
        if s3xml.name(child) == "Contents"
    ]
    assert shown == ["2020-02-03T04:05:06.007Z", "2026-01-02T03:04:05.678Z"]


def test_checksums_of_renditions_are_left_out() -> None:
    """A checksum of the stored bytes is none of the object."""
    more = "<ChecksumAlgorithm>CRC32</ChecksumAlgorithm><ChecksumType>FULL_OBJECT</ChecksumType>"
    edited = with_logical_sizes(
        _page(_entry("a", more=more), _entry("b", more=more)), [_VIEW, None]
    )
    assert edited is not None
    assert edited.count(b"<ChecksumType>") == 1


def test_versions_are_edited_too() -> None:
    """Versions are entries like any other; delete markers are none."""
    marker = "<DeleteMarker><Key>k</Key></DeleteMarker>"
    edited = with_logical_sizes(_page(marker, _entry("k", tag="Version")), [_VIEW])
    assert edited is not None
    assert b"<Size>12345</Size>" in edited


@pytest.mark.parametrize(
    ("entries", "views"),
    [
        (["<a:Contents><Size>1</Size></a:Contents>"], [_VIEW]),
        ([_entry("k"), _entry("l")], [_VIEW]),
        (["<Contents><Key>k</Key><Size>1</Size></Contents>"], [_VIEW]),
        ([_entry("k", more="<Size>8</Size>")], [_VIEW]),
        ([_entry("k")], [_VIEW._replace(modified=datetime(2020, 1, 1, tzinfo=UTC))]),
    ],
)
def test_doubtful_pages_are_left_to_a_parser(
    entries: list[str], views: list[LogicalView | None]
) -> None:
    """A page that looks otherwise than servers write it is not edited."""
    assert with_logical_sizes(_page(*entries), views) is None
