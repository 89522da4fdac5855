"""Form uploads (PostObject): the upstream verifies the signature in the form."""

from collections.abc import AsyncIterator
from dataclasses import replace
from http import HTTPStatus
from typing import Final

from aiohttp import web

from codec.reasons import Reason, Refused
from config import Policies
from gateway.handlers.call import Call, forwarded
from gateway.handlers.passthrough import PassThrough
from gateway.http.request_body import Upload
from gateway.optimize.report import Report
from gateway.optimize.screening import policy_for
from gateway.s3.errors import S3Error
from gateway.s3.form_data import MAX_FIELD_BYTES, FormParser, boundary_of
from gateway.s3.routing import Target, key_target
from gateway.telemetry.ledger import Ledger

_STORED: Final = frozenset(
    {HTTPStatus.OK, HTTPStatus.CREATED, HTTPStatus.NO_CONTENT, HTTPStatus.SEE_OTHER}
)
"""Responses to a stored form, as it asks for by ``success_action_status`` or a redirect."""

_TYPE: Final = "multipart/form-data"

# POST operations on a key whatever its type; stores may take anything else for a form.
_OF_KEYS: Final = frozenset({"uploads", "uploadId"})


def is_form(call: Call) -> bool:
    """Return whether a store may take a request for a form upload: some ignore the query."""
    if call.method != "POST" or not call.target.bucket:
        return False
    if call.target.key and not _OF_KEYS.isdisjoint(call.parameters):
        return False
    return _TYPE in ",".join(call.headers.getall("Content-Type", ())).lower()


class PostObject:
    """Handle a POST to a bucket; the file in a form is stored unchanged.

    Fields before the file are checked before anything is sent upstream, later ones while streaming:
    a refused field aborts the upload.

    Args:
        policies: Policies in force.
        ledger: Records results of shadow policies.
        plain: Streams responses of the store.
    """

    def __init__(self, policies: Policies, ledger: Ledger, plain: PassThrough) -> None:
        self._policies = policies
        self._ledger = ledger
        self._plain = plain

    async def __call__(self, call: Call) -> web.StreamResponse:
        """Handle a request.

        Raises:
            S3Error: MethodNotAllowed for a form sent to a key, PreconditionFailed for another
                content type, or as :class:`FormParser`.
        """
        if not is_form(call):
            return await self._without_form(call)
        if call.target.key:
            raise S3Error("MethodNotAllowed")
        boundary = boundary_of(",".join(call.headers.getall("Content-Type")))
        upload = call.upload
        before_file = FormParser(boundary)
        head = await upload.peek(MAX_FIELD_BYTES)
        before_file.feed(head)
        if len(head) == upload.length:
            before_file.finish()
        elif not before_file.in_file:
            raise S3Error("MaxPostPreDataLengthExceededError")
        request = replace(forwarded(call), body=_Judged(upload, FormParser(boundary)))
        async with call.client.send(request) as response:
            if response.status in _STORED:
                self._report(key_target(call.target.bucket, before_file.key))
            return await self._plain.answer(call, response)

    def _report(self, target: Target) -> None:
        """Record why the file stays as it is, if a policy is for it."""
        policy = policy_for(self._policies, target)
        if policy is not None:
            Report(self._ledger, policy, target, None).stays(Refused(Reason.FORM))

    async def _without_form(self, call: Call) -> web.StreamResponse:
        declared = call.headers.get("Content-Type", "").lower()
        if declared.startswith("application/x-www-form-urlencoded"):
            raise S3Error(
                "PreconditionFailed", f"Bucket POST must be of the enclosure-type {_TYPE}."
            )
        return await self._plain(call)


class _Judged:
    """A body whose last piece is yielded only after the whole form is checked.

    Args:
        upload: The body.
        parser: Checks it.
    """

    def __init__(self, upload: Upload, parser: FormParser) -> None:
        self._upload = upload
        self._parser = parser
        self._own_error: S3Error | None = None

    @property
    def error(self) -> S3Error | None:
        """Return the error of the body."""
        return self._own_error or self._upload.error

    async def peek(self, count: int) -> bytes:
        """Return the first ``count`` bytes, or all of a shorter body."""
        return await self._upload.peek(count)

    async def __aiter__(self) -> AsyncIterator[bytes]:
        """Iterate over the body."""
        held = b""
        try:
            async for piece in self._upload:
                self._parser.feed(piece)
                if held:
                    yield held
                held = piece
            self._parser.finish()
        except S3Error as error:
            self._own_error = error
            raise
        yield held
