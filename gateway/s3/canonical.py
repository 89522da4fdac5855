"""Build the canonical request that client and server both sign.

Source: Amazon S3 API reference, "Signature Calculations for the Authorization Header", task 1.
"""

import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Final
from urllib.parse import quote_from_bytes, unquote_to_bytes

from slimgate.gateway.s3.errors import S3Error

_BROKEN_ESCAPE: Final = re.compile(rb"%(?![0-9A-Fa-f]{2})")
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f]")
_BLANKS: Final = " \t"
# Most signed texts need no escaping, and checking that is faster than escaping them.
_UNRESERVED: Final = re.compile("[A-Za-z0-9_.~-]*")
_PLAIN_PATH: Final = re.compile("[A-Za-z0-9_.~/-]+")


def _octets(text: str) -> bytes:
    # aiohttp decodes received bytes with surrogateescape; this restores them.
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
    """Return a path as S3 signs it: only unreserved characters and slashes stay unescaped.

    Dots and double slashes are kept, because they are part of the key.

    Args:
        raw_path: Path as received, percent-encoded.

    Raises:
        S3Error: ``InvalidURI`` for a broken percent escape.
    """
    if _PLAIN_PATH.fullmatch(raw_path):
        return raw_path
    return quote_from_bytes(_unescape(raw_path), safe="/") or "/"


def query_pairs(raw_query: str) -> list[tuple[str, str]]:
    """Split a query string into decoded names and values, in order.

    A plus sign is literal, as in S3, not a space. Bytes that are not UTF-8 become lone surrogates
    (``surrogateescape``).

    Args:
        raw_query: Query as received, percent-encoded, without the question mark.

    Raises:
        S3Error: ``InvalidURI`` for a broken percent escape.
    """
    pairs = []
    for pair in filter(None, raw_query.split("&")):
        name, _, value = pair.partition("=")
        pairs.append((unescaped(name), unescaped(value)))
    return pairs


def unescaped(text: str) -> str:
    """Decode percent escapes once; bytes that are not UTF-8 become lone surrogates.

    Raises:
        S3Error: ``InvalidURI`` for a broken percent escape.
    """
    if "%" not in text and text.isascii():
        return text
    return _unescape(text).decode("utf-8", "surrogateescape")


def is_printable(text: str) -> bool:
    """Return whether a decoded text has no control characters."""
    return not _CONTROL.search(text)


def check_printable(what: str, *texts: str) -> None:
    """Refuse control characters, which could pass for a line or header of their own.

    Args:
        what: Subject of the error message.
        texts: Decoded texts.

    Raises:
        S3Error: ``InvalidArgument``.
    """
    if any(map(_CONTROL.search, texts)):
        raise S3Error("InvalidArgument", f"{what} contains control characters.")


def reencode_query(raw_query: str) -> str:
    """Escape a query as S3 signs it; order, plus signs and names without a value are kept.

    Clients sign a URL as it is, but servers re-encode what they decoded: the two would disagree on
    ``%7E``.

    Args:
        raw_query: Percent-encoded, without the question mark.

    Raises:
        S3Error: ``InvalidURI`` for a broken percent escape.
    """
    pairs = (pair.split("=", 1) for pair in raw_query.split("&"))
    return "&".join("=".join(map(_reencode, pair)) for pair in pairs)


def _reencode(text: str) -> str:
    return "+".join(quote_from_bytes(_unescape(word), safe="") for word in text.split("+"))


def canonical_query(pairs: Iterable[tuple[str, str]]) -> str:
    """Return decoded parameters as S3 signs them: escaped, then sorted by name and value."""
    spelled = [(escaped(name), escaped(value)) for name, value in pairs]
    return "&".join(f"{name}={value}" for name, value in sorted(spelled))


def escaped(text: str) -> str:
    """Escape all but unreserved characters; lone surrogates become their original bytes."""
    return text if _UNRESERVED.fullmatch(text) else quote_from_bytes(_octets(text), safe="")


def fold_headers(headers: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Return headers as they are signed.

    Names become lower case; values are stripped and inner spaces collapsed; repeated headers are
    joined by commas in order.
    """
    folded: dict[str, list[str]] = {}
    for name, value in headers:
        bare = value.strip(_BLANKS)
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
    """Return the SHA-256 of the canonical request, in hexadecimal digits.

    Args:
        method: HTTP method.
        raw_path: Path as received, percent-encoded.
        query: Decoded parameters without the signature, from ``query_pairs``.
        headers: Headers from ``fold_headers``.
        signed_headers: Lower-case names; ``headers`` must have all of them (``KeyError``).
        payload_hash: Declared payload hash.

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
