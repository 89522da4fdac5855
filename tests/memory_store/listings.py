"""Listings of the store in memory."""

from collections.abc import Iterator, Mapping
from urllib.parse import quote

from tests.memory_store.answers import MemoryResponse, element, xml
from tests.memory_store.buckets import Bucket, Version


def list_objects(bucket: Bucket, parameters: Mapping[str, str]) -> MemoryResponse:
    """Serve ListObjects and ListObjectsV2, without delimiters."""
    in_order, most = sorted(bucket.keys, key=_octets), int(parameters.get("max-keys", 1000))
    after = _octets(
        parameters.get("continuation-token")
        or parameters.get("start-after")
        or parameters.get("marker", "")
    )
    prefix = parameters.get("prefix", "")
    found = [
        (key, current)
        for key in in_order
        if key.startswith(prefix)
        and _octets(key) > after
        and (current := bucket.current(key)) is not None
    ]
    page, is_truncated = found[:most], len(found) > most
    inner = element("IsTruncated", "true" if is_truncated else "false")
    if is_truncated and "list-type" in parameters:
        inner += element("NextContinuationToken", page[-1][0])
    inner += _encoding(parameters)
    for key, version in page:
        inner += f"<Contents>{_entry(key, version, parameters)}</Contents>"
    return xml("GET", "ListBucketResult", inner)


def list_versions(bucket: Bucket, parameters: Mapping[str, str]) -> MemoryResponse:
    """Serve ListObjectVersions, on one page."""
    inner = element("IsTruncated", "false") + _encoding(parameters)
    for key, version, is_latest in _versions(bucket, parameters.get("prefix", "")):
        named = element("VersionId", version.version_id)
        named += element("IsLatest", "true" if is_latest else "false")
        if version.is_marker:
            inner += (
                f"<DeleteMarker>{element('Key', _spelled(key, parameters))}{named}</DeleteMarker>"
            )
        else:
            inner += f"<Version>{_entry(key, version, parameters)}{named}</Version>"
    return xml("GET", "ListVersionsResult", inner)


def _versions(bucket: Bucket, prefix: str) -> Iterator[tuple[str, Version, bool]]:
    for key in sorted(bucket.keys, key=_octets):
        if key.startswith(prefix):
            latest = bucket.keys[key][-1]
            for version in reversed(bucket.keys[key]):
                yield key, version, version is latest


def _entry(key: str, version: Version, parameters: Mapping[str, str]) -> str:
    return (
        element("Key", _spelled(key, parameters))
        + element("LastModified", f"{version.modified:%Y-%m-%dT%H:%M:%S.000Z}")
        + element("ETag", f'"{version.etag}"')
        + element("Size", len(version.data))
        + element("StorageClass", version.headers.get("x-amz-storage-class", "STANDARD"))
    )


def _encoding(parameters: Mapping[str, str]) -> str:
    return element("EncodingType", "url") if parameters.get("encoding-type") == "url" else ""


def _spelled(key: str, parameters: Mapping[str, str]) -> str:
    is_encoded = parameters.get("encoding-type") == "url"
    return quote(key, safe="/", errors="surrogateescape") if is_encoded else key


def _octets(key: str) -> bytes:
    return key.encode(errors="surrogateescape")
