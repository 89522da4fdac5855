"""Forward the playground to one of several processes; the supervisor handles logins."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Final

import aiohttp
from aiohttp import web
from yarl import URL

from slimgate.gateway.admin.auth import Access
from slimgate.gateway.admin.playground.pages import ROOT
from slimgate.gateway.admin.playground.rendering import Renderer
from slimgate.gateway.admin.playground.routes import add_login
from slimgate.gateway.s3.headers import end_to_end

_SILENCE_S: Final = 660.0
"""Longer than any policy allows for one image."""

_PIECE: Final = 1 << 16


def forward_playground(admin: web.Application, access: Access, socket: Path) -> None:
    """Forward the pages to another process, and serve the login here.

    Args:
        admin: The application.
        access: Authorizes requests, in the application's middleware.
        socket: Socket of the other process.
    """
    add_login(admin, access, Renderer(access))
    session = web.AppKey("session", aiohttp.ClientSession)

    async def open_session(app: web.Application) -> AsyncIterator[None]:
        timeout = aiohttp.ClientTimeout(total=None, sock_read=_SILENCE_S)
        connector = aiohttp.UnixConnector(str(socket), force_close=True)
        async with aiohttp.ClientSession(
            connector=connector, timeout=timeout, auto_decompress=False
        ) as app[session]:
            yield

    async def forward(request: web.Request) -> web.StreamResponse:
        try:
            return await _forwarded(request, request.app[session])
        except aiohttp.ClientError as error:
            text = "the process behind these pages is being replaced: try again\n"
            raise web.HTTPServiceUnavailable(text=text, headers={"Retry-After": "1"}) from error

    admin.cleanup_ctx.append(open_session)
    admin.router.add_route("*", f"{ROOT}{{tail:.*}}", forward)


async def _forwarded(request: web.Request, session: aiohttp.ClientSession) -> web.StreamResponse:
    asked = request.rel_url
    url = URL.build(
        scheme="http",
        host="process",
        path=asked.raw_path,
        query_string=asked.raw_query_string,
        encoded=True,
    )
    async with session.request(
        request.method,
        url,
        headers=end_to_end(request.headers.items()),
        data=request.content if request.can_read_body else None,
        allow_redirects=False,
    ) as response:
        kept = end_to_end(response.headers.items())
        answer = web.StreamResponse(status=response.status, reason=response.reason, headers=kept)
        if request.can_read_body and not request.content.is_eof():
            # The unread body must not be taken for the next request.
            answer.force_close()
        await answer.prepare(request)
        async for piece in response.content.iter_chunked(_PIECE):
            await answer.write(piece)
        await answer.write_eof()
        return answer
