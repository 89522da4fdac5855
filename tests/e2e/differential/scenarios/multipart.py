"""Uploads in parts: completed, aborted, listed, copied into, and done wrong."""

from typing import Any, Final

from tests.e2e.differential.lab import Scenario, Step, Table, got, op, raw

_ID: Final = got("UploadId")
_FIVE_MIB: Final = bytes(5 << 20)
_CREATE: Final = op("create_multipart_upload", Key="k", ContentType="text/x", Metadata={"a": "1"})


def _part(number: int, body: bytes = b"x", **more: Any) -> Step:
    return op("upload_part", Key="k", UploadId=_ID, PartNumber=number, Body=body, **more)


def _etag(number: int) -> Any:
    return got("ETag", number, "upload_part")


def _complete(*parts: tuple[int, object], **more: Any) -> Step:
    listed = [{"PartNumber": number, "ETag": etag} for number, etag in parts]
    return op("complete_multipart_upload", Key="k", UploadId=_ID, MultipartUpload={"Parts": listed},
        **more)  # fmt: skip


_READ: Final[Scenario] = (
    op("get_object", Key="k"), op("head_object", Key="k"), op("list_objects_v2"),
        op("list_multipart_uploads"),
)  # fmt: skip
_ONE: Final[Scenario] = (_CREATE, _part(1), _complete((1, _etag(0))))
_BODIES: Final = {
    "empty": b"", "no XML": b"nonsense", "of another kind": b"<Other/>",
        "without parts": b"<CompleteMultipartUpload/>",
    "with a part that is no number":
        b"<CompleteMultipartUpload><Part><PartNumber>x</PartNumber><ETag>y</ETag></Part>"
                                     b"</CompleteMultipartUpload>",
    "with a part without a tag":
        b"<CompleteMultipartUpload><Part><PartNumber>1</PartNumber></Part>"
        b"</CompleteMultipartUpload>",
}  # fmt: skip

SCENARIOS: Final[Table] = {
    "parts, one": (*_ONE, *_READ),
    "parts, none": (_CREATE, _complete(), *_READ),
    "parts, two": (
        _CREATE, _part(1, _FIVE_MIB), _part(2, b"end"), _complete((1, _etag(0)), (2, _etag(1))),
            op("head_object", Key="k"),
        op("get_object", Key="k", PartNumber=2), op("head_object", Key="k", PartNumber=1),
            op("get_object", Key="k", PartNumber=3),
        op("get_object", Key="k", Range="bytes=-4"),
        op("get_object_attributes", Key="k", ObjectAttributes=["ObjectParts", "ETag",
            "ObjectSize"]),
    ),
    "parts with gaps": (_CREATE, _part(7), _complete((7, _etag(0))), *_READ),
    "parts too small": (_CREATE, _part(1), _part(2), _complete((1, _etag(0)), (2, _etag(1))),
        *_READ),
    "parts out of order": (_CREATE, _part(1, _FIVE_MIB), _part(2), _complete((2, _etag(1)), (1,
        _etag(0))), *_READ),
    "parts sent again": (_CREATE, _part(1, b"old"), _part(1, b"new"), _complete((1, _etag(1))),
        *_READ),
    "parts sent again and the old wanted": (_CREATE, _part(1, b"old"), _part(1, b"new"),
        _complete((1, _etag(0))), *_READ),
    "parts with a wrong tag": (_CREATE, _part(1), _complete((1,
        '"00000000000000000000000000000000"')), *_READ),
    "parts that were never sent": (_CREATE, _part(1), _complete((1, _etag(0)), (2, _etag(0))),
        *_READ),
    "parts numbered wrongly": (
        _CREATE, _part(0), _part(10000), _part(10001), raw("PUT",
            "/{bucket}/k?uploadId=x&partNumber=1", body=b"x"),
        raw("PUT", "/{bucket}/k?partNumber=1", body=b"x"), raw("PUT",
            "/{bucket}/k?partNumber=x&uploadId=y", body=b"x"),
    ),
    "parts of no upload": (
        op("upload_part", Key="k", UploadId="none", PartNumber=1, Body=b"x"), op("list_parts",
            Key="k", UploadId="none"),
        op("abort_multipart_upload", Key="k", UploadId="none"),
        op("complete_multipart_upload", Key="k", UploadId="none",
            MultipartUpload={"Parts": [{"PartNumber": 1, "ETag": "x"}]}),
    ),
    "parts of another key": (_CREATE, op("upload_part", Key="other", UploadId=_ID, PartNumber=1,
        Body=b"x")),
    "parts of no bucket": (op("create_multipart_upload", Bucket="nobody-has-this", Key="k"),),
    "parts by another": (_CREATE, op("upload_part", Key="k", UploadId=_ID, PartNumber=1, Body=b"x",
        by="alt"),
                         op("list_parts", Key="k", UploadId=_ID, by="alt"),
                             op("abort_multipart_upload", Key="k", UploadId=_ID, by="alt"),
                         op("create_multipart_upload", Key="k", by="nobody")),
    "parts given up": (
        _CREATE, _part(1), op("abort_multipart_upload", Key="k", UploadId=_ID), op("list_parts",
            Key="k", UploadId=_ID), _part(2),
        op("abort_multipart_upload", Key="k", UploadId=_ID), *_READ[2:],
    ),
    "parts completed twice": (*_ONE, _complete((1, _etag(0))), *_READ[:1]),
    "parts listed": (
        _CREATE, _part(1, b"a"), _part(2, b"bb"), _part(5, b"ccc"), op("list_parts", Key="k",
            UploadId=_ID),
        op("list_parts", Key="k", UploadId=_ID, MaxParts=1), op("list_parts", Key="k", UploadId=_ID,
            MaxParts=1, PartNumberMarker=1),
        op("list_parts", Key="k", UploadId=_ID, MaxParts=0), op("list_parts", Key="k", UploadId=_ID,
            PartNumberMarker=9),
        op("list_multipart_uploads"), op("list_objects_v2"), op("abort_multipart_upload", Key="k",
            UploadId=_ID),
    ),
    "parts of several uploads listed": (
        op("create_multipart_upload", Key="a/1"), op("create_multipart_upload", Key="a/2"),
            op("create_multipart_upload", Key="b"),
        op("list_multipart_uploads"), op("list_multipart_uploads", MaxUploads=1),
            op("list_multipart_uploads", Delimiter="/"),
        op("list_multipart_uploads", Prefix="a/"), op("list_multipart_uploads", KeyMarker="a/2"),
        op("list_multipart_uploads", EncodingType="url"),
        *(op("abort_multipart_upload", Key=key, UploadId=got("UploadId", n,
            "create_multipart_upload"))
          for n, key in enumerate(("a/1", "a/2", "b"))),
    ),
    "parts with an acl and tags": (
        op("create_multipart_upload", Key="k", ACL="public-read", Tagging="a=1",
            CacheControl="no-cache", ContentEncoding="gzip"),
        _part(1), _complete((1, _etag(0))), *_READ, op("get_object_acl", Key="k"),
            op("get_object_tagging", Key="k"),
    ),
    "parts with a wrong digest": (_CREATE, _part(1, ContentMD5="XrY7u+Ae7tCTyyK7j1rNww=="),
        op("list_parts", Key="k", UploadId=_ID)),
    "parts with a digest": (_CREATE, _part(1, b"hello", ContentMD5="XUFAKrxLKna5cZ2REBfFkg=="),
        _complete((1, _etag(0))), *_READ),
    "parts that are empty": (_CREATE, _part(1, b""), _complete((1, _etag(0))), *_READ),
    "parts copied": (
        op("put_object", Key="s", Body=_FIVE_MIB), op("put_object", Key="e d", Body=b"0123456789"),
            _CREATE,
        op("upload_part_copy", Key="k", UploadId=_ID, PartNumber=1, CopySource="{bucket}/s"),
        op("upload_part_copy", Key="k", UploadId=_ID, PartNumber=2,
            CopySource={"Bucket": "{bucket}", "Key": "e d"}, CopySourceRange="bytes=2-5"),
        _complete((1, got("CopyPartResult.ETag", 0)), (2, got("CopyPartResult.ETag", 1))),
            op("get_object", Key="k", Range="bytes=-6"),
        op("head_object", Key="k"),
    ),
    "parts copied wrongly": (
        op("put_object", Key="s", Body=b"0123456789"), _CREATE,
        *(op("upload_part_copy", Key="k", UploadId=_ID, PartNumber=1, CopySource="{bucket}/s",
            CopySourceRange=each)
          for each in ("bytes=0-10", "bytes=9-100", "bytes=100-200", "bytes=5-2", "bytes=0", "0-2",
              "bytes=a-b", "bytes=0-1,3-4")),
        op("upload_part_copy", Key="k", UploadId=_ID, PartNumber=1, CopySource="{bucket}/none"),
        op("upload_part_copy", Key="k", UploadId="none", PartNumber=1, CopySource="{bucket}/s"),
        op("upload_part_copy", Key="k", UploadId=_ID, PartNumber=1, CopySource="{bucket}/s",
            CopySourceIfMatch='"other"'),
        op("abort_multipart_upload", Key="k", UploadId=_ID),
    ),
    "parts completed on condition": (
        op("put_object", Key="k", Body=b"old"), _CREATE, _part(1), _complete((1, _etag(0)),
            IfNoneMatch="*"), op("get_object", Key="k"),
    ),
    "parts over an object": (op("put_object", Key="k", Body=b"old"), *_ONE, *_READ),
    "parts removed after": (*_ONE, op("delete_object", Key="k"), *_READ),
    **{f"parts completed with a body {what}": (_CREATE, _part(1), raw("POST",
        f"/{{bucket}}/k?uploadId=none{number}", body=body),
                                               op("abort_multipart_upload", Key="k", UploadId=_ID))
       for number, (what, body) in enumerate(_BODIES.items())},
    "parts with checksums": (
        op("create_multipart_upload", Key="k", ChecksumAlgorithm="CRC32"), _part(1, b"hello",
            ChecksumAlgorithm="CRC32"),
        _complete((1, _etag(0))), op("head_object", Key="k", ChecksumMode="ENABLED"),
    ),
    "parts with unknown methods": (raw("POST", "/{bucket}/k?uploads=x"), raw("GET",
        "/{bucket}/k?uploads"), raw("DELETE", "/{bucket}/k?uploads"),
                                   raw("PUT", "/{bucket}/k?uploads", body=b"x"), raw("HEAD",
                                       "/{bucket}/k?uploadId=x")),
}  # fmt: skip
