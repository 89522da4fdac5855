"""Uploads by HTML forms: judged by the upstream, which verifies the form's own signature."""

from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Final

from aiohttp import web

from gateway.exchange import Exchange
from gateway.http.request_body import Upload
from gateway.relay import pass_through, respond, sent
from gateway.s3.errors import S3Error
from gateway.s3.form_data import MAX_FIELD_BYTES, FormParser, boundary_of

_TYPE: Final = "multipart/form-data"

# What stores do with POST to a key whatever type it has; all else they may take for a form.
_OF_KEYS: Final = frozenset({"uploads", "uploadId"})


def is_form(exchange: Exchange) -> bool:
    """Return whether a store may take a request for an upload by form: some ignore the query."""
    if exchange.request.method != "POST" or not exchange.target.bucket:
        return False
    if exchange.target.key and not _OF_KEYS.isdisjoint(exchange.parameters):
        return False
    return _TYPE in ",".join(exchange.headers.getall("Content-Type", ())).lower()


async def post(exchange: Exchange) -> web.StreamResponse:
    """Serve a POST to a bucket; the file of a form is stored as it was uploaded.

    The fields before the file are judged before anything goes upstream, those behind it as they
    come: the upload breaks off when one of them is refused.

    Raises:
        S3Error: MethodNotAllowed for a form that is sent to a key, PreconditionFailed for one of
            another type, or as :class:`FormParser`.
    """
    if not is_form(exchange):
        return await _without_form(exchange)
    if exchange.target.key:
        raise S3Error("MethodNotAllowed")
    boundary = boundary_of(",".join(exchange.headers.getall("Content-Type")))
    upload = exchange.upload
    before_file = FormParser(boundary)
    head = await upload.peek(MAX_FIELD_BYTES)
    before_file.feed(head)
    if len(head) == upload.length:
        before_file.finish()
    elif not before_file.in_file:
        raise S3Error("MaxPostPreDataLengthExceededError")
    request = replace(exchange.forwarded(), body=_followed(upload, FormParser(boundary)))
    async with sent(exchange, request) as response:
        return await respond(exchange, response)


async def _without_form(exchange: Exchange) -> web.StreamResponse:
    declared = exchange.headers.get("Content-Type", "").lower()
    if declared.startswith("application/x-www-form-urlencoded"):
        raise S3Error("PreconditionFailed", f"Bucket POST must be of the enclosure-type {_TYPE}.")
    return await pass_through(exchange)


async def _followed(upload: Upload, outline: FormParser) -> AsyncIterator[bytes]:
    """Give the body; its last piece only when all of it has been judged."""
    held = b""
    try:
        async for piece in upload:
            outline.feed(piece)
            if held:
                yield held
            held = piece
        outline.finish()
    except S3Error as error:
        upload.error = error
        raise
    yield held
