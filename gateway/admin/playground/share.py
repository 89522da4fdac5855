"""A result as one HTML file, to be sent around: it opens offline."""

import base64
from typing import Any, Final

from slimgate.gateway.admin.playground.forms import RequestRefused
from slimgate.gateway.admin.playground.result_view import result_view
from slimgate.gateway.admin.playground.results import Result

MAX_SHARED: Final = 8 << 20
"""Largest upload to share, bytes: the file has it twice, as text."""


def shared(result: Result) -> dict[str, Any]:
    """Return the values of the template ``share.html``.

    Raises:
        RequestRefused: There is nothing to compare, or it is too large.
    """
    if result.found is None or result.served is None or result.mime is None:
        raise RequestRefused(409, "this image is stored unchanged: there is nothing to compare")
    if len(result.upload) > MAX_SHARED:
        mebibytes = len(result.upload) / 2**20
        raise RequestRefused(
            413, f"this image has {mebibytes:.1f} MiB: at most {MAX_SHARED >> 20} MiB are shared"
        )
    return {
        **result_view(result),
        "uploaded": _data_uri(result.upload, result.mime),
        "restored": _data_uri(result.served, result.mime),
    }


def _data_uri(data: bytes, mime: str) -> str:
    return f"data:{mime};base64,{base64.b64encode(data).decode('ascii')}"
