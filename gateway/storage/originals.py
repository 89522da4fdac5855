"""Originals: a copy of each upload whose rendition is stored, in a bucket of the owner's choice.

The copy is written before the rendition. Its key follows from bucket, key and MD5 of the upload:
the managed object tells all of them, so that nothing needs to be noted down, and the originals of
successive uploads to one key do not replace each other.
"""

import base64
from collections.abc import Mapping
from http import HTTPStatus
from typing import Final

from multidict import CIMultiDict

from codec.manifest import Manifest
from codec.reasons import Reason, Refused
from config import Originals
from gateway.s3 import xml as s3xml
from gateway.s3.digests import md5_hex, sha256_hex
from gateway.s3.errors import S3Error
from gateway.s3.routing import Target, key_target
from gateway.storage.messages import Request, Response, read_bounded
from gateway.storage.object_client import ObjectClient

_MAX_KEY_BYTES: Final = 1024  # S3 user guide, "Creating object key names"
_MAX_ERROR_BYTES: Final = 1 << 16

# It is kept under the same keys as the object itself.
_ENCRYPTION: Final = "x-amz-server-side-encryption"


class NoOriginal(Exception):
    """The original cannot be given back; the message says why.

    ``Missing`` says that there is none, ``Archived`` that it takes a while.
    """


class Missing(NoOriginal):
    """No original is kept of this object."""


class Archived(NoOriginal):
    """The original lies in a storage class that has to be asked first."""


def target_of(originals: Originals, uploaded: Target, md5: str) -> Target:
    """Say where the original of an object is kept.

    Args:
        originals: The policy's setting; its ``keep`` is set.
        uploaded: Bucket and key that it was uploaded to.
        md5: Of the upload, 32 hex digits.

    Raises:
        Refused: The key would be longer than S3 allows.
    """
    key = f"{originals.prefix}{uploaded.bucket}/{uploaded.key}/{md5}"
    if len(key.encode(errors="surrogateescape")) > _MAX_KEY_BYTES:
        raise Refused(Reason.KEY_LENGTH)
    return key_target(originals.keep or "", key)


async def keep(
    client: ObjectClient, originals: Originals, request: Request, manifest: Manifest, data: bytes
) -> None:
    """Keep the original of an object that is about to be stored small.

    The store verifies the MD5. What is kept already is not written a second time: in an archive
    class the earlier copy would have to be paid for all the same. (It is looked for first: some
    versions of Ceph answer a conditional write with 412 whatever is there.)

    Args:
        client: On behalf of the caller who uploads.
        originals: The policy's setting; nothing is done when it names no bucket.
        request: As it would store the upload: where, and how it is encrypted.
        manifest: Of the rendition.
        data: The upload.

    Raises:
        Refused: It cannot be kept, so the object has to stay as it is.
    """
    if originals.keep is None or await md5_hex(data) != manifest.md5:
        return  # a copy that was made of a restored file: its original is kept elsewhere
    headers = _encryption(request.headers)
    headers["Content-Type"] = manifest.content_type
    headers["Content-MD5"] = base64.b64encode(bytes.fromhex(manifest.md5)).decode()
    if originals.storage_class is not None:
        headers["x-amz-storage-class"] = originals.storage_class
    target = target_of(originals, request.target, manifest.md5)
    digest = await sha256_hex(data)
    try:
        async with client.send(Request("HEAD", target)) as response:
            if response.status == HTTPStatus.OK and response.content_length == len(data):
                return
        async with client.send(
            Request("PUT", target, "", headers, data, len(data), digest)
        ) as response:
            if response.status != HTTPStatus.OK:
                raise Refused(Reason.ESCROW, f"answered with {response.status}")
    except S3Error as error:
        raise Refused(Reason.ESCROW, error.message) from error


async def fetch(
    client: ObjectClient, originals: Originals, uploaded: Target, manifest: Manifest
) -> bytes:
    """Give the original of a managed object.

    Args:
        client: On behalf of a caller or job that may read originals.
        originals: The setting of the policy that the object was stored under.
        uploaded: Bucket and key that it was uploaded to.
        manifest: Of the managed object.

    Raises:
        Missing: None is kept.
        Archived: It has to be brought back from an archive class first.
        NoOriginal: It cannot be read, or what is kept is another file.
        S3Error: ServiceUnavailable when the store cannot be reached or gives no usable answer.
    """
    if originals.keep is None:
        raise Missing("the policy keeps no originals: set originals.keep to where they are")
    try:
        target = target_of(originals, uploaded, manifest.md5)
    except Refused as error:
        raise Missing(str(error)) from error
    where = f"s3://{target.bucket}/{target.key}"
    async with client.send(Request("GET", target)) as response:
        if response.status == HTTPStatus.NOT_FOUND:
            raise Missing(f"there is no {where}")
        if response.status != HTTPStatus.OK:
            raise await _refusal(response, where)
        data = await read_bounded(response, manifest.size)
    if await md5_hex(data) != manifest.md5:
        raise NoOriginal(f"{where} is not the file that was uploaded: its MD5 is another")
    return data


async def _refusal(response: Response, where: str) -> Exception:
    if response.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return S3Error("ServiceUnavailable")
    body = await read_bounded(response, _MAX_ERROR_BYTES)
    code = s3xml.text(s3xml.parse(body), "Code") if body else ""
    if code == "InvalidObjectState":
        return Archived(
            f"{where} is archived: ask for it with RestoreObject (aws s3api restore-object), wait "
            "until it is there, and try again"
        )
    return NoOriginal(f"{where} cannot be read: {code or response.status}")


def _encryption(headers: Mapping[str, str]) -> CIMultiDict[str]:
    return CIMultiDict(
        (name, value) for name, value in headers.items() if name.lower().startswith(_ENCRYPTION)
    )
