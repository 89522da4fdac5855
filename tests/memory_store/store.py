"""A small S3 in memory. It passes the suite that real servers pass (test_object_client.py)."""

from collections.abc import AsyncIterable, AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from http import HTTPStatus
from urllib.parse import parse_qsl

from multidict import CIMultiDict

from slimgate.gateway.s3 import xml as s3xml
from slimgate.gateway.s3.identity import CredentialSource
from slimgate.gateway.storage.messages import Request, Response
from slimgate.gateway.storage.object_client import ObjectClient
from tests.memory_store import listings, objects
from tests.memory_store.answers import Failure, MemoryResponse, element, failed, xml
from tests.memory_store.buckets import ALL_USERS, Bucket, MultipartUpload, Version, md5

_READS = frozenset({"GET", "HEAD"})


@dataclass(slots=True)
class MemoryStore:
    """Buckets of several users.

    Attributes:
        buckets: By name.
        requests: All that were sent, in order.
        faults: By method and key, what the next such requests are answered with.
        responses: Those that are not closed yet.
        clock: The clock of the store.
    """

    buckets: dict[str, Bucket] = field(default_factory=dict)
    requests: list[Request] = field(default_factory=list)
    faults: dict[tuple[str, str], list[int | Failure]] = field(default_factory=dict)
    responses: list[MemoryResponse] = field(default_factory=list)
    clock: Callable[[], datetime] = lambda: datetime.now(UTC)

    @property
    def connections(self) -> int:
        """Return the number of responses that are neither closed nor released."""
        return sum(not response.is_let_go for response in self.responses)

    def client(
        self, user: str | None = "main", passed_along: Mapping[str, str] | None = None
    ) -> "MemoryClient":
        """Return the store as a user sees it; None: without a key."""
        return MemoryClient(self, user, passed_along or {})

    def answer(self, request: Request, user: str | None, data: bytes) -> MemoryResponse:
        """Serve a request."""
        response = self._answer(request, user, data)
        response.date(self.clock())
        return response

    def _answer(self, request: Request, user: str | None, data: bytes) -> MemoryResponse:
        request = replace(request, headers=CIMultiDict(request.headers))
        self.requests.append(request)
        parameters = dict(parse_qsl(request.query, keep_blank_values=True))
        try:
            self._check_faults(request)
            if not request.target.key:
                return self._bucket(request, parameters, user, data)
            bucket = self._find(request, user, parameters)
            return self._object(bucket, request, parameters, data)
        except Failure as failure:
            return failed(request.method, failure)

    def _check_faults(self, request: Request) -> None:
        if faults := self.faults.get((request.method, request.target.key)):
            fault = faults.pop(0)
            raise fault if isinstance(fault, Failure) else Failure(fault, "InternalError")

    def _find(self, request: Request, user: str | None, parameters: Mapping[str, str]) -> Bucket:
        """Find the bucket, and check that the user may do this."""
        bucket = self.buckets.get(request.target.bucket)
        if bucket is None:
            raise Failure(404, "NoSuchBucket")
        expected = request.headers.get("x-amz-expected-bucket-owner", bucket.owner)
        if expected != bucket.owner:
            raise Failure(403, "AccessDenied")
        if user == bucket.owner:
            return bucket
        version = bucket.current(request.target.key)
        is_public = version is not None and ("READ", ALL_USERS) in version.grants
        if request.method not in _READS or parameters or not is_public:
            raise Failure(403, "AccessDenied")
        return bucket

    def _bucket(
        self, request: Request, parameters: Mapping[str, str], user: str | None, data: bytes
    ) -> MemoryResponse:
        if request.method == "PUT" and not parameters:
            if user is None:
                raise Failure(403, "AccessDenied")
            self.buckets.setdefault(request.target.bucket, Bucket(user, clock=self.clock))
            return MemoryResponse("PUT", HTTPStatus.OK)
        bucket = self._find(request, user, parameters)
        if request.method == "PUT":
            return _configure(bucket, parameters, data)
        if request.method not in _READS:
            raise Failure(405, "MethodNotAllowed")
        if "object-lock" in parameters:
            return _lock(bucket)
        if "versions" in parameters:
            return listings.list_versions(bucket, parameters)
        return listings.list_objects(bucket, parameters)

    def _object(
        self, bucket: Bucket, request: Request, parameters: Mapping[str, str], data: bytes
    ) -> MemoryResponse:
        key, version_id = request.target.key, parameters.get("versionId")
        if "uploads" in parameters or "uploadId" in parameters:
            return _multipart(bucket, request, parameters, data)
        if request.method in _READS:
            return _read_object(bucket, request, parameters)
        if request.method == "DELETE":
            return objects.delete(bucket, key, version_id)
        if "x-amz-copy-source" in request.headers:
            return objects.copy(bucket, key, request.headers, self._source(request.headers))
        return objects.put(bucket, key, request.headers, data)

    def _source(self, headers: Mapping[str, str]) -> Version:
        name, key, version_id = objects.source_of(headers)
        if name not in self.buckets:
            raise Failure(404, "NoSuchBucket")
        return self.buckets[name].find(key, version_id)


def _read_object(bucket: Bucket, request: Request, parameters: Mapping[str, str]) -> MemoryResponse:
    version = bucket.find(request.target.key, parameters.get("versionId"))
    if "tagging" in parameters:
        return objects.tagging(version)
    if "acl" in parameters:
        return objects.acl(version, bucket.owner)
    return objects.get(bucket, request.method, version, request.headers)


def _configure(bucket: Bucket, parameters: Mapping[str, str], data: bytes) -> MemoryResponse:
    root = s3xml.parse(data)
    if "versioning" in parameters:
        bucket.is_versioned = s3xml.text(root, "Status") == "Enabled"
    elif "object-lock" in parameters:
        bucket.retention = s3xml.text(root.iter(), "Mode")
    else:
        raise Failure(501, "NotImplemented")
    return MemoryResponse("PUT", HTTPStatus.OK)


def _lock(bucket: Bucket) -> MemoryResponse:
    if not bucket.retention:
        raise Failure(404, "ObjectLockConfigurationNotFoundError")
    rule = f"<DefaultRetention>{element('Mode', bucket.retention)}<Days>1</Days></DefaultRetention>"
    return xml("GET", "ObjectLockConfiguration", f"<Rule>{rule}</Rule>")


def _multipart(
    bucket: Bucket, request: Request, parameters: Mapping[str, str], data: bytes
) -> MemoryResponse:
    """Serve uploads in parts."""
    key = request.target.key
    if "uploads" in parameters:
        upload_id = bucket.next_id()
        about = objects.described(request.headers, bucket.owner)
        bucket.uploads[upload_id] = MultipartUpload(key, about)
        return xml("POST", "InitiateMultipartUploadResult", element("UploadId", upload_id))
    upload = bucket.uploads.get(parameters["uploadId"])
    if upload is None or upload.key != key:
        raise Failure(404, "NoSuchUpload")
    if request.method == "PUT":
        upload.parts[int(parameters["partNumber"])] = data
        return MemoryResponse("PUT", HTTPStatus.OK, {"ETag": f'"{md5(data).hexdigest()}"'})
    if request.method == "DELETE":
        del bucket.uploads[parameters["uploadId"]]
        return MemoryResponse("DELETE", HTTPStatus.NO_CONTENT)
    numbers = [int(s3xml.text(part, "PartNumber")) for part in s3xml.parse(data)]
    version = upload.whole(numbers)
    bucket.add(key, version)
    del bucket.uploads[parameters["uploadId"]]
    named = {"x-amz-version-id": version.version_id} if bucket.is_versioned else {}
    inner = element("Key", key) + element("ETag", f'"{version.etag}"')
    return xml("POST", "CompleteMultipartUploadResult", inner, named)


@dataclass(frozen=True, slots=True)
class MemoryClient(ObjectClient):
    """The store in memory, as one user sees it."""

    store: MemoryStore
    user: str | None
    along: Mapping[str, str]
    source: CredentialSource | None = None

    @property
    def passed_along(self) -> Mapping[str, str]:
        """Return the caller's headers that every request on its behalf carries."""
        return self.along

    def altered(
        self,
        *,
        source: CredentialSource | None = None,
        passed_along: Mapping[str, str] | None = None,
    ) -> "MemoryClient":
        """Return the store as another user sees it, or with other headers."""
        along = self.along if passed_along is None else passed_along
        return replace(self, source=source or self.source, along=along)

    @asynccontextmanager
    async def send(self, request: Request) -> AsyncIterator[Response]:
        """Send a request; see :meth:`ObjectClient.send`."""
        user = self.user
        if self.source is not None:
            source = self.source.for_request(request.target, request.query)
            user = (await source.current()).access_key
        response = self.store.answer(request, user, await _body(request))
        self.store.responses.append(response)
        try:
            yield response
        finally:
            self.store.responses.remove(response)


async def _body(request: Request) -> bytes:
    if isinstance(request.body, AsyncIterable):
        return b"".join([piece async for piece in request.body])
    return request.body or b""
