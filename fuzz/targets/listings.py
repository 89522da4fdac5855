"""Listing pages, which are read by expressions and by a parser."""

from collections.abc import Iterator
from contextlib import suppress
from typing import Final

from fuzz.target import check
from slimgate.gateway.s3 import listing_page, xml
from slimgate.gateway.s3.errors import S3Error
from slimgate.gateway.s3.listing_xml import LogicalView

MODULES: Final = ("slimgate.gateway.s3",)
WORDS: Final = (
    b"<Contents>", b"</Contents>", b"<Version>", b"<Key>", b"</Key>", b"<Size>", b"<ETag>",
    b"<LastModified>", b"<EncodingType>url</EncodingType>", b"&#13;", b"&amp;", b"%0A", b"<!--",
    b"<![CDATA[", b"<CommonPrefixes>", b"<DeleteMarker>", b"xmlns:a=",
)  # fmt: skip
_VIEW: Final = LogicalView(4096, "0" * 32 + "-1")


def run(data: bytes) -> None:
    """Read a page in both ways, and show it with other sizes: keys stay the same."""
    try:
        usual = listing_page._read_usual(data)
        entries = listing_page.read_page(data)
    except S3Error:
        return
    if usual is not None:
        check(usual == _by_parser(data), "the two ways to read a page differ")
    if not entries:
        return
    with suppress(S3Error):
        shown = listing_page.shown_page(data, [_VIEW] * len(entries))
        again = listing_page.read_page(shown)
        check(again is not None, "a page is none when it has been shown")
        check([each.key for each in again or ()] == [each.key for each in entries], "keys change")


def _by_parser(page: bytes) -> list[listing_page.ListedEntry] | None:
    unusual = page.replace(b"</ListBucketResult>", b"<!-- --></ListBucketResult>")
    try:
        xml.parse(unusual)
    except S3Error:
        return listing_page._read_usual(page)  # not well-formed: nothing to compare with
    return listing_page.read_page(unusual)


def seeds() -> Iterator[bytes]:
    """Yield pages as servers write them."""
    entry = (
        b"<Contents><Key>a%20b&amp;c</Key><LastModified>2026-01-01T00:00:00.000Z</LastModified>"
        b"<ETag>&quot;0123456789abcdef0123456789abcdef&quot;</ETag><Size>7</Size></Contents>"
    )
    space = b'<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">'
    for more in (b"", b"<EncodingType>url</EncodingType>"):
        yield xml.DECLARATION + space + more + entry * 2 + b"</ListBucketResult>"
    yield (
        b"<ListVersionsResult>" + entry.replace(b"Contents", b"Version") + b"</ListVersionsResult>"
    )
