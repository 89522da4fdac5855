"""Split a query into operation parameters, the signature, and headers.

A presigned URL carries ``x-amz-`` headers as parameters. Stores honour them, some (Ceph, for
metadata) even if the URL is not signed. They become headers here, so that all checks find them in
one place.
"""

import functools
from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Final, NamedTuple

from multidict import CIMultiDict, CIMultiDictProxy

from slimgate.gateway.s3 import sigv2
from slimgate.gateway.s3.authorization import SIGNATURE_PARAMETER
from slimgate.gateway.s3.canonical import query_pairs
from slimgate.gateway.s3.checksums import EMPTY_BODY_CHECKSUMS
from slimgate.gateway.s3.errors import S3Error
from slimgate.gateway.s3.header_names import check_header, names_amz_header
from slimgate.gateway.s3.sigv2_text import PARAMETERS

# Parameters of the signature; every other x-amz- parameter of S3 is a header.
_SIGNATURE: Final = frozenset(
    {
        "x-amz-algorithm", "x-amz-credential", "x-amz-date", "x-amz-expires",
        "x-amz-security-token", SIGNATURE_PARAMETER, "x-amz-signedheaders",
    }
)  # fmt: skip

_PAYLOAD_HASH: Final = "x-amz-content-sha256"

# Version 2 signers move these into the query as well.
_BODY_HEADERS: Final = frozenset({"content-md5", "content-type"})

_SDK_ALGORITHM: Final = "x-amz-sdk-checksum-algorithm"

# Do not cache long queries: 8,000 parameters take a megabyte.
_MAX_CACHED_CHARS: Final = 2048
_MAX_CACHED_PARAMETERS: Final = 64


MAX_PARAMETERS: Final = 1000
"""Most parameters of a query: operations have a dozen, and metadata in presigned URLs 2 KB."""


class Query(NamedTuple):
    """The parts of a query.

    Attributes:
        text: The query to send upstream: without signature and headers, otherwise as sent.
        parameters: The same, decoded; the first of repeated names counts.
        headers: Unique lower-case names, and values.
    """

    text: str
    parameters: Mapping[str, str]
    headers: tuple[tuple[str, str], ...]


def check_count(raw_query: str) -> None:
    """Bound the number of parameters: each is decoded, encoded and compared several times.

    Args:
        raw_query: Query as sent, without ``?``.

    Raises:
        S3Error: InvalidArgument.
    """
    if raw_query.count("&") >= MAX_PARAMETERS:
        message = f"The query has more than {MAX_PARAMETERS:,} parameters."
        raise S3Error("InvalidArgument", message)


def read(raw_query: str) -> Query:
    """Split a query; short ones are cached.

    Args:
        raw_query: Query as sent, without ``?``.

    Raises:
        S3Error: InvalidURI for a broken percent escape; InvalidArgument for a header that is
            repeated, oddly spelled or has control characters; InvalidRequest for a reserved one.
    """
    short = len(raw_query) <= _MAX_CACHED_CHARS and raw_query.count("&") <= _MAX_CACHED_PARAMETERS
    return _read_cached(raw_query) if short else _read(raw_query)


def _read(raw_query: str) -> Query:
    parts = [part for part in raw_query.split("&") if part]
    pairs = query_pairs(raw_query)
    version_2 = sigv2.is_presigned(raw_query)
    signing = _SIGNATURE
    if any(name.lower() == SIGNATURE_PARAMETER for name, _ in pairs):
        signing |= {_PAYLOAD_HASH}  # verified with the signature
    kept: list[str] = []
    carried: list[tuple[str, str]] = []
    for part, (name, value) in zip(parts, pairs, strict=True):
        lower = name.lower()
        if lower in signing or (version_2 and name in PARAMETERS):
            continue
        if names_amz_header(name) or (version_2 and lower in _BODY_HEADERS):
            carried.append((lower, _checked(lower, value)))
        else:
            kept.append(part)
    if len({name for name, _ in carried}) != len(carried):
        raise S3Error("InvalidArgument", "The query repeats a header; send it once.")
    text = "&".join(kept)
    parameters = MappingProxyType(dict(reversed(query_pairs(text))))
    return Query(text, parameters, _without_empty_checksum(carried))


_read_cached = functools.lru_cache(maxsize=256)(_read)


def _without_empty_checksum(carried: list[tuple[str, str]]) -> tuple[tuple[str, str], ...]:
    """Remove the checksum of an empty body, and its algorithm.

    The AWS SDK for JavaScript (3.729 and later) signs it into presigned URLs, because there is no
    body yet. Amazon S3 ignores it; otherwise such URLs would accept no upload at all.
    """
    if EMPTY_BODY_CHECKSUMS.isdisjoint(carried):
        return tuple(carried)
    return tuple(
        pair for pair in carried if pair not in EMPTY_BODY_CHECKSUMS and pair[0] != _SDK_ALGORITHM
    )


def _checked(name: str, value: str) -> str:
    if any(char < " " or char == "\x7f" for char in value):
        raise S3Error("InvalidArgument", f"The value of {name} contains control characters.")
    return value.strip(" ")


def merged(
    sent: CIMultiDictProxy[str], carried: Iterable[tuple[str, str]]
) -> CIMultiDictProxy[str]:
    """Return the headers of a request together with those in its query.

    Repeated headers are joined into a list, as they are signed and forwarded, so that checks do not
    see only the first line.

    Args:
        sent: Headers of the request.
        carried: Headers in its query.

    Raises:
        S3Error: InvalidArgument for a header that differs in both places, or has an underscore in
            its name; InvalidRequest for a reserved one.
    """
    for name in sent:
        check_header(name)
    repeated = len(frozenset(map(str.lower, sent))) < len(sent)
    if not carried and not repeated:
        return sent
    both = _joined(sent) if repeated else CIMultiDict(sent)
    for name, value in carried:
        # Version 2 signers repeat in the URL what the client also sends as headers.
        if both.getall(name, [value]) != [value]:
            raise S3Error(
                "InvalidArgument", f"{name} differs in the header and in the query; send it once."
            )
        both[name] = value
    return CIMultiDictProxy(both)


def _joined(sent: Mapping[str, str]) -> CIMultiDict[str]:
    both: CIMultiDict[str] = CIMultiDict()
    for name, value in sent.items():
        both[name] = f"{both[name]},{value}" if name in both else value
    return both
