"""Archive the original of every optimized upload in a bucket of the owner's choice.

The copy is written before the rendition. Its key follows from bucket, key and MD5 of the upload,
all of which the managed object records. No other bookkeeping is necessary, and originals of
successive uploads to one key do not replace each other.
"""

import base64
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final

from multidict import CIMultiDict

from slimgate.codec.manifest import Manifest
from slimgate.codec.reasons import Reason, Refused
from slimgate.config import Originals
from slimgate.gateway.s3 import xml as s3xml
from slimgate.gateway.s3.digests import md5_hex, sha256_hex
from slimgate.gateway.s3.errors import S3Error
from slimgate.gateway.s3.headers import bare_etag
from slimgate.gateway.s3.identity import CredentialSource
from slimgate.gateway.s3.routing import MAX_KEY_BYTES, Target, key_target
from slimgate.gateway.storage.messages import Request, Response, read_bounded
from slimgate.gateway.storage.object_client import ObjectClient

_MAX_ERROR_BYTES: Final = 1 << 16

# The original is encrypted as the object itself.
_ENCRYPTION: Final = "x-amz-server-side-encryption"


class NoOriginal(Exception):
    """The original cannot be returned; the message says why.

    ``Missing`` means that there is none, ``Archived`` that it has to be restored first.
    """


class Missing(NoOriginal):
    """There is no original of this object."""


class Archived(NoOriginal):
    """The original is in an archive class."""


def target_of(originals: Originals, uploaded: Target, md5: str) -> Target:
    """Return bucket and key of an original.

    Args:
        originals: Setting of the policy, with ``keep`` set.
        uploaded: Target of the upload.
        md5: MD5 of the upload, 32 hex digits.

    Raises:
        Refused: The key would exceed the S3 limit.
    """
    key = f"{originals.prefix}{uploaded.bucket}/{uploaded.key}/{md5}"
    if len(key.encode(errors="surrogateescape")) > MAX_KEY_BYTES:
        raise Refused(Reason.KEY_LENGTH)
    return key_target(originals.keep or "", key)


@dataclass(frozen=True, slots=True)
class Archive:
    """Where originals are written and read.

    Attributes:
        credentials: Returns the credentials for an access key, for policies that name one: clients
            then need no rights in the archive, and cannot plant or delete anything there.
    """

    credentials: Callable[[str], CredentialSource | None] = lambda _: None

    async def keep(
        self,
        client: ObjectClient,
        originals: Originals,
        request: Request,
        manifest: Manifest,
        data: bytes,
    ) -> None:
        """Archive the original of an object that is about to be optimized.

        The store verifies the MD5. An existing copy is not written again, because archive classes
        would charge for both. A HEAD checks that: some versions of Ceph answer every conditional
        write with 412. Another file there, even of the same size, is no copy; its
        ETag tells. Where ETags are no MD5s (SSE-KMS), copies are written again.

        Args:
            client: Client of the store, for the uploading caller; an access key of the setting is
                used instead.
            originals: Setting of the policy; without a bucket, nothing happens.
            request: Request that would store the upload: target and encryption.
            manifest: Manifest of the rendition.
            data: The upload.

        Raises:
            Refused: It cannot be archived, so the object has to stay as it is.
        """
        if originals.keep is None or await md5_hex(data) != manifest.md5:
            return  # a copy of a restored file: its original is archived elsewhere
        headers = _encryption(request.headers)
        headers["Content-Type"] = manifest.content_type
        headers["Content-MD5"] = base64.b64encode(bytes.fromhex(manifest.md5)).decode()
        if originals.storage_class is not None:
            headers["x-amz-storage-class"] = originals.storage_class
        target = target_of(originals, request.target, manifest.md5)
        client = self._client(originals, client)
        digest = await sha256_hex(data)
        try:
            async with client.send(Request("HEAD", target)) as response:
                if response.status == HTTPStatus.OK and bare_etag(response.headers) == manifest.md5:
                    return
            async with client.send(
                Request("PUT", target, "", headers, data, len(data), digest)
            ) as response:
                if response.status != HTTPStatus.OK:
                    raise Refused(Reason.ESCROW, f"answered with {response.status}")
        except S3Error as error:
            raise Refused(Reason.ESCROW, error.message) from error

    async def fetch(
        self, client: ObjectClient, originals: Originals, uploaded: Target, manifest: Manifest
    ) -> bytes:
        """Return the original of a managed object.

        Args:
            client: Client of the store; an access key of the setting is used instead.
            originals: Setting of the policy that the object was stored under.
            uploaded: Target of the upload.
            manifest: Manifest of the object.

        Raises:
            Missing: There is no original.
            Archived: It has to be restored from an archive class first.
            NoOriginal: It cannot be read, or is another file.
            S3Error: ServiceUnavailable if the store cannot be reached or its response is unusable.
        """
        if originals.keep is None:
            raise Missing("the policy keeps no originals: set originals.keep to their bucket")
        try:
            target = target_of(originals, uploaded, manifest.md5)
        except Refused as error:
            raise Missing(str(error)) from error
        try:
            client = self._client(originals, client)
        except Refused as error:
            raise NoOriginal(str(error)) from error
        where = f"s3://{target.bucket}/{target.key}"
        async with client.send(Request("GET", target)) as response:
            if response.status == HTTPStatus.NOT_FOUND:
                raise Missing(f"{where} does not exist")
            if response.status != HTTPStatus.OK:
                raise await _refusal(response, where)
            data = await read_bounded(response, manifest.size)
        if await md5_hex(data) != manifest.md5:
            raise NoOriginal(f"{where} is not the uploaded file: its MD5 differs")
        return data

    def _client(self, originals: Originals, client: ObjectClient) -> ObjectClient:
        """Return the client that may write and read originals.

        Raises:
            Refused: The access key was added to the configuration after the gateway was started.
        """
        if originals.access_key is None:
            return client
        source = self.credentials(originals.access_key)
        if source is None:
            raise Refused(Reason.ESCROW, "restart the gateway for its access key")
        return client.altered(source=source, passed_along={})


async def _refusal(response: Response, where: str) -> Exception:
    if response.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return S3Error("ServiceUnavailable")
    body = await read_bounded(response, _MAX_ERROR_BYTES)
    code = s3xml.text(s3xml.parse(body), "Code") if body else ""
    if code == "InvalidObjectState":
        return Archived(
            f"{where} is archived: restore it with RestoreObject (aws s3api restore-object), wait "
            "until that is done, and try again"
        )
    return NoOriginal(f"{where} cannot be read: {code or response.status}")


def _encryption(headers: Mapping[str, str]) -> CIMultiDict[str]:
    return CIMultiDict(
        (name, value) for name, value in headers.items() if name.lower().startswith(_ENCRYPTION)
    )
