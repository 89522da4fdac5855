"""S3 XML: parsed without entities, read ignoring namespaces, written as S3 does."""

import re
import sys
from collections.abc import Iterable, Mapping
from typing import Final
from xml.etree import ElementTree as ET  # builds and writes only; defusedxml parses
from xml.sax.saxutils import escape

from defusedxml.ElementTree import fromstring

from slimgate.gateway.s3.errors import S3Error

CONTENT_TYPE: Final = "application/xml"
_NAMESPACE: Final = "http://s3.amazonaws.com/doc/2006-03-01/"
# XML 1.0, production 2; other characters are invalid even as references.
_INVALID_CHARS: Final = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_REFERENCE: Final = re.compile("&#(?:x(?P<hex>[0-9a-fA-F]{1,8})|(?P<decimal>[0-9]{1,9}));")
_REPLACEMENT: Final = "\ufffd"
DECLARATION: Final = b'<?xml version="1.0" encoding="UTF-8"?>\n'

_CARRIAGE_RETURN: Final = b"&#13;"
"""Parsers would read one that is not a reference as a line feed (XML 1.0, section 2.11)."""

Element = ET.Element


def parse(text: bytes) -> Element:
    """Parse an XML response of the upstream.

    Raises:
        S3Error: InternalError if it is not XML, or has a document type with entities.
    """
    try:
        root: Element = fromstring(text)
    except (ET.ParseError, ValueError, LookupError) as error:  # LookupError: unknown encoding
        raise S3Error(
            "InternalError", "The object store returned a response that is not XML."
        ) from error
    return root


def sanitized(text: bytes) -> bytes:
    """Replace characters that keys may contain but XML cannot: control characters, invalid UTF-8.

    Servers put such keys into listings unchanged, unless asked to encode them.
    """
    readable = text.decode("utf-8", "replace")
    readable = _REFERENCE.sub(lambda found: _valid_reference(found.group(), _code(found)), readable)
    return _INVALID_CHARS.sub(_REPLACEMENT, readable).encode()


def _code(found: re.Match[str]) -> int:
    return int(found["hex"], 16) if found["hex"] else int(found["decimal"])


def _valid_reference(reference: str, code: int) -> str:
    holdable = code <= sys.maxunicode and not _INVALID_CHARS.match(chr(code))
    return reference if holdable else _REPLACEMENT


def write(root: Element) -> bytes:
    """Return a document with the S3 namespace as its default."""
    ET.register_namespace("", _NAMESPACE)
    written: bytes = ET.tostring(root, encoding="utf-8", xml_declaration=False)
    return DECLARATION + written.replace(b"\r", _CARRIAGE_RETURN)


def name(element: Element) -> str:
    """Return the name of an element without its namespace."""
    return element.tag.rpartition("}")[2]


def text(parent: Iterable[Element], child: str) -> str:
    """Return the text of the first child with that name; empty if there is none."""
    return next((element.text or "" for element in parent if name(element) == child), "")


def document(root: str, children: Mapping[str, str]) -> bytes:
    """Return a flat document.

    Args:
        root: Name of the root element.
        children: Names and texts of its children, in order.
    """
    inner = "".join(f"<{key}>{escape(value)}</{key}>" for key, value in children.items())
    written = f'<{root} xmlns="{_NAMESPACE}">{inner}</{root}>'.encode()
    return DECLARATION + written.replace(b"\r", _CARRIAGE_RETURN)
