"""How requests travel: signatures, framing, lengths, checksums, and odd heads."""

import datetime
import hashlib
from collections.abc import Callable, Mapping
from typing import Final
from unittest import mock

from botocore.auth import S3SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from tests.e2e import wire
from tests.e2e.differential.lab import Lab, Step, Table, op, presigned, raw, sent, unsigned
from tests.e2e.framing import Frames

_PUT: Final = op("put_object", Key="k", Body=b"hello")
_READ: Final = (op("get_object", Key="k"), op("head_object", Key="k"))
_HELLO_CRC32: Final = "NhCmhg=="
_WRONG_CRC32: Final = "AAAAAA=="


def _signed_then(change: Callable[[dict[str, str]], Mapping[str, str]], method: str = "GET",
                 path: str = "/{bucket}/k", body: bytes = b"",
                     **options: object) -> Step:  # fmt: skip
    """Sign a request properly, then change its headers."""

    def step(lab: Lab) -> None:
        target = path.replace("{bucket}", lab.bucket)
        headers = wire.signed(lab.server, method, target, **options)  # type: ignore[arg-type]  # a table
        sent(lab, f"changed {method} {path}", method, target, change(headers), body)

    return step


def _framed(frames: Frames, body: bytes, crc32: str | None = None) -> Step:
    def step(lab: Lab) -> None:
        path = f"/{lab.bucket}/k"
        headers, framed = frames.upload(lab.server, path, body, crc32)
        sent(lab, f"framed {frames.value}", "PUT", path, headers, framed)

    return step


def _without(name: str) -> Callable[[dict[str, str]], Mapping[str, str]]:
    return lambda headers: {n: v for n, v in headers.items() if n.lower() != name}


def _with(**changes: str) -> Callable[[dict[str, str]], Mapping[str, str]]:
    named = {name.replace("_", "-"): value for name, value in changes.items()}
    return lambda headers: {**headers, **named}


def _hashed(digest: str, body: bytes = b"hello") -> Step:
    return _signed_then(_with(), "PUT", body=body, payload_hash=digest)


def _expired_link(lab: Lab) -> None:
    request = AWSRequest("GET", f"{lab.server.endpoint}/{lab.bucket}/k")
    then = datetime.datetime.now(datetime.UTC).replace(tzinfo=None) - datetime.timedelta(hours=1)
    keys = Credentials(lab.server.main.access, lab.server.main.secret)
    with mock.patch("botocore.auth.get_current_datetime", return_value=then):
        S3SigV4QueryAuth(keys, "s3", wire.REGION, expires=60).add_auth(request)
    path = request.url.removeprefix(lab.server.endpoint)
    sent(lab, "expired link", "GET", path, {"Host": lab.server.host}, b"")


_AGES: Final = {"ahead": datetime.timedelta(minutes=-20), "behind": datetime.timedelta(minutes=20)}
_AWS4: Final = "AWS4-HMAC-SHA256 Credential"
_AUTHORIZATIONS: Final = (
    "", "nonsense", "AWS main:signature", "AWS4-HMAC-SHA256", "Bearer abc",
        "Basic bWFpbjpzZWNyZXQ=",
    f"{_AWS4}=main/20200101/us-east-1/s3/aws4_request, SignedHeaders=host, Signature=0",
    f"{_AWS4}=unheard-of/20200101/us-east-1/s3/aws4_request, SignedHeaders=host, Signature=0",
)  # fmt: skip
_CHECKSUMS: Final = {
    "crc32": _HELLO_CRC32, "crc32c": "mnG7TA==", "sha1": "qvTGHdzF6KLavt4PO0gs2a6pQ00=",
    "sha256": "LPJNul+wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ=", "crc64nvme": "M3eFcAZSQlc=",
}  # fmt: skip

SCENARIOS: Final[Table] = {
    **{f"signed with {each[:20]!r} {number}": (_PUT, unsigned("GET", "/{bucket}/k",
        {"Authorization": each}))
       for number, each in enumerate(_AUTHORIZATIONS)},
    **{f"signed by a clock {what}": (_PUT, _signed_then(_with(), age=age)) for what,
        age in _AGES.items()},
    "signed without a date": (_PUT, _signed_then(_without("x-amz-date"))),
    "signed without a digest": (_PUT, _signed_then(_without("x-amz-content-sha256"))),
    "signed with a wrong signature": (_PUT, _signed_then(lambda h: {**h,
        "Authorization": h["Authorization"][:-2] + "00"})),
    "signed with a date that is none": (_PUT, _signed_then(_with(X_Amz_Date="yesterday"))),
    "signed, and another header": (_PUT, _signed_then(_with(Range="bytes=0-1"))),
    "signed, and another header of amazon": (_PUT, _signed_then(_with(x_amz_unheard_of="1"))),
    "signed for nothing, with a body": (_hashed(hashlib.sha256(b"").hexdigest()), *_READ),
    "signed with the digest": (_hashed(hashlib.sha256(b"hello").hexdigest()), *_READ),
    "signed without a digest of the body": (_hashed("UNSIGNED-PAYLOAD"), *_READ),
    "signed with a digest that is none": (_hashed("nonsense"), *_READ),
    "link that has expired": (_PUT, _expired_link),
    "link for too long": (_PUT, presigned("get_object", Key="k", expires_s=1_000_000)),
    "link used for another method": (_PUT, presigned("get_object", Key="k", Method="PUT",
        body=b"x"), *_READ),
    "link of a request with parameters": (
        _PUT, presigned("list_objects_v2", Prefix="k", Delimiter="/"),
            presigned("get_object_tagging", Key="k"),
        presigned("upload_part", Key="k", UploadId="none", PartNumber=1, Method="PUT", body=b"x"),
        presigned("create_multipart_upload", Key="k", Method="POST"),
    ),
    "link with a wrong signature": (_PUT, unsigned("GET",
        "/{bucket}/k?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=main%2F20200101%2F"
                                                   "us-east-1%2Fs3%2Faws4_request&X-Amz-Date=20200101T000000Z&X-Amz-Expires=9&"
                                                   "X-Amz-SignedHeaders=host&X-Amz-Signature=00",
                                                       {})),
    "link of half a signature": (_PUT, unsigned("GET", "/{bucket}/k?X-Amz-Signature=00", {})),
    **{f"framed as {frames.name} of {len(body)}": (_framed(frames, body), *_READ)
       for frames in Frames for body in (b"", b"hello", bytes(200_000))},
    **{f"framed as {frames.name} with a wrong checksum": (_framed(frames, b"hello",
        crc32=_WRONG_CRC32), *_READ) for frames in Frames},
    **{f"checksum {name}": (raw("PUT", "/{bucket}/k", {f"x-amz-checksum-{name}": value}, b"hello"),
                            op("head_object", Key="k", ChecksumMode="ENABLED"), op("get_object",
                                Key="k", ChecksumMode="ENABLED"))
       for name, value in _CHECKSUMS.items()},
    "checksum that is wrong": (raw("PUT", "/{bucket}/k", {"x-amz-checksum-crc32": _WRONG_CRC32},
        b"hello"), *_READ),
    "checksum that is none": (raw("PUT", "/{bucket}/k", {"x-amz-checksum-crc32": "x"}, b"hello"),
        *_READ),
    "checksum of an unknown kind": (raw("PUT", "/{bucket}/k", {"x-amz-checksum-crc8": "x"},
        b"hello"), *_READ),
    "checksums of two kinds": (raw("PUT", "/{bucket}/k", {"x-amz-checksum-crc32": _HELLO_CRC32,
                                   "x-amz-checksum-sha1": _CHECKSUMS["sha1"]}, b"hello"), *_READ),
    **{f"checksum by the client, {name}": (op("put_object", Key="k", Body=b"hello",
        ChecksumAlgorithm=name),
                                           op("get_object", Key="k", ChecksumMode="ENABLED"))
       for name in ("CRC32", "SHA1", "SHA256")},
    "length that is none": (_signed_then(_with(Content_Length="x"), "PUT"),),
    "length that is negative": (_signed_then(_with(Content_Length="-1"), "PUT"),),
    "length of nothing": (raw("PUT", "/{bucket}/k", {"Content-Length": "0"}), *_READ),
    "expect to be continued": (raw("PUT", "/{bucket}/k", {"Expect": "100-continue"}, b"hello"),
        *_READ),
    "expect the impossible": (_signed_then(_with(Expect="the-impossible"), "PUT", body=b"hello"),),
    "head of 6 KB": (raw("PUT", "/{bucket}/k", {"x-unheard-of": "x" * 6000}, b"hello"), *_READ),
    "head of 100 headers": (raw("PUT", "/{bucket}/k", {f"x-h-{n}": "x" for n in range(100)},
        b"hello"), *_READ),
    "head in capitals": (_signed_then(lambda h: {n.upper(): v for n, v in h.items()}), _PUT),
    "head with another host": (_PUT, unsigned("GET", "/{bucket}/k", {"Host": "elsewhere"})),
    "head with a virtual host": (
        _PUT, raw("GET", "/k", {"Host": "{bucket}.localhost"}), raw("GET", "/",
            {"Host": "{bucket}.localhost"}),
        raw("PUT", "/v", {"Host": "{bucket}.localhost"}, b"x"), raw("HEAD", "/v",
            {"Host": "{bucket}.localhost"}),
    ),
    "errors of HEAD have no body": (raw("HEAD", "/{bucket}/none"), raw("HEAD", "/nobody-has-this"),
        unsigned("HEAD", "/{bucket}/none", {})),
}  # fmt: skip
