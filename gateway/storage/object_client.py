"""The store on behalf of one caller or job: all requests about objects go through here."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from http import HTTPStatus
from typing import Final, Protocol

from multidict import CIMultiDict

from slimgate.gateway.s3 import xml as s3xml
from slimgate.gateway.s3.access_control import Acl, Tags, read_acl, read_tags
from slimgate.gateway.s3.canonical import escaped
from slimgate.gateway.s3.identity import CredentialSource
from slimgate.gateway.s3.ranges import Range
from slimgate.gateway.s3.routing import Target
from slimgate.gateway.storage.connection_pool import Client, ConnectionHolder
from slimgate.gateway.storage.errors import CONFLICT, Changed, Denied, check_available
from slimgate.gateway.storage.messages import Request, Sending, read_bounded
from slimgate.gateway.storage.streamed_upload import is_streamed, streamed
from slimgate.gateway.storage.upstream import Upstream

_MAX_BYTES: Final = 1 << 16

# Stores without support for tags or ACLs, or objects without tags.
_NONE: Final = frozenset(
    {HTTPStatus.NOT_FOUND, HTTPStatus.METHOD_NOT_ALLOWED, HTTPStatus.NOT_IMPLEMENTED}
)


class ObjectClient(Protocol):
    """Access objects of the store, on behalf of one caller or job.

    Implementations provide :meth:`send`, :attr:`passed_along` and :meth:`altered`; the other
    methods build on them.
    All may be called repeatedly and concurrently. All raise ``S3Error``: ServiceUnavailable if the
    store cannot be reached or disconnects, SlowDown if no connection becomes free in time.
    """

    @property
    def passed_along(self) -> Mapping[str, str]:
        """Return the caller's headers for every request; none for a job."""
        ...

    def send(self, request: Request) -> Sending:
        """Send a request exactly as it is; any status is returned.

        Args:
            request: The request, with all headers.

        Returns:
            A context manager to enter once; the response is closed on exit.
        """
        ...

    def altered(
        self,
        *,
        source: CredentialSource | None = None,
        passed_along: Mapping[str, str] | None = None,
    ) -> "ObjectClient":
        """Return the same client for another caller, or with other headers.

        Args:
            source: Credentials of that caller; None: the same.
            passed_along: Headers for every request; None: the same.
        """
        ...

    def head(self, target: Target, version_id: str | None = None) -> Sending:
        """Send HEAD for an object.

        Args:
            target: Bucket and key.
            version_id: Version; None: the current one.
        """
        return self.send(self._about("HEAD", target, version_id))

    def get(
        self,
        target: Target,
        version_id: str | None = None,
        *,
        etag: str | None = None,
        part: Range | None = None,
    ) -> Sending:
        """Send GET for an object.

        Args:
            target: Bucket and key.
            version_id: Version; None: the current one.
            etag: ETag without quotes; otherwise the store responds with 412.
            part: Bytes to return; None: all.
        """
        request = self._about("GET", target, version_id)
        if part is not None:
            request = _with(request, {"Range": f"bytes={part.start}-{part.stop - 1}"})
        if etag is not None:
            request = _with(request, {"If-Match": f'"{etag}"'})
        return self.send(request)

    async def put_if_match(self, request: Request, etag: str) -> Mapping[str, str]:
        """Replace an object if it is unchanged.

        Args:
            request: A PUT with its body in memory.
            etag: ETag of the object to replace, without quotes.

        Returns:
            Response headers.

        Raises:
            Changed: The object is different or gone; nothing was written.
            Denied: The store does not permit it; nothing was written.
            S3Error: ServiceUnavailable; it may have been written.
        """
        # Ceph treats quotes in If-Match of a PUT as part of the ETag; others accept both forms.
        async with self.send(_with(request, {"If-Match": etag})) as response:
            status = str(response.status)
            if response.status in CONFLICT:
                raise Changed(f"PUT was answered with {status}", status)
            check_available(response)
            if response.status != HTTPStatus.OK:
                raise Denied(f"PUT was answered with {status}: may this key write it?", status)
            return response.headers

    def delete(self, target: Target, version_id: str | None = None) -> Sending:
        """Send DELETE for an object or one of its versions."""
        return self.send(self._about("DELETE", target, version_id))

    async def tags(self, target: Target, version_id: str | None = None) -> Tags:
        """Return the tags of an object; empty if the store does not support tags.

        Raises:
            Denied: They cannot be read.
        """
        answer = await self._subresource("tagging", target, version_id)
        return [] if answer is None else read_tags(answer)

    async def acl(self, target: Target, version_id: str | None = None) -> Acl | None:
        """Return the ACL of an object; None if the store does not support ACLs.

        Raises:
            Denied: It cannot be read.
        """
        answer = await self._subresource("acl", target, version_id)
        return None if answer is None else read_acl(answer)

    async def lock(self, bucket: str) -> bool:
        """Return whether a bucket has default retention.

        Without permission to ask, the bucket counts as ordinary: if it does have retention, the
        store refuses what is not allowed.
        """
        request = self._about("GET", Target(bucket, "", ""), subresource="object-lock")
        async with self.send(request) as response:
            if response.status != HTTPStatus.OK:
                return False
            root = s3xml.parse(await read_bounded(response, _MAX_BYTES))
        return any(s3xml.name(element) == "DefaultRetention" for element in root.iter())

    async def _subresource(
        self, name: str, target: Target, version_id: str | None
    ) -> s3xml.Element | None:
        request = self._about("GET", target, version_id, subresource=name)
        async with self.send(request) as response:
            if response.status in _NONE:
                return None
            check_available(response)
            if response.status != HTTPStatus.OK:
                message = f"its {name} cannot be read ({response.status}): allow this key to"
                raise Denied(message, name)
            return s3xml.parse(await read_bounded(response, _MAX_BYTES))

    def _about(
        self, method: str, target: Target, version_id: str | None = None, *, subresource: str = ""
    ) -> Request:
        version = f"versionId={escaped(version_id)}" if version_id else ""
        query = "&".join(filter(None, (subresource, version)))
        return Request(method, target, query, CIMultiDict(self.passed_along))


@dataclass(frozen=True, slots=True)
class Caller:
    """On whose behalf requests are sent.

    Attributes:
        source: Credentials that sign the requests; None: unsigned.
        client: Client address, whose share of the connections is limited; None: not limited.
        holder: Request that loses its connection when its client stalls and others wait.
        passed_along: Headers for requester pays and expected bucket owner.
    """

    source: CredentialSource | None
    client: Client = None
    holder: ConnectionHolder | None = None
    passed_along: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class UpstreamClient(ObjectClient):
    """The configured store, on behalf of a caller, or of a job by its credentials alone.

    Attributes:
        upstream: The open upstream.
        caller: The caller.
    """

    upstream: Upstream
    caller: Caller

    @property
    def passed_along(self) -> Mapping[str, str]:
        """Return the caller's headers for every request."""
        return self.caller.passed_along

    def altered(
        self,
        *,
        source: CredentialSource | None = None,
        passed_along: Mapping[str, str] | None = None,
    ) -> "UpstreamClient":
        """Return the same client for another caller, with the same share of the connections."""
        by = self.caller
        along = by.passed_along if passed_along is None else passed_along
        other = replace(by, source=source or by.source, passed_along=along)
        return replace(self, caller=other)

    def send(self, request: Request) -> Sending:
        """Send a request; see :meth:`slimgate.gateway.storage.upstream.Upstream.send`.

        An error in a client's body is raised as such.
        """
        body = request.body
        if is_streamed(body):
            return streamed(self._send, request, body, self.upstream.expectation)
        return self._send(request)

    def _send(self, request: Request) -> Sending:
        by = self.caller
        return self.upstream.send(request, by.source, by.client, by.holder)


def _with(request: Request, more: Mapping[str, str]) -> Request:
    headers = CIMultiDict(request.headers)
    headers.update(more)
    return replace(request, headers=headers)
