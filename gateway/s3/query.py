"""Read a query: parameters of the operation, the signature, and headers that stand in it.

A presigned URL carries ``x-amz-`` headers as parameters. Stores heed them there, some of them
(Ceph, for metadata) whether or not the URL is signed. They become headers here, once, so that
whatever judges a request finds them in one place.
"""

import functools
from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Final, NamedTuple

from multidict import CIMultiDict, CIMultiDictProxy

from gateway.s3 import sigv2
from gateway.s3.authorization import SIGNATURE_PARAMETER
from gateway.s3.canonical import query_pairs
from gateway.s3.checksums import OF_NOTHING
from gateway.s3.errors import S3Error
from gateway.s3.header_names import check_carried, check_header
from gateway.s3.sigv2_text import PARAMETERS

# They sign, and nothing else; S3 knows no other parameter that begins so and is not a header.
_SIGNATURE: Final = frozenset(
    {
        "x-amz-algorithm", "x-amz-credential", "x-amz-date", "x-amz-expires",
        "x-amz-security-token", SIGNATURE_PARAMETER, "x-amz-signedheaders",
    }
)  # fmt: skip

_PAYLOAD_HASH: Final = "x-amz-content-sha256"

# What signers of version 2 move into the query as well.
_BODY_HEADERS: Final = frozenset({"content-md5", "content-type"})

_SDK_ALGORITHM: Final = "x-amz-sdk-checksum-algorithm"

# What strangers send must not stay: 8,000 parameters are a megabyte.
_SHORT: Final = 2048
_FEW: Final = 64


class Query(NamedTuple):
    """What stands in a query.

    Attributes:
        text: What goes upstream: neither signature nor headers, otherwise as it was sent.
        parameters: The same, decoded; the first of several equal names counts.
        headers: Names in lower case, each of them once, and values.
    """

    text: str
    parameters: Mapping[str, str]
    headers: tuple[tuple[str, str], ...]


def read(raw_query: str) -> Query:
    """Take a query apart; what was read lately and is short is at hand.

    Args:
        raw_query: As sent, without ``?``.

    Raises:
        S3Error: InvalidURI for a broken percent escape; InvalidArgument for a header twice, with
            control characters, or oddly spelled; InvalidRequest for a reserved one.
    """
    short = len(raw_query) <= _SHORT and raw_query.count("&") <= _FEW
    return _read_lately(raw_query) if short else _read(raw_query)


def _read(raw_query: str) -> Query:
    parts = [part for part in raw_query.split("&") if part]
    pairs = query_pairs(raw_query)
    version_2 = sigv2.is_presigned(raw_query)
    signing = _SIGNATURE
    if any(name.lower() == SIGNATURE_PARAMETER for name, _ in pairs):
        signing |= {_PAYLOAD_HASH}  # judged with the signature
    kept: list[str] = []
    carried: list[tuple[str, str]] = []
    for part, (name, value) in zip(parts, pairs, strict=True):
        lower = name.lower()
        if lower in signing or (version_2 and name in PARAMETERS):
            continue
        if check_carried(name) or (version_2 and lower in _BODY_HEADERS):
            carried.append((lower, _checked(lower, value)))
        else:
            kept.append(part)
    if len({name for name, _ in carried}) != len(carried):
        raise S3Error("InvalidArgument", "The query has a header twice; say it once.")
    text = "&".join(kept)
    parameters = MappingProxyType(dict(reversed(query_pairs(text))))
    return Query(text, parameters, _of_a_body(carried))


_read_lately = functools.lru_cache(maxsize=256)(_read)


def _of_a_body(carried: list[tuple[str, str]]) -> tuple[tuple[str, str], ...]:
    """Drop the checksum of an empty body, and the name of its algorithm.

    The AWS SDK for JavaScript (3.729 and later) signs it into presigned URLs, because there is no
    body yet. Amazon S3 heeds no checksum there, and such URLs would else take no upload at all.
    """
    if OF_NOTHING.isdisjoint(carried):
        return tuple(carried)
    return tuple(pair for pair in carried if pair not in OF_NOTHING and pair[0] != _SDK_ALGORITHM)


def _checked(name: str, value: str) -> str:
    if any(char < " " or char == "\x7f" for char in value):
        raise S3Error("InvalidArgument", f"The value of {name} has control characters.")
    return value.strip(" ")


def merged(
    sent: CIMultiDictProxy[str], carried: Iterable[tuple[str, str]]
) -> CIMultiDictProxy[str]:
    """Put the headers of a query beside those that were sent as such.

    A header that is sent more than once is one list, which is how it is signed and sent on: what is
    judged must not be its first line alone.

    Args:
        sent: The headers of the request.
        carried: Those of its query.

    Raises:
        S3Error: InvalidArgument for a header that differs in both places, or with an underscore in
            its name; InvalidRequest for a reserved one.
    """
    for name in sent:
        check_header(name)
    repeated = len(frozenset(map(str.lower, sent))) < len(sent)
    if not carried and not repeated:
        return sent
    both = _joined(sent) if repeated else CIMultiDict(sent)
    for name, value in carried:
        # Signers of version 2 repeat in the URL what the client has to send as headers anyway.
        if both.getall(name, [value]) != [value]:
            raise S3Error("InvalidArgument", f"{name} is said twice; say it once.")
        both[name] = value
    return CIMultiDictProxy(both)


def _joined(sent: Mapping[str, str]) -> CIMultiDict[str]:
    both: CIMultiDict[str] = CIMultiDict()
    for name, value in sent.items():
        both[name] = f"{both[name]},{value}" if name in both else value
    return both
