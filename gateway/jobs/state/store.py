"""The objects of a job: small, plain, and written only under conditions."""

import hashlib
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, replace
from http import HTTPStatus
from typing import Final, NamedTuple

from multidict import CIMultiDict

from slimgate.gateway.jobs.address import Place
from slimgate.gateway.jobs.listing import Entry, page
from slimgate.gateway.jobs.repetition import PAUSES_S, repeated
from slimgate.gateway.s3 import headers
from slimgate.gateway.s3.errors import S3Error
from slimgate.gateway.s3.routing import MAX_KEY_BYTES, Target, key_target
from slimgate.gateway.storage.conditional_writes import check_conditional_writes, check_created_once
from slimgate.gateway.storage.errors import CONFLICT, Changed, Denied, check_available
from slimgate.gateway.storage.messages import Request, read_bounded
from slimgate.gateway.storage.object_client import ObjectClient

MAX_BYTES: Final = 64 << 20
"""Largest object of a job, bytes."""

_MAX_PREFIX_BYTES: Final = MAX_KEY_BYTES - 128


class Stored(NamedTuple):
    """An object of a job.

    Attributes:
        data: Content.
        etag: ETag without quotes.
        headers: Response headers, case-insensitive; with ``Date`` and ``Last-Modified``.
    """

    data: bytes
    etag: str
    headers: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class JobStore:
    """The prefix of a job in the store.

    All methods may be called concurrently, and repeat a request a few times while the store does
    not respond. A write that was repeated is told from that of another process by its content,
    which must therefore name its writer wherever that matters.

    Attributes:
        client: Client of the store.
        place: Bucket and prefix; the objects are below ``prefix/``.
        pauses_s: Longest pauses before further attempts, with full jitter, seconds.

    Raises:
        ValueError: The prefix is too long.
    """

    client: ObjectClient
    place: Place
    pauses_s: tuple[float, ...] = PAUSES_S

    def __post_init__(self) -> None:
        if len(self.place.key.encode(errors="surrogateescape")) > _MAX_PREFIX_BYTES:
            raise ValueError(f"the prefix of a job has at most {_MAX_PREFIX_BYTES} bytes")

    def __str__(self) -> str:
        """Return the address of the job."""
        return str(self.place).rstrip("/")

    def at(self, name: str) -> "JobStore":
        """Return a folder below the prefix."""
        return replace(self, place=Place(self.place.bucket, self._key(name)))

    async def check(self) -> None:
        """Check that the store supports the conditional writes that jobs rely on.

        Raises:
            Denied: It does not, or does not permit writing; the message says which.
            S3Error: The store does not respond.
        """
        await check_conditional_writes(self.client, self.place.bucket, self._key(""))
        await check_created_once(self.client, self.place.bucket, self._key(""))

    async def read(self, name: str, max_bytes: int = MAX_BYTES) -> Stored | None:
        """Return an object; None if there is none.

        Args:
            name: Name below the prefix.
            max_bytes: Largest object to read.

        Raises:
            Denied: The store does not permit reading it.
            S3Error: InternalError if it is larger, ServiceUnavailable if the store does not
                respond.
        """

        async def once() -> Stored | None:
            async with self.client.get(self._target(name)) as response:
                if response.status == HTTPStatus.NOT_FOUND:
                    return None
                self._check(response.status, name, "read")
                check_available(response)
                data = await read_bounded(response, max_bytes)
                return Stored(data, headers.bare_etag(response.headers), response.headers.copy())

        return await repeated(once, self.pauses_s)

    async def exists(self, name: str) -> bool:
        """Return whether there is an object.

        Raises:
            Denied: The store does not permit asking.
            S3Error: ServiceUnavailable if the store does not respond.
        """

        async def once() -> bool:
            async with self.client.head(self._target(name)) as response:
                if response.status == HTTPStatus.NOT_FOUND:
                    return False
                self._check(response.status, name, "read")
                check_available(response)
                return True

        return await repeated(once, self.pauses_s)

    async def create(self, name: str, data: bytes) -> str:
        """Create an object and return its ETag, without quotes.

        Raises:
            Changed: There is one with other content.
            Denied: The store does not permit it.
            S3Error: ServiceUnavailable if the store does not respond.
        """
        return await self._write(name, data, {"If-None-Match": "*"})

    async def replace(self, name: str, data: bytes, etag: str) -> str:
        """Replace an object and return its new ETag, without quotes.

        Args:
            name: Name below the prefix.
            data: New content.
            etag: ETag of the object to replace, without quotes.

        Raises:
            Changed: It has been replaced or deleted.
            Denied: The store does not permit it.
            S3Error: ServiceUnavailable if the store does not respond.
        """
        # Ceph treats quotes in If-Match of a PUT as part of the ETag; others accept both forms.
        return await self._write(name, data, {"If-Match": etag})

    async def delete(self, name: str) -> None:
        """Delete an object, if there is one.

        Raises:
            Denied: The store does not permit it.
            S3Error: ServiceUnavailable if the store does not respond.
        """

        async def once() -> None:
            async with self.client.delete(self._target(name)) as response:
                check_available(response)
                if response.status != HTTPStatus.NOT_FOUND:
                    self._check(response.status, name, "deleted")

        await repeated(once, self.pauses_s)

    async def names(self, folder: str, after: str = "") -> AsyncIterator[list[str]]:
        """Yield the names below a folder, as :meth:`entries`."""
        async for found in self.entries(folder, after):
            yield [entry.key for entry in found]

    async def entries(self, folder: str, after: str = "") -> AsyncIterator[list[Entry]]:
        """Yield what is below a folder in order of the names' bytes, up to 1,000 at a time.

        The keys are names below the prefix.

        Args:
            folder: Name below the prefix that ends in a slash; empty: all.
            after: Name after which to start.

        Raises:
            Denied: The store does not permit listing.
            S3Error: The store does not respond, or not as S3 does.
        """
        skipped = len(self._key(""))
        within = Place(self.place.bucket, self._key(folder))
        marker, more = self._key(after) if after else "", True

        async def once() -> tuple[list[Entry], bool]:
            return await page(self.client, within, marker)

        while more:
            entries, more = await repeated(once, self.pauses_s)
            if entries:
                marker = entries[-1].key
                yield [entry._replace(key=entry.key[skipped:]) for entry in entries]

    async def _write(self, name: str, data: bytes, condition: Mapping[str, str]) -> str:
        digest = hashlib.sha256(data).hexdigest()
        request = Request(
            "PUT", self._target(name), "", CIMultiDict(condition), data, len(data), digest
        )

        async def once() -> str | None:
            async with self.client.send(request) as response:
                if response.status == HTTPStatus.CONFLICT:
                    # A concurrent write under the same condition: S3 wants a new attempt.
                    raise S3Error("ServiceUnavailable")
                if response.status in CONFLICT:
                    return None
                check_available(response)
                self._check(response.status, name, "written")
                return headers.bare_etag(response.headers)

        # An attempt without a response may have succeeded, so the content decides.
        return await repeated(once, self.pauses_s) or await self._written(name, data)

    async def _written(self, name: str, data: bytes) -> str:
        """Return the ETag of an object with this content.

        Raises:
            Changed: It has another content, or is gone.
        """
        found = await self.read(name)
        if found is None or found.data != data:
            raise Changed(f"{self}/{name} was written by another process")
        return found.etag

    def _check(self, status: int, name: str, verb: str) -> None:
        if status not in {HTTPStatus.OK, HTTPStatus.NO_CONTENT} and status < 500:
            raise Denied(f"{self}/{name} cannot be {verb} ({status}): may this key do so?")

    def _target(self, name: str) -> Target:
        return key_target(self.place.bucket, self._key(name))

    def _key(self, name: str) -> str:
        prefix = self.place.key.rstrip("/")
        return f"{prefix}/{name}" if prefix else name
