"""The ways in which :mod:`bench.fuzz` uploads a file."""

from collections.abc import Callable, Mapping
from typing import Any, Final

import urllib3

Target = Mapping[str, str]
"""Bucket and key, as boto3 names them."""

Upload = Callable[[Any, Target, str, bytes], None]
"""Uploads a file: client, target, name of a bucket without a policy, and the file."""

_http: Final = urllib3.PoolManager(maxsize=8)


class Refused(Exception):
    """A form was refused.

    Attributes:
        status: HTTP status.
    """

    def __init__(self, status: int, text: str) -> None:
        super().__init__(f"{status} {text}")
        self.status = status


def _put(s3: Any, target: Target, _: str, data: bytes) -> None:
    s3.put_object(**target, Body=data)


def _form(s3: Any, target: Target, _: str, data: bytes) -> None:
    """Post a form as a browser does.

    Raises:
        Refused: the response is not 204.
    """
    post = s3.generate_presigned_post(target["Bucket"], target["Key"])
    fields = [*post["fields"].items(), ("file", ("x", data, "application/octet-stream"))]
    answer = _http.request("POST", post["url"], fields=fields, retries=False)
    if answer.status != 204:
        raise Refused(answer.status, answer.data.decode(errors="replace")[:200])


def _in_parts(s3: Any, target: Target, _: str, data: bytes) -> None:
    upload = {**target, "UploadId": s3.create_multipart_upload(**target)["UploadId"]}
    part = s3.upload_part(**upload, PartNumber=1, Body=data)
    parts = [{"PartNumber": 1, "ETag": part["ETag"]}]
    s3.complete_multipart_upload(**upload, MultipartUpload={"Parts": parts})


def _copy(s3: Any, target: Target, plain: str, data: bytes) -> None:
    """Upload where no policy is in force, and copy from there."""
    source = {"Bucket": plain, "Key": target["Key"]}
    s3.put_object(**source, Body=data)
    s3.copy_object(**target, CopySource=source)
    s3.delete_object(**source)


UPLOADS: Final[dict[str, Upload]] = {
    "put": _put, "form": _form, "parts": _in_parts, "copy": _copy,
}  # fmt: skip
