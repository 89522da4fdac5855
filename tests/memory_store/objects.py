"""Operations on one object of the store in memory."""

from collections.abc import Mapping
from dataclasses import replace
from email.utils import format_datetime
from http import HTTPStatus
from typing import Final
from urllib.parse import parse_qsl, unquote

from multidict import CIMultiDict

from slimgate.gateway.s3 import conditional, ranges
from slimgate.gateway.s3.conditional import Outcome, Representation
from slimgate.gateway.s3.errors import S3Error
from tests.memory_store.answers import Failure, MemoryResponse, element, xml
from tests.memory_store.buckets import ALL_USERS, Bucket, Grants, Version, md5

_KEPT: Final = frozenset(
    {
        "cache-control", "content-disposition", "content-encoding", "content-language",
        "content-type", "expires", "x-amz-storage-class", "x-amz-website-redirect-location",
        "x-amz-server-side-encryption",
    }
)  # fmt: skip

# What a copy never takes over from its source.
_OF_REQUEST: Final = (
    "x-amz-server-side-encryption", "x-amz-storage-class", "x-amz-website-redirect-location",
)  # fmt: skip

_GRANTED_BY: Final = {
    "x-amz-grant-full-control": "FULL_CONTROL",
    "x-amz-grant-read": "READ",
    "x-amz-grant-read-acp": "READ_ACP",
    "x-amz-grant-write-acp": "WRITE_ACP",
}


def described(headers: Mapping[str, str], owner: str) -> Version:
    """Return an object without content, as the headers of a write describe it."""
    kept = CIMultiDict(
        (name, value)
        for name, value in headers.items()
        if name.lower() in _KEPT or name.lower().startswith("x-amz-meta-")
    )
    kept.setdefault("Content-Type", "binary/octet-stream")
    tags = parse_qsl(headers.get("x-amz-tagging", ""), keep_blank_values=True)
    return Version(headers=kept, tags=tags, grants=_grants(headers, owner))


def _grants(headers: Mapping[str, str], owner: str) -> Grants:
    grants = [
        (permission, grantee.strip().partition("=")[2].strip('"'))
        for name, permission in _GRANTED_BY.items()
        for grantee in headers.get(name, "").split(",")
        if grantee.strip()
    ]
    if not grants:
        grants = [("FULL_CONTROL", owner)]
    if headers.get("x-amz-acl") == "public-read":
        grants.append(("READ", ALL_USERS))
    return grants


def put(bucket: Bucket, key: str, headers: Mapping[str, str], data: bytes) -> MemoryResponse:
    """Serve PutObject."""
    check_write(bucket, key, headers)
    version = described(headers, bucket.owner)
    version.data, version.etag = data, md5(data).hexdigest()
    bucket.add(key, version)
    return MemoryResponse(
        "PUT", HTTPStatus.OK, {"ETag": f'"{version.etag}"', **_name(bucket, version)}
    )


def check_write(bucket: Bucket, key: str, headers: Mapping[str, str]) -> None:
    """Check If-Match and If-None-Match of a write.

    Raises:
        Failure: They do not hold.
    """
    current = bucket.current(key)
    if "If-Match" in headers:
        if current is None:
            raise Failure(404, "NoSuchKey")
        if headers["If-Match"].strip('"') not in {current.etag, "*"}:
            raise Failure(412, "PreconditionFailed")
    if headers.get("If-None-Match") == "*" and current is not None:
        raise Failure(412, "PreconditionFailed")


def get(
    bucket: Bucket, method: str, version: Version, headers: Mapping[str, str]
) -> MemoryResponse:
    """Serve GetObject and HeadObject."""
    shown = {
        **version.headers,
        "ETag": f'"{version.etag}"',
        "Last-Modified": format_datetime(version.modified, usegmt=True),
        "Accept-Ranges": "bytes",
        **_name(bucket, version),
    }
    representation = Representation(version.etag, version.modified, frozenset({version.etag}))
    outcome = conditional.evaluate(headers, representation)
    if outcome is Outcome.PRECONDITION_FAILED:
        raise Failure(412, "PreconditionFailed")
    if outcome is Outcome.NOT_MODIFIED:
        return MemoryResponse(method, HTTPStatus.NOT_MODIFIED, shown)
    try:
        part = ranges.parse(headers.get("Range"), len(version.data))
    except S3Error as error:
        raise Failure(error.status, error.code) from error
    if part is None:
        return MemoryResponse(method, HTTPStatus.OK, shown, version.data)
    shown["Content-Range"] = part.content_range(len(version.data))
    data = version.data[part.start : part.stop]
    return MemoryResponse(method, HTTPStatus.PARTIAL_CONTENT, shown, data)


def delete(bucket: Bucket, key: str, version_id: str | None) -> MemoryResponse:
    """Serve DeleteObject."""
    marker = bucket.remove(key, version_id)
    shown = {} if marker is None else {"x-amz-delete-marker": "true", **_name(bucket, marker)}
    return MemoryResponse("DELETE", HTTPStatus.NO_CONTENT, shown)


def copy(bucket: Bucket, key: str, headers: Mapping[str, str], source: Version) -> MemoryResponse:
    """Serve CopyObject."""
    conditions = {
        name.removeprefix("x-amz-copy-source-"): value
        for name, value in ((n.lower(), v) for n, v in headers.items())
        if name.startswith("x-amz-copy-source-")
    }
    named = Representation(source.etag, source.modified, frozenset({source.etag}))
    if conditional.evaluate(conditions, named) is not Outcome.PROCEED:
        raise Failure(412, "PreconditionFailed")
    check_write(bucket, key, headers)
    about = described(headers, bucket.owner)
    if headers.get("x-amz-metadata-directive", "COPY").upper() != "REPLACE":
        own = {name: about.headers[name] for name in _OF_REQUEST if name in about.headers}
        kept = source.headers.items()
        about.headers = CIMultiDict((n, v) for n, v in kept if n.lower() not in _OF_REQUEST)
        about.headers.update(own)
    tags = about.tags if headers.get("x-amz-tagging-directive") == "REPLACE" else source.tags
    version = replace(about, data=source.data, etag=md5(source.data).hexdigest(), tags=tags)
    bucket.add(key, version)
    modified = f"{version.modified:%Y-%m-%dT%H:%M:%S.000Z}"
    inner = element("LastModified", modified) + element("ETag", f'"{version.etag}"')
    return xml("PUT", "CopyObjectResult", inner, _name(bucket, version))


def source_of(headers: Mapping[str, str]) -> tuple[str, str, str | None]:
    """Read a copy source: bucket, key and version."""
    path, _, query = headers["x-amz-copy-source"].partition("?")
    bucket, _, key = unquote(path).removeprefix("/").partition("/")
    return bucket, key, dict(parse_qsl(query)).get("versionId")


def tagging(version: Version) -> MemoryResponse:
    """Serve GetObjectTagging."""
    tags = "".join(f"<Tag>{element('Key', k)}{element('Value', v)}</Tag>" for k, v in version.tags)
    return xml("GET", "Tagging", f"<TagSet>{tags}</TagSet>")


def acl(version: Version, owner: str) -> MemoryResponse:
    """Serve GetObjectAcl."""
    grants = "".join(
        f"<Grant><Grantee>{_grantee(grantee)}</Grantee>{element('Permission', permission)}</Grant>"
        for permission, grantee in version.grants
    )
    inner = f"<Owner>{element('ID', owner)}</Owner><AccessControlList>{grants}</AccessControlList>"
    return xml("GET", "AccessControlPolicy", inner)


def _grantee(grantee: str) -> str:
    return element("URI" if grantee.startswith("http://") else "ID", grantee)


def _name(bucket: Bucket, version: Version) -> dict[str, str]:
    named = bucket.is_versioned or version.version_id != "null"
    return {"x-amz-version-id": version.version_id} if named else {}
