"""The store as a tool sees it: objects are looked at, read, and replaced unless they changed."""

import asyncio
import hashlib
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, replace
from http import HTTPStatus
from typing import Final

from multidict import CIMultiDict

from codec.containers import sniff
from codec.manifest import Manifest
from codec.reasons import Reason, Refused
from gateway.optimize.pipeline import SNIFFED
from gateway.s3 import headers
from gateway.s3.canonical import escaped
from gateway.s3.errors import S3Error
from gateway.s3.identity import Identity
from gateway.s3.routing import Target
from gateway.storage.completed_object import Plain
from gateway.storage.manifest_seals import Seals
from gateway.storage.messages import Response
from gateway.storage.stored_object import read_manifest
from gateway.storage.upstream import UNREACHABLE, Request, Upstream

_TRY_AGAIN: Final = frozenset({HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_MANY_REQUESTS})
CONFLICT: Final = frozenset(
    {HTTPStatus.PRECONDITION_FAILED, HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT}
)
"""Answers to a PutObject with If-Match: another ETag, no object, or another such write just now."""


class Changed(Exception):
    """Somebody else has written to the object or removed it meanwhile; theirs is what counts."""


class Denied(Exception):
    """The store refuses what the tool needs; the message says what."""


@dataclass(frozen=True, slots=True)
class Seen:
    """An object as it was looked at.

    Attributes:
        target: Bucket and key.
        size: Stored bytes.
        headers: Of the store's answer.
        manifest: How to restore it; None: it is plain.
    """

    target: Target
    size: int
    headers: CIMultiDict[str]
    manifest: Manifest | None

    @property
    def state(self) -> Plain:
        """Give ETag and version."""
        return Plain(headers.bare_etag(self.headers), self.headers.get("x-amz-version-id"))


class Store:
    """The upstream, with the key pair of who runs the tool.

    Args:
        upstream: Already open.
        identity: Whose key signs the requests.
        seals: Who reads and writes manifests.
    """

    def __init__(self, upstream: Upstream, identity: Identity, seals: Seals) -> None:
        self.seals = seals
        self._upstream = upstream
        self._identity = identity

    def send(self, request: Request) -> AbstractAsyncContextManager[Response]:
        """Send a request; see :meth:`gateway.storage.upstream.Upstream.send`."""
        return self._upstream.send(request, self._identity)

    async def look(self, target: Target) -> Seen:
        """Look at an object with HEAD.

        Raises:
            Changed: It is not there any more.
            Refused: It is not to be read without a key of the customer's.
            Denied: The store does not let the tool look.
            S3Error: ServiceUnavailable when the store does not answer; InternalError when the
                manifest cannot be read.
        """
        async with self.send(Request("HEAD", target)) as response:
            _check(response, "HEAD")
            if response.status == HTTPStatus.BAD_REQUEST:
                raise Refused(Reason.CUSTOMER_KEY, "HEAD was answered with 400")
            if response.status != HTTPStatus.OK:
                raise Denied(f"HEAD was answered with {response.status}: may this key read it?")
            said = headers.end_to_end(response.headers.items())
            note = said.get(headers.MANIFEST)
            manifest = None if note is None else read_manifest(note, self.seals)
            return Seen(target, response.content_length or 0, said, manifest)

    async def look_again(self, seen: Seen) -> Seen:
        """Look once more right before a write, so that what is said of the object is up to date.

        Raises:
            Changed: It is another object now.
            Refused, Denied, S3Error: As :meth:`look`.
        """
        now = await self.look(seen.target)
        same_type = now.headers.get("Content-Type") == seen.headers.get("Content-Type")
        if now.state != seen.state or now.manifest != seen.manifest or not same_type:
            raise Changed
        return now

    async def read(self, seen: Seen, wanted: Callable[[str | None], bool] | None = None) -> bytes:
        """Read exactly the object that was looked at.

        Args:
            seen: What it is.
            wanted: Judges the type of image that the first bytes show; what is not wanted is not
                read any further.

        Raises:
            Changed: It is another object now.
            Refused: It is not wanted.
            Denied: The store does not give it.
            S3Error: ServiceUnavailable when the store does not answer or breaks off.
        """
        condition = CIMultiDict({"If-Match": f'"{seen.state.etag}"'})
        async with self.send(Request("GET", seen.target, headers=condition)) as response:
            _check(response, "GET")
            if response.status != HTTPStatus.OK or response.content_length != seen.size:
                raise Denied(f"GET was answered with {response.status}: may this key read it?")
            try:
                head = await response.content.readexactly(min(SNIFFED, seen.size))
                if wanted is not None and not wanted(sniff(head)):
                    raise Refused(Reason.TYPE)
                return head + await response.content.readexactly(seen.size - len(head))
            except (asyncio.IncompleteReadError, *UNREACHABLE) as error:
                raise S3Error("ServiceUnavailable") from error

    async def replace(self, seen: Seen, request: Request) -> None:
        """Write to an object on condition that nobody else has.

        Args:
            seen: What is replaced.
            request: A PUT, its body at hand.

        Raises:
            Changed: It is another object now, or gone; nothing was written.
            Denied: The store does not take it.
            S3Error: ServiceUnavailable when the store does not answer: it may have been written.
        """
        # Ceph takes the quotes of a PUT's If-Match for a part of the ETag.
        said = CIMultiDict(request.headers)
        said["If-Match"] = seen.state.etag
        async with self.send(replace(request, headers=said)) as response:
            if response.status in CONFLICT:
                raise Changed
            _check(response, "PUT")
            if response.status != HTTPStatus.OK:
                raise Denied(f"PUT was answered with {response.status}: may this key write it?")

    async def remove(self, target: Target, version_id: str | None) -> bool:
        """Remove a version; tell whether the store did."""
        query = f"versionId={escaped(version_id)}" if version_id else ""
        async with self.send(Request("DELETE", target, query)) as response:
            return response.status in {HTTPStatus.OK, HTTPStatus.NO_CONTENT}


def whole_request(target: Target, said: CIMultiDict[str], data: bytes) -> Request:
    """Make the request that stores a file as it is."""
    digest = hashlib.sha256(data).hexdigest()
    return Request("PUT", target, "", said, data, len(data), digest)


def _check(response: Response, method: str) -> None:
    if response.status in {HTTPStatus.NOT_FOUND, HTTPStatus.PRECONDITION_FAILED}:
        raise Changed
    if response.status in _TRY_AGAIN or response.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        raise S3Error("ServiceUnavailable", f"The store answered {method} with {response.status}.")
