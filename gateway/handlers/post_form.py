"""Uploads by HTML forms: judged by the upstream, which verifies the form's own signature."""

from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Final

from aiohttp import web

from gateway.handlers.call import Call, forwarded
from gateway.handlers.passthrough import PassThrough
from gateway.http.request_body import Upload
from gateway.s3.errors import S3Error
from gateway.s3.form_data import MAX_FIELD_BYTES, FormParser, boundary_of

_TYPE: Final = "multipart/form-data"

# What stores do with POST to a key whatever type it has; all else they may take for a form.
_OF_KEYS: Final = frozenset({"uploads", "uploadId"})


def is_form(call: Call) -> bool:
    """Return whether a store may take a request for an upload by form: some ignore the query."""
    if call.method != "POST" or not call.target.bucket:
        return False
    if call.target.key and not _OF_KEYS.isdisjoint(call.parameters):
        return False
    return _TYPE in ",".join(call.headers.getall("Content-Type", ())).lower()


class PostObject:
    """Serve a POST to a bucket; the file of a form is stored as it was uploaded.

    The fields before the file are judged before anything goes upstream, those behind it as they
    come: the upload breaks off when one of them is refused.

    Args:
        plain: Streams answers of the store.
    """

    def __init__(self, plain: PassThrough) -> None:
        self._plain = plain

    async def __call__(self, call: Call) -> web.StreamResponse:
        """Serve one request.

        Raises:
            S3Error: MethodNotAllowed for a form that is sent to a key, PreconditionFailed for one
                of another type, or as :class:`FormParser`.
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
            return await self._plain.answer(call, response)

    async def _without_form(self, call: Call) -> web.StreamResponse:
        declared = call.headers.get("Content-Type", "").lower()
        if declared.startswith("application/x-www-form-urlencoded"):
            raise S3Error(
                "PreconditionFailed", f"Bucket POST must be of the enclosure-type {_TYPE}."
            )
        return await self._plain(call)


class _Judged:
    """A body whose last piece is given out once all of it has been judged.

    Args:
        upload: The body.
        parser: Judges it.
    """

    def __init__(self, upload: Upload, parser: FormParser) -> None:
        self._upload = upload
        self._parser = parser
        self._own_error: S3Error | None = None

    @property
    def error(self) -> S3Error | None:
        """Return what is wrong with the body."""
        return self._own_error or self._upload.error

    async def peek(self, count: int) -> bytes:
        """Return at least the first ``count`` bytes, as far as there are any."""
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
