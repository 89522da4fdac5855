"""Test S3 XML: parse any server's, write what clients expect."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from slimgate.gateway.s3 import xml as s3xml
from slimgate.gateway.s3.errors import S3Error


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"junk",
        b"<a>",
        b'<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>',
        b"<a>\x00</a>",
        b"<a>\xff</a>",
    ],
)
def test_what_is_no_xml_is_an_error(text: bytes) -> None:
    """Junk, entities and characters that XML cannot hold are refused."""
    with pytest.raises(S3Error, match="InternalError"):
        s3xml.parse(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (b"<a>b</a>", "b"),
        (b"<a>\x00b\x1f</a>", "\ufffdb\ufffd"),
        (b"<a>\xffb</a>", "\ufffdb"),
        (b"<a>&#x0;&#9;&#x1F600;&#55296;&#x110000;</a>", "\ufffd\t\U0001f600\ufffd\ufffd"),
        ("<a>ü</a>".encode(), "ü"),
    ],
)
def test_sanitized_text_is_readable(text: bytes, expected: str) -> None:
    """Characters that XML cannot hold are replaced; everything else stays."""
    assert s3xml.parse(s3xml.sanitized(text)).text == expected


@given(st.binary(max_size=40).filter(lambda octets: b"<" not in octets and b"&" not in octets))
def test_any_octets_can_be_sanitized(octets: bytes) -> None:
    """No key makes a listing unreadable."""
    key = octets.replace(b"]]>", b"")
    read = s3xml.parse(s3xml.sanitized(b"<Key>%b</Key>" % key)).text or ""
    # XML 1.0, section 2.2, has no control characters but these; section 2.11 joins CR and LF.
    readable = key.decode("utf-8", "replace").replace("\r\n", "\n").replace("\r", "\n")
    assert read == "".join(
        char if char in "\t\n" or " " <= char not in "\ufffe\uffff" else "\ufffd"
        for char in readable
    )


def test_documents_are_escaped_and_read_again() -> None:
    """A flat document gives back what was put in, in the namespace of S3."""
    root = s3xml.parse(s3xml.document("Result", {"ETag": '"a"', "Key": "<&>"}))
    assert (
        s3xml.name(root), s3xml.text(root, "ETag"), s3xml.text(root, "Key")
    ) == ("Result", '"a"', "<&>")  # fmt: skip
    assert b'xmlns="http://s3.amazonaws.com/doc/2006-03-01/"' in s3xml.write(root)


def test_carriage_returns_survive() -> None:
    """Keys may contain them, and clients ask for the key that they have read."""
    written = s3xml.write(s3xml.parse(b"<a><Key>b&#13;&#10;c</Key></a>"))
    for page in (written, s3xml.document("a", {"Key": "b\r\nc"})):
        assert s3xml.text(s3xml.parse(page), "Key") == "b\r\nc"
