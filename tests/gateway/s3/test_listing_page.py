"""Listing pages are read alike, by expressions or by a parser."""

from urllib.parse import quote
from xml.sax.saxutils import escape

import pytest
from hypothesis import given
from hypothesis import strategies as st

from slimgate.gateway.s3 import listing_page
from slimgate.gateway.s3 import xml as s3xml
from slimgate.gateway.s3.listing_page import ListedEntry, read_page, shown_page
from slimgate.gateway.s3.listing_xml import Gone, LogicalView

_DECLARATION = '<?xml version="1.0" encoding="UTF-8"?>'
_ROOT = '<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">'
_VIEW = LogicalView(12345, "0123456789abcdef0123456789abcdef-1")
_TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\r"), min_size=1, max_size=12)


def _entry(key: str, more: str = "<Size>7</Size>", tag: str = "Contents") -> str:
    time = "<LastModified>2026-01-02T03:04:05.678Z</LastModified>"
    return f"<{tag}><Key>{key}</Key>{time}<ETag>&quot;aa&quot;</ETag>{more}</{tag}>"


def _page(inner: str, before: str = _DECLARATION) -> bytes:
    return f"{before}{_ROOT}<Name>b</Name>{inner}</ListBucketResult>".encode()


def _by_parser(page: bytes) -> list[ListedEntry] | None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(listing_page, "_read_usual", lambda _: None)
        return read_page(page)


@given(st.lists(_TEXT, max_size=5), st.booleans())
def test_both_ways_agree(keys: list[str], encoded: bool) -> None:
    """Keys of any text, encoded or not, are read as a parser reads them."""
    shown = [_entry(quote(key) if encoded else escape(key)) for key in keys]
    page = _page(("<EncodingType>url</EncodingType>" if encoded else "") + "".join(shown))
    read = read_page(page)
    assert read == _by_parser(page)
    if encoded:
        assert read == [ListedEntry(key, "aa", 1767323045, None, 7) for key in keys]


def test_usual_pages_are_not_parsed(monkeypatch: pytest.MonkeyPatch) -> None:
    """What servers write needs no parser, whatever the keys."""
    entries = _entry("a&amp;b &#34;c&#39; ümläut") + _entry(
        "k", "<VersionId>v</VersionId>", "Version"
    )
    page = _page(entries)
    expected = _by_parser(page)
    monkeypatch.delattr(s3xml, "parse")
    assert read_page(page) == expected
    assert expected is not None
    assert [entry.key for entry in expected] == ["a&b \"c' ümläut", "k"]


@pytest.mark.parametrize(
    "inner",
    [
        _entry("<![CDATA[k]]>"),
        _entry("k<!-- comment -->"),
        f"<!-- {_entry('k')} -->",
        _entry("k").replace("<Contents>", '<Contents a="1">'),
        _entry("k").replace("Key>", "s:Key>").replace("<s:Key>", '<s:Key xmlns:s="x">'),
        _entry("k&#x41;"),
        _entry("k&#10;"),
        _entry("k\r\n"),
        _entry("k", "<Key>k2</Key>"),
        "<?x <Contents> ?>" + _entry("k"),
        "<Contents/>",
    ],
)
def test_unusual_pages_are_parsed(inner: str) -> None:
    """What only a parser can tell is read by one."""
    assert read_page(_page(inner)) == _by_parser(_page(inner))


@pytest.mark.parametrize("page", [b"<Error><Code>x</Code></Error>", b"<a><Contents/></a>"])
def test_other_documents_are_no_pages(page: bytes) -> None:
    """Errors with status 200, and anything else, have no entries."""
    assert read_page(page) is None


@pytest.mark.parametrize("inner", [_entry("k"), _entry("<![CDATA[k]]>")])
def test_managed_entries_are_shown_as_uploaded(inner: str) -> None:
    """Edited in place or written anew, a page shows size and ETag of the upload."""
    page = _page(inner + _entry("plain"))
    shown = read_page(shown_page(page, [_VIEW, None]))
    assert shown is not None
    assert [(entry.size, entry.etag) for entry in shown] == [(12345, _VIEW.etag), (7, "aa")]
    assert shown_page(page, [None, None]) == page


@pytest.mark.parametrize("before", [_DECLARATION, f"{_DECLARATION}<!-- unusual -->"])
def test_deleted_objects_are_left_out(before: str) -> None:
    """An entry vanishes with all it holds, whether the page is edited or written anew."""
    counts = "<KeyCount>3</KeyCount><IsTruncated>true</IsTruncated>"
    page = _page(counts + _entry("a") + _entry("b") + _entry("c"), before)
    shown = shown_page(page, [Gone.GONE, _VIEW, Gone.GONE])
    entries = read_page(shown)
    assert entries is not None
    assert [(entry.key, entry.size) for entry in entries] == [("b", _VIEW.size)]
    assert s3xml.text(s3xml.parse(shown), "KeyCount") == "1"


def test_a_last_page_may_be_empty() -> None:
    """If no pages follow, all entries may go; otherwise the last one stays."""
    last = "<KeyCount>2</KeyCount><IsTruncated>false</IsTruncated>"
    entries = _entry("a") + _entry("b")
    gone = [Gone.GONE, Gone.GONE]
    assert read_page(shown_page(_page(last + entries), gone)) == []
    shown = read_page(shown_page(_page(last.replace("false", "true") + entries), gone))
    assert [entry.key for entry in shown or ()] == ["b"]
