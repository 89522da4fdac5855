"""``POST /_slimgate/upscale``: upscale an image body, for scripts."""

from http import HTTPStatus
from typing import Final

from aiohttp import web

from slimgate import models
from slimgate.codec.containers import SNIFFED, sniff
from slimgate.codec.upscale_file import FORMATS, FileFormat, NotEnlarged, TooLarge
from slimgate.config import PolicyLimits
from slimgate.gateway.admin.playground import forms
from slimgate.gateway.admin.playground.forms import RequestRefused
from slimgate.gateway.http.byte_budget import ByteBudget
from slimgate.gateway.workers.pool import Busy, WorkerLost, Workers

_LIMITS: Final = PolicyLimits()
"""Default limits of a policy."""

_TYPES: Final[dict[FileFormat, str]] = {
    "png": "image/png", "jpeg": "image/jpeg", "webp": "image/webp",
}  # fmt: skip


async def answer(request: web.Request, workers: Workers, buffers: ByteBudget) -> web.Response:
    """Handle the request; errors are returned as ``{"error": "…"}``."""
    try:
        enlarged, mime = await _enlarged(request, workers, buffers)
    except RequestRefused as refused:
        status = HTTPStatus(refused.status)
        headers = {"Retry-After": "1"} if status == HTTPStatus.SERVICE_UNAVAILABLE else {}
        response = web.json_response({"error": str(refused)}, status=status, headers=headers)
        # The rest of the body must not be taken for the next request.
        response.force_close()
        return response
    return web.Response(body=enlarged, content_type=mime, headers={"Cache-Control": "no-store"})


async def _enlarged(
    request: web.Request, workers: Workers, buffers: ByteBudget
) -> tuple[bytes, str]:
    restorer, scale = _wanted(request.query.get("restorer", "native"), request.query.get("scale"))
    format_ = _format(request.query.get("format"), request.headers.get("Accept", ""))
    async with forms.reserved(request, buffers, _LIMITS.max_bytes):
        data = await forms.whole(request)
        if sniff(data[:SNIFFED]) not in _TYPES.values():
            raise RequestRefused(415, "send a PNG, JPEG or WebP file as the body")
        try:
            enlarged = await workers.upscale(
                data, restorer, scale=scale, format_=format_, max_pixels=_LIMITS.max_pixels
            )
        except TooLarge as error:
            raise RequestRefused(413, str(error)) from error
        except NotEnlarged as error:
            raise RequestRefused(422, str(error)) from error
        except Busy as error:
            raise RequestRefused(503, f"the gateway is busy, try again: {error}") from error
        except (LookupError, models.EngineError) as error:
            raise RequestRefused(501, f"this restorer cannot run here: {error}") from error
        except WorkerLost as error:
            raise RequestRefused(503, f"not upscaled, try again: {error}") from error
    return enlarged, _TYPES[format_]


def _wanted(name: str, factor: str | None) -> tuple[str, int]:
    """Return the content hash of a restorer, and the factor.

    Raises:
        RequestRefused: The restorer is unknown, or does not support the factor.
    """
    if name not in models.NAMES:
        known = ", ".join(sorted(models.NAMES))
        raise RequestRefused(400, f"unknown restorer: use one of {known}")
    by_scale = {scale: found for scale, found in models.chosen(name).items() if scale > 1}
    if not by_scale:
        raise RequestRefused(400, f"{name} does not upscale: it removes artefacts at full size")
    text = str(min(by_scale)) if factor is None else factor
    if text not in map(str, by_scale):
        factors = ", ".join(str(scale) for scale in sorted(by_scale))
        raise RequestRefused(400, f"{name} upscales by {factors}: set scale= to one of them")
    return by_scale[int(text)], int(text)


def _format(named: str | None, accept: str) -> FileFormat:
    """Return the output format: the named one, or the first accepted one.

    Raises:
        RequestRefused: The format is not supported.
    """
    if named is not None:
        found = next((name for name in FORMATS if name == named.lower()), None)
        if found is None:
            raise RequestRefused(400, f"format= must be one of {', '.join(FORMATS)}")
        return found
    ranges = [part.partition(";")[0].strip().lower() for part in accept.split(",")]
    if not accept.strip() or {"*/*", "image/*"} & set(ranges):
        exact = (name for each in ranges for name, mime in _TYPES.items() if mime == each)
        return next(exact, "png")
    for each in ranges:
        for name, mime in _TYPES.items():
            if mime == each:
                return name
    raise RequestRefused(
        406, f"only {', '.join(_TYPES.values())} are available: name one of them in Accept"
    )
