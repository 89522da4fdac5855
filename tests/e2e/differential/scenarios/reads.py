"""Reads of a part, on condition, and in other words than those of the upload."""

from typing import Final

from tests.e2e.differential.lab import Scenario, Step, Table, got, op, presigned, raw

_BODY: Final = bytes(range(100))
_PUT: Final = op("put_object", Key="k", Body=_BODY, ContentType="text/plain")
_EMPTY: Final = op("put_object", Key="k", Body=b"")
_RANGES: Final = (
    "bytes=0-0", "bytes=0-9", "bytes=10-", "bytes=-10", "bytes=-1000", "bytes=90-1000",
        "bytes=99-99",
    "bytes=100-", "bytes=100-200", "bytes=-0", "bytes=5-4", "bytes=0-1,5-6", "bytes=0-,0-",
        "bytes=",
    "bytes", "lines=0-1", "bytes=a-b", "bytes= 0-1", "Bytes=0-1", "bytes=0-1,", "bytes=--1",
    "bytes=0-99999999999999999999",
)  # fmt: skip
_OTHER: Final = '"0123456789abcdef0123456789abcdef"'
_OLD, _NEW, _NO_DATE = "Sat, 01 Jan 2000 00:00:00 GMT", "Fri, 01 Jan 2100 00:00:00 GMT", "yesterday"
_ETAG: Final = got("ETag")
_CONDITIONS: Final[dict[str, dict[str, object]]] = {
    "same etag wanted": {"If-Match": _ETAG},
    "other etag wanted": {"If-Match": _OTHER},
    "any etag wanted": {"If-Match": "*"},
    "one of two etags wanted": {"If-Match": lambda lab: f"{_OTHER}, {_ETAG(lab)}"},
    "bare etag wanted": {"If-Match": lambda lab: str(_ETAG(lab)).strip('"')},
    "same etag known": {"If-None-Match": _ETAG},
    "other etag known": {"If-None-Match": _OTHER},
    "any etag known": {"If-None-Match": "*"},
    "weak etag known": {"If-None-Match": lambda lab: f"W/{_ETAG(lab)}"},
    "changed since long ago": {"If-Modified-Since": _OLD},
    "changed since the future": {"If-Modified-Since": _NEW},
    "changed since no date": {"If-Modified-Since": _NO_DATE},
    "unchanged since long ago": {"If-Unmodified-Since": _OLD},
    "unchanged since the future": {"If-Unmodified-Since": _NEW},
    "same etag and unchanged": {"If-Match": _ETAG, "If-Unmodified-Since": _OLD},
    "other etag known and changed": {"If-None-Match": _OTHER, "If-Modified-Since": _NEW},
    "same etag known with a range": {"If-None-Match": _ETAG, "Range": "bytes=0-1"},
    "range of the same": {"If-Range": _ETAG, "Range": "bytes=0-1"},
    "range of another": {"If-Range": _OTHER, "Range": "bytes=0-1"},
    "range since long ago": {"If-Range": _OLD, "Range": "bytes=0-1"},
}
_OVERRIDES: Final = (
    "response-content-type=image%2Fpng", "response-content-language=de", "response-expires=0",
    "response-cache-control=no-cache", "response-content-encoding=x",
    "response-content-disposition=attachment%3B%20filename%3D%22a%20b%22",
)  # fmt: skip


def _both(headers: dict[str, object], *before: Step) -> Scenario:
    read = "/{bucket}/k"
    return (*before, raw("GET", read, headers), raw("HEAD", read, headers))


SCENARIOS: Final[Table] = {
    **{f"read of {each}": _both({"Range": each}, _PUT) for each in _RANGES},
    **{f"read of nothing, {each}": _both({"Range": each}, _EMPTY)
       for each in ("bytes=0-", "bytes=0-9", "bytes=-1", "bytes=-0")},
    "read of two ranges": _both({"Range": "bytes=0-1, 3-4"}, _PUT),
    "read of a range of none": _both({"Range": "bytes=0-1"}),
    **{f"read when {what}": _both(each, _PUT) for what, each in _CONDITIONS.items()},
    "read of none when any etag is wanted": _both({"If-Match": "*"}),
    **{f"read with {each.partition('=')[0]}": (_PUT, raw("GET", f"/{{bucket}}/k?{each}"),
                                               raw("HEAD", f"/{{bucket}}/k?{each}"))
       for each in _OVERRIDES},
    "read with an override by nobody": (
        op("put_object", Key="k", Body=_BODY, ACL="public-read"),
        raw("GET", "/{bucket}/k?response-content-type=a%2Fb", by="nobody"),
    ),
    "read by a link": (_PUT, presigned("get_object", Key="k"),
                       presigned("head_object", Key="k", Method="HEAD"),
                       presigned("get_object", Key="none"), presigned("list_objects_v2")),
    "read by a link with overrides": (
        _PUT, presigned("get_object", Key="k", ResponseContentType="a/b",
                        ResponseContentDisposition='attachment; filename="ä b"'),
    ),
    "write by a link": (
        presigned("put_object", Key="k", Method="PUT", body=b"x"), op("get_object", Key="k"),
        presigned("delete_object", Key="k", Method="DELETE"), op("get_object", Key="k"),
    ),
    "read of a part of a plain object": (
        _PUT, op("get_object", Key="k", PartNumber=1), op("head_object", Key="k", PartNumber=1),
        op("get_object", Key="k", PartNumber=2), raw("GET", "/{bucket}/k?partNumber=0"),
        raw("GET", "/{bucket}/k?partNumber=x"),
    ),
    "read with a checksum wanted": (
        _PUT, op("get_object", Key="k", ChecksumMode="ENABLED"),
        op("head_object", Key="k", ChecksumMode="ENABLED"),
    ),
    "read with a body": (_PUT, raw("GET", "/{bucket}/k", body=b"unexpected")),
    "read of a folder": (op("put_object", Key="d/", Body=b""), op("head_object", Key="d/"),
                         op("get_object", Key="d/"), op("head_object", Key="d")),
    "write on condition": (
        _PUT, op("put_object", Key="k", Body=b"2", IfNoneMatch="*"),
        op("put_object", Key="k", Body=b"3", IfMatch=_OTHER), op("get_object", Key="k"),
        op("put_object", Key="k", Body=b"4", IfMatch=got("ETag", 0)), op("get_object", Key="k"),
        op("put_object", Key="new", Body=b"5", IfMatch="*"), op("get_object", Key="new"),
    ),
}  # fmt: skip
