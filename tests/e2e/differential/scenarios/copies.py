"""Copies, and the removal of many objects at once."""

from typing import Any, Final

from tests.e2e.differential.lab import BUCKET, Step, Table, got, op, raw

_PUT: Final = op("put_object", Key="s", Body=b"source", ContentType="text/s", Metadata={"a": "1"},
    Tagging="t=1",
                 CacheControl="no-cache")  # fmt: skip
_READ: Final = (
    op("get_object", Key="c"),
    op("get_object_tagging", Key="c"),
    op("get_object_acl", Key="c"),
)
_FROM: Final = f"{BUCKET}/s"
_SOURCES: Final = (
    "/{bucket}/s", "{bucket}%2Fs", "%2F{bucket}%2Fs", "{bucket}", "{bucket}/", "/", "", "none",
        "nobody-has-this/s", "{bucket}/none",
    "{bucket}/s?versionId=null", "{bucket}/s?versionId=", "{bucket}/s?other=1", "{bucket}/%zz",
        "{bucket}/%ff", "{bucket}//s",
)  # fmt: skip
_OLD, _NEW = "Sat, 01 Jan 2000 00:00:00 GMT", "Fri, 01 Jan 2100 00:00:00 GMT"
_CONDITIONS: Final[dict[str, dict[str, Any]]] = {
    "the same": {"x-amz-copy-source-if-match": got("ETag", 0)},
    "another": {"x-amz-copy-source-if-match": '"0123456789abcdef0123456789abcdef"'},
    "not the same": {"x-amz-copy-source-if-none-match": got("ETag", 0)},
    "not another": {"x-amz-copy-source-if-none-match": '"0123456789abcdef0123456789abcdef"'},
    "changed since long ago": {"x-amz-copy-source-if-modified-since": _OLD},
    "changed since the future": {"x-amz-copy-source-if-modified-since": _NEW},
    "unchanged since long ago": {"x-amz-copy-source-if-unmodified-since": _OLD},
    "unchanged since the future": {"x-amz-copy-source-if-unmodified-since": _NEW},
}


def _copy(**more: Any) -> Step:
    return op("copy_object", **{"Key": "c", "CopySource": _FROM, **more})


def _removal(count: int, quiet: bool = False) -> Step:
    keys = [{"Key": f"k{number}"} for number in range(count)]
    return op("delete_objects", Delete={"Objects": keys, "Quiet": quiet})


_MD5_OF_EMPTY: Final = "1B2M2Y8AsgTpgAmY7PhCfg=="

SCENARIOS: Final[Table] = {
    "copy": (_PUT, _copy(), *_READ),
    "copy with new metadata": (_PUT, _copy(MetadataDirective="REPLACE", Metadata={"b": "2"},
        ContentType="text/c"), *_READ),
    "copy with metadata but no directive": (_PUT, _copy(Metadata={"b": "2"}), *_READ),
    "copy with a directive alone": (_PUT, _copy(MetadataDirective="REPLACE"), *_READ),
    "copy with an unknown directive": (_PUT, raw("PUT", "/{bucket}/c", {"x-amz-copy-source": _FROM,
        "x-amz-metadata-directive": "MERGE"})),
    "copy with new tags": (_PUT, _copy(TaggingDirective="REPLACE", Tagging="u=2"), *_READ),
    "copy with an acl": (_PUT, _copy(ACL="public-read"), *_READ, op("get_object", Key="c",
        by="nobody")),
    "copy with a storage class": (_PUT, _copy(StorageClass="STANDARD"), *_READ),
    "copy onto itself": (_PUT, _copy(Key="s"), op("get_object", Key="s")),
    "copy onto itself with new metadata": (_PUT, _copy(Key="s", MetadataDirective="REPLACE",
        Metadata={"b": "2"}), op("get_object", Key="s")),
    "copy over another": (_PUT, op("put_object", Key="c", Body=b"old"), _copy(), *_READ),
    "copy of nothing": (op("put_object", Key="s", Body=b""), _copy(), *_READ),
    "copy of a megabyte": (op("put_object", Key="s", Body=bytes(1 << 20)), _copy(),
        op("head_object", Key="c")),
    "copy of an odd key": (op("put_object", Key="a +%ä?b", Body=b"x"),
        _copy(CopySource={"Bucket": BUCKET, "Key": "a +%ä?b"}), *_READ),
    "copy by another": (_PUT, op("copy_object", Key="c", CopySource=_FROM, by="alt")),
    "copy by nobody": (_PUT, op("copy_object", Key="c", CopySource=_FROM, by="nobody")),
    "copy to no bucket": (_PUT, _copy(Bucket="nobody-has-this")),
    "copy to another bucket": (_PUT, op("create_bucket", Bucket=f"{BUCKET}-2"),
        _copy(Bucket=f"{BUCKET}-2"),
                               op("get_object", Bucket=f"{BUCKET}-2", Key="c"), op("delete_object",
                                   Bucket=f"{BUCKET}-2", Key="c"),
                               op("delete_bucket", Bucket=f"{BUCKET}-2")),
    **{f"copy from {source!r}": (_PUT, raw("PUT", "/{bucket}/c", {"x-amz-copy-source": source}),
        op("list_objects_v2")) for source in _SOURCES},
    **{f"copy when {what}": (_PUT, raw("PUT", "/{bucket}/c", {"x-amz-copy-source": _FROM, **each}),
        op("list_objects_v2"))
       for what, each in _CONDITIONS.items()},
    "copy with a body": (_PUT, raw("PUT", "/{bucket}/c", {"x-amz-copy-source": _FROM}, b"body"),
        *_READ),
    "copy with a range": (_PUT, raw("PUT", "/{bucket}/c", {"x-amz-copy-source": _FROM,
        "x-amz-copy-source-range": "bytes=0-1"}), *_READ),
    "copy with a checksum": (_PUT, _copy(ChecksumAlgorithm="SHA256"), op("head_object", Key="c",
        ChecksumMode="ENABLED")),
    "removal of one": (_PUT, op("delete_object", Key="s"), op("delete_object", Key="s"),
        op("get_object", Key="s")),
    "removal of many": (*(op("put_object", Key=f"k{n}", Body=b"x") for n in range(3)), _removal(5),
        op("list_objects_v2")),
    "removal of many in silence": (*(op("put_object", Key=f"k{n}", Body=b"x") for n in range(3)),
        _removal(3, quiet=True), op("list_objects_v2")),
    "removal of a thousand": (_removal(1000),),
    "removal of too many": (_removal(1001),),
    "removal of odd keys": (op("put_object", Key="a&<b> \"c'", Body=b"x"), op("put_object",
        Key="ä/", Body=b"x"),
                            op("delete_objects", Delete={"Objects": [{"Key": "a&<b> \"c'"},
                                {"Key": "ä/"}]}), op("list_objects_v2")),
    "removal by another": (_PUT, op("delete_objects", Delete={"Objects": [{"Key": "s"}]}, by="alt"),
                           op("delete_objects", Delete={"Objects": [{"Key": "s"}]}, by="nobody"),
                               op("head_object", Key="s")),
    "removal from no bucket": (op("delete_objects", Bucket="nobody-has-this",
        Delete={"Objects": [{"Key": "s"}]}),),
    "removal without a digest": (_PUT, raw("POST", "/{bucket}?delete",
        body=b"<Delete><Object><Key>s</Key></Object></Delete>")),
    "removal with a wrong digest": (_PUT, raw("POST", "/{bucket}?delete",
        {"Content-MD5": _MD5_OF_EMPTY},
                                              b"<Delete><Object><Key>s</Key></Object></Delete>"),
                                                  op("list_objects_v2")),
    "removal of nothing": (raw("POST", "/{bucket}?delete", {"Content-MD5": _MD5_OF_EMPTY}),
        raw("POST", "/{bucket}?delete", body=b"<Delete/>")),
    "removal with a broken body": (raw("POST", "/{bucket}?delete", body=b"<Delete><Object>"),),
    "removal of a folder": (op("put_object", Key="d/", Body=b""), op("put_object", Key="d/f",
        Body=b"x"), op("delete_object", Key="d/"),
                            op("list_objects_v2")),
    "removal on condition": (_PUT, raw("DELETE", "/{bucket}/s", {"If-Match": '"other"'}),
        op("head_object", Key="s"),
                             raw("DELETE", "/{bucket}/s", {"If-Match": got("ETag", 0)}),
                                 op("head_object", Key="s")),
}  # fmt: skip
