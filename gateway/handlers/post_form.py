"""Form uploads (PostObject): verified here if signed with a key of the gateway."""

from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from http import HTTPStatus
from typing import Final

from aiohttp import web

from slimgate.codec.reasons import Reason, Refused
from slimgate.config import Policies
from slimgate.gateway.handlers.anonymous import check_target
from slimgate.gateway.handlers.call import Call, forwarded
from slimgate.gateway.handlers.form_file import ReceivedForm
from slimgate.gateway.handlers.form_upload import FormUpload
from slimgate.gateway.handlers.passthrough import PassThrough
from slimgate.gateway.http.byte_blocks import ByteQueue
from slimgate.gateway.http.request_body import Upload
from slimgate.gateway.optimize.report import Report
from slimgate.gateway.optimize.screening import policy_for
from slimgate.gateway.s3.errors import S3Error
from slimgate.gateway.s3.form_data import MAX_FIELD_BYTES, FormParser, boundary_of
from slimgate.gateway.s3.post_form import PostForm, read_form
from slimgate.gateway.s3.routing import Target
from slimgate.gateway.storage.credentials.callers import Signer
from slimgate.gateway.telemetry.ledger import Ledger
from slimgate.gateway.workers.pool import Busy

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
    """Handle a POST to a bucket: files of verified forms are optimized, others stored unchanged.

    Fields before the file are checked before anything is sent upstream, later ones while streaming:
    a refused field aborts the upload.

    Args:
        policies: Policies in force.
        ledger: Records results of shadow policies.
        uploads: Stores verified forms.
        signer: Returns the client of an access key and a session token; None: unknown.
        plain: Streams responses of the store.
    """

    def __init__(
        self,
        policies: Policies,
        ledger: Ledger,
        uploads: FormUpload,
        signer: Callable[[str, str | None], Signer | None],
        plain: PassThrough,
    ) -> None:
        self._policies = policies
        self._ledger = ledger
        self._uploads = uploads
        self._signer = signer
        self._plain = plain

    async def __call__(self, call: Call) -> web.StreamResponse:
        """Handle a request.

        Raises:
            S3Error: MethodNotAllowed for a form sent to a key, PreconditionFailed for another
                content type, or as :class:`FormParser` and :class:`FormUpload`.
        """
        if not is_form(call):
            return await self._without_form(call)
        if call.target.key:
            raise S3Error("MethodNotAllowed")
        boundary = boundary_of(",".join(call.headers.getall("Content-Type")))
        begun = ByteQueue()
        parser = FormParser(boundary, begun.append)
        await _parse_fields(call.upload, parser)
        form = read_form(call.target.bucket, parser) if parser.in_file else None
        signer = self._signer(form.access_key, form.session_token) if form is not None else None
        if form is None or not form.claims_signature:
            # A form that parsers could read in two ways is not surely signed.
            check_target(self._policies, call.target if form is None else form.target)
        if form is None or signer is None:
            return await self._pass_through(call, boundary, form, _unverified(form))
        try:
            return await self._uploads(call, ReceivedForm(form, boundary, begun.joined()), signer)
        except (Refused, Busy) as why:
            return await self._pass_through(call, boundary, form, why)

    async def _pass_through(
        self, call: Call, boundary: bytes, form: PostForm | None, why: Refused | Busy
    ) -> web.StreamResponse:
        """Send a form to the store as it is; record why, once it is stored."""
        request = replace(forwarded(call), body=_Judged(call.upload, FormParser(boundary)))
        async with call.client.send(request) as response:
            if response.status in _STORED:
                self._report(call.target if form is None else form.target, why)
            return await self._plain.answer(call, response)

    def _report(self, target: Target, why: Refused | Busy) -> None:
        policy = policy_for(self._policies, target)
        if policy is not None:
            Report(self._ledger, policy, target, None).stays(why)

    async def _without_form(self, call: Call) -> web.StreamResponse:
        declared = call.headers.get("Content-Type", "").lower()
        if declared.startswith("application/x-www-form-urlencoded"):
            raise S3Error(
                "PreconditionFailed", f"Bucket POST must be of the enclosure-type {_TYPE}."
            )
        return await self._plain(call)


async def _parse_fields(upload: Upload, parser: FormParser) -> None:
    """Parse what precedes the file, without consuming it.

    Raises:
        S3Error: As :class:`FormParser`; MaxPostPreDataLengthExceededError if it is too long.
    """
    head = await upload.peek(MAX_FIELD_BYTES)
    parser.feed(head)
    if len(head) == upload.length:
        parser.finish()
    elif not parser.in_file:
        raise S3Error("MaxPostPreDataLengthExceededError")


def _unverified(form: PostForm | None) -> Refused:
    """Return why a form stays as it is that only the store can verify."""
    signed = form is None or form.claims_signature
    return Refused(Reason.FORM if signed else Reason.ANONYMOUS)


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
