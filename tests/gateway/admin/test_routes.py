import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from slimgate.gateway.admin.app import Readiness, create_admin
from slimgate.gateway.admin.auth import PROBES
from slimgate.gateway.runtime.app import create_app
from slimgate.gateway.runtime.parts import PARTS
from tests.config.builders import settings

_TOKEN = "Up-to-no-good-0123456789"
_OPEN = ("/_slimgate/login", "/_slimgate/static/", "/favicon.ico")
"""Paths that need no token: the login form, its assets and the icon."""


@asynccontextmanager
async def _admin(tmp_path: Path) -> AsyncIterator[web.Application]:
    made = settings(admin={"listen": "127.0.0.1:0", "token": _TOKEN})
    parts = create_app(made, engine=tmp_path / "nobody")[PARTS]
    readiness = Readiness(parts.storage.upstream, parts.callers.registry, parts.limits.in_flight)
    async with parts.storage.upstream:
        yield create_admin(
            made,
            parts.policies,
            parts.compute,
            parts.limits.buffers,
            readiness,
            parts.telemetry.history,
        )


async def test_no_route_answers_without_the_token(tmp_path: Path) -> None:
    """Every admin route but the probes requires the token, with any method."""
    async with _admin(tmp_path) as admin:
        routes = [(r.method, r.resource.canonical) for r in admin.router.routes() if r.resource]
        assert ("GET", "/metrics") in routes
        paths = {re.sub(r"\{[^}]*\}", "x", path) for _, path in routes} | {"/", "/nothing"}
        async with TestClient(TestServer(admin)) as client:
            for path in sorted(path for path in paths if not path.startswith(_OPEN)):
                for method in ("GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS"):
                    for headers in ({}, {"Authorization": f"Bearer {_TOKEN[:-1]}x"}):
                        response = await client.request(
                            method, path, headers=headers, allow_redirects=False
                        )
                        if path in PROBES and method in {"GET", "HEAD"} and not headers:
                            assert response.status in {200, 503}
                        else:
                            assert response.status in {401, 429}, (method, path)
                        assert b"slimgate_" not in await response.read()
