"""The XML of S3: parsed without entities, read without regard to namespaces, written as S3 does."""

import re
import sys
from collections.abc import Iterable, Mapping
from typing import Final
from xml.etree import ElementTree as ET  # builds and writes only; defusedxml parses
from xml.sax.saxutils import escape

from defusedxml.ElementTree import fromstring

from gateway.s3.errors import S3Error

CONTENT_TYPE: Final = "application/xml"
_NAMESPACE: Final = "http://s3.amazonaws.com/doc/2006-03-01/"
# XML 1.0, production 2; anything else may stand neither as a character nor as a reference.
_UNHOLDABLE: Final = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_REFERENCE: Final = re.compile("&#(?:x(?P<hex>[0-9a-fA-F]{1,8})|(?P<decimal>[0-9]{1,9}));")
_REPLACEMENT: Final = "\ufffd"
DECLARATION: Final = b'<?xml version="1.0" encoding="UTF-8"?>\n'

Element = ET.Element


def parse(text: bytes) -> Element:
    """Parse an answer of the upstream.

    Raises:
        S3Error: InternalError when it is not XML, or has a document type with entities.
    """
    try:
        root: Element = fromstring(text)
    except (ET.ParseError, ValueError) as error:
        raise S3Error("InternalError", "The storage gave an answer that is no XML.") from error
    return root


def sanitized(text: bytes) -> bytes:
    """Replace what XML cannot hold, but what keys may: control characters, and octets of no text.

    Servers put such keys into listings as they are, unless they are asked to encode them.
    """
    readable = text.decode("utf-8", "replace")
    readable = _REFERENCE.sub(lambda found: _kept(found.group(), _code(found)), readable)
    return _UNHOLDABLE.sub(_REPLACEMENT, readable).encode()


def _code(found: re.Match[str]) -> int:
    return int(found["hex"], 16) if found["hex"] else int(found["decimal"])


def _kept(reference: str, code: int) -> str:
    holdable = code <= sys.maxunicode and not _UNHOLDABLE.match(chr(code))
    return reference if holdable else _REPLACEMENT


def write(root: Element) -> bytes:
    """Write an answer, its namespace being the default one."""
    ET.register_namespace("", _NAMESPACE)
    written: bytes = ET.tostring(root, encoding="utf-8", xml_declaration=False)
    return DECLARATION + written


def name(element: Element) -> str:
    """Give an element's name without its namespace."""
    return element.tag.rpartition("}")[2]


def text(parent: Iterable[Element], child: str) -> str:
    """Give the text of the first child of that name; empty when there is none."""
    return next((element.text or "" for element in parent if name(element) == child), "")


def document(root: str, children: Mapping[str, str]) -> bytes:
    """Write a flat answer.

    Args:
        root: Name of the root element.
        children: Names and texts of its children, in order.
    """
    inner = "".join(f"<{key}>{escape(value)}</{key}>" for key, value in children.items())
    return DECLARATION + f'<{root} xmlns="{_NAMESPACE}">{inner}</{root}>'.encode()
