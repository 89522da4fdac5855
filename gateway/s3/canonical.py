"""Reduce a request to the one text that client and server both sign.

Source: Amazon S3 API reference, "Signature Calculations for the Authorization Header", task 1.
"""

import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Final
from urllib.parse import quote_from_bytes, unquote_to_bytes

from gateway.s3.errors import S3Error

_BROKEN_ESCAPE: Final = re.compile(rb"%(?![0-9A-Fa-f]{2})")
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f]")
_ALL_SPACE: Final = " \t"
# Most of what is signed needs no escaping, and finding that out is faster than escaping it.
_UNRESERVED: Final = re.compile("[A-Za-z0-9_.~-]*")
_PLAIN_PATH: Final = re.compile("[A-Za-z0-9_.~/-]+")


def _octets(text: str) -> bytes:
    # Servers decode what is on the wire with surrogateescape; this gives the very same octets back.
    try:
        return text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError as error:
        raise S3Error("InvalidURI") from error


def _unescape(text: str) -> bytes:
    octets = _octets(text)
    if _BROKEN_ESCAPE.search(octets):
        raise S3Error("InvalidURI")
    return unquote_to_bytes(octets)


def canonical_path(raw_path: str) -> str:
    """Spell a path as S3 signs it: nothing but unreserved characters and slashes stays unescaped.

    Dots and double slashes are kept, because they are part of an object's key.

    Args:
        raw_path: The path as received, percent-encoded.

    Raises:
        S3Error: ``InvalidURI`` for a broken percent escape.
    """
    if _PLAIN_PATH.fullmatch(raw_path):
        return raw_path
    return quote_from_bytes(_unescape(raw_path), safe="/") or "/"


def query_pairs(raw_query: str) -> list[tuple[str, str]]:
    """Split a query string into decoded names and values, in the order received.

    A plus sign stands for itself, as it does for S3, not for a space. Octets that are no UTF-8
    come back as lone surrogates (``surrogateescape``).

    Args:
        raw_query: The query as received, percent-encoded, without the question mark.

    Raises:
        S3Error: ``InvalidURI`` for a broken percent escape.
    """
    pairs = []
    for pair in filter(None, raw_query.split("&")):
        name, _, value = pair.partition("=")
        pairs.append((unescaped(name), unescaped(value)))
    return pairs


def unescaped(text: str) -> str:
    """Decode percent escapes, once; octets that are no UTF-8 become lone surrogates.

    Raises:
        S3Error: ``InvalidURI`` for a broken percent escape.
    """
    if "%" not in text and text.isascii():
        return text
    return _unescape(text).decode("utf-8", "surrogateescape")


def check_printable(what: str, *texts: str) -> None:
    """Refuse control characters, which could pass for a line or a header of their own.

    Args:
        what: The subject of the message.
        texts: Decoded.

    Raises:
        S3Error: ``InvalidArgument``.
    """
    if any(map(_CONTROL.search, texts)):
        raise S3Error("InvalidArgument", f"{what} has control characters.")


def reencode_query(raw_query: str) -> str:
    """Escape a query as S3 signs it; order, plus signs and names without a value stay as they are.

    Signers take a URL as it is, but servers sign anew what they have decoded: ``%7E`` would be two
    different things to them.

    Args:
        raw_query: Percent-encoded, without the question mark.

    Raises:
        S3Error: ``InvalidURI`` for a broken percent escape.
    """
    pairs = (pair.split("=", 1) for pair in raw_query.split("&"))
    return "&".join("=".join(map(_respelled_text, pair)) for pair in pairs)


def _respelled_text(text: str) -> str:
    return "+".join(quote_from_bytes(_unescape(word), safe="") for word in text.split("+"))


def canonical_query(pairs: Iterable[tuple[str, str]]) -> str:
    """Spell decoded query parameters as S3 signs them: escaped, then sorted by name and value."""
    spelled = [(escaped(name), escaped(value)) for name, value in pairs]
    return "&".join(f"{name}={value}" for name, value in sorted(spelled))


def escaped(text: str) -> str:
    """Escape all but unreserved characters; lone surrogates become the octets that they were."""
    return text if _UNRESERVED.fullmatch(text) else quote_from_bytes(_octets(text), safe="")


def fold_headers(headers: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Bring headers into the form in which they are signed.

    Names become lower case, values lose outer blanks and repeated inner spaces, and the values of
    a repeated name are joined by commas in the order received.
    """
    folded: dict[str, list[str]] = {}
    for name, value in headers:
        bare = value.strip(_ALL_SPACE)
        if "  " in bare:
            bare = " ".join(filter(None, bare.split(" ")))
        folded.setdefault(name.lower(), []).append(bare)
    return {name: ",".join(values) for name, values in folded.items()}


def canonical_request(
    method: str,
    raw_path: str,
    query: Iterable[tuple[str, str]],
    headers: Mapping[str, str],
    signed_headers: Sequence[str],
    payload_hash: str,
) -> str:
    """Write the canonical request and give its SHA-256 as hexadecimal digits.

    Args:
        method: The HTTP method.
        raw_path: The path as received, percent-encoded.
        query: Decoded parameters without the signature itself, from ``query_pairs``.
        headers: Headers from ``fold_headers``.
        signed_headers: Lower-case names, each of which ``headers`` must have (``KeyError``).
        payload_hash: The value that the client declared for the body.

    Raises:
        S3Error: ``InvalidURI`` for a broken percent escape.
    """
    names = sorted(signed_headers)
    lines = [
        method,
        canonical_path(raw_path),
        canonical_query(query),
        *(f"{name}:{headers[name]}" for name in names),
        "",
        ";".join(names),
        payload_hash,
    ]
    return hashlib.sha256(_octets("\n".join(lines))).hexdigest()
