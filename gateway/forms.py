"""Uploads by HTML forms: judged by the upstream, which verifies the form's own signature."""

from typing import Final

from aiohttp import web

from gateway import headers
from gateway.errors import S3Error
from gateway.exchange import Exchange
from gateway.relay import pass_through

# S3 takes at most 20,000 bytes of fields before the file.
_FIELD_BYTES: Final = 1 << 16
_RESERVED: Final = headers.MANIFEST.encode()


async def post(exchange: Exchange) -> web.StreamResponse:
    """Serve a POST to a bucket; the file of a form is stored as it was uploaded.

    Raises:
        S3Error: InvalidRequest when a field is named like the gateway's own metadata.
    """
    content_type = exchange.headers.get("Content-Type", "")
    if content_type.lower().startswith("multipart/form-data"):
        fields = (await exchange.upload.peek(_FIELD_BYTES))[:_FIELD_BYTES]
        if _RESERVED in fields.lower():
            reserved = f"Metadata keys beginning {headers.MANIFEST} are reserved."
            raise S3Error("InvalidRequest", reserved)
    return await pass_through(exchange)
