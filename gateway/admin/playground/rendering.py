"""Templates, styles and scripts of the pages; all values are escaped."""

import base64
import hashlib
import mimetypes
from importlib import resources
from typing import Final, NamedTuple

from aiohttp import web
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from slimgate.gateway.admin.auth import STATIC, Access
from slimgate.gateway.admin.playground import filters

_PACKAGE: Final = "slimgate.gateway.admin.playground"

_CSP: Final = (
    "default-src 'none'; img-src 'self' blob:; style-src 'self'; script-src 'self'; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)

_HEADERS: Final = {
    "Content-Security-Policy": _CSP,
    "X-Content-Type-Options": "nosniff",
    # Stricter policies make browsers send "Origin: null" with our own forms.
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}


class _Asset(NamedTuple):
    body: bytes
    mime: str


class Renderer:
    """Render pages.

    Args:
        access: Tells whether people have to sign in.
    """

    def __init__(self, access: Access) -> None:
        self._assets, self._urls = _assets()
        self._templates = Environment(
            loader=PackageLoader(_PACKAGE),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._templates.filters.update(filters.FILTERS)
        self._templates.globals["asset"] = self._urls.__getitem__
        self._templates.globals["signed_in"] = access.demands_token

    def page(self, template: str, *, status: int = 200, **values: object) -> web.Response:
        """Render a template."""
        text = self._templates.get_template(template).render(values)
        return web.Response(text=text, status=status, content_type="text/html")

    def standalone(self, template: str, **values: object) -> str:
        """Render a template that needs nothing but itself: it may run the script of comparisons."""
        folder = resources.files(_PACKAGE).joinpath("static")
        style, script = (
            folder.joinpath(name).read_text("utf-8") for name in ("playground.css", "compare.js")
        )
        policy = (
            f"default-src 'none'; img-src data:; style-src '{_hash(style)}'; "
            f"script-src '{_hash(script)}'; base-uri 'none'; form-action 'none'"
        )
        # Both are our own files, and the only text that is not escaped.
        return self._templates.get_template(template).render(
            values,
            style=Markup(style),  # noqa: S704
            script=Markup(script),  # noqa: S704
            content_policy=policy,
        )

    @property
    def icon(self) -> str:
        """Return the URL of the icon."""
        return self._urls["icon.svg"]

    async def asset(self, request: web.Request) -> web.Response:
        """Serve a style, script or icon; its name contains a hash of its content."""
        found = self._assets.get(request.match_info["name"])
        if found is None:
            raise web.HTTPNotFound(text="this file no longer exists: reload the page\n")
        kept = {"Cache-Control": "public, max-age=31536000, immutable"}
        return web.Response(body=found.body, content_type=found.mime, headers=kept)


async def protect(_: web.Request, response: web.StreamResponse) -> None:
    """Add security headers: pages may load only our own resources."""
    for name, value in _HEADERS.items():
        response.headers.setdefault(name, value)
    response.headers["Server"] = "slimgate"  # hide the versions of libraries


def _hash(source: str) -> str:
    digest = hashlib.sha256(source.encode()).digest()
    return f"sha256-{base64.b64encode(digest).decode('ascii')}"


def _assets() -> tuple[dict[str, _Asset], dict[str, str]]:
    """Return assets by URL name, and URLs by file name."""
    found, urls = {}, {}
    for file in resources.files(_PACKAGE).joinpath("static").iterdir():
        body = file.read_bytes()
        stem, _, suffix = file.name.rpartition(".")
        name = f"{stem}-{hashlib.sha256(body).hexdigest()[:12]}.{suffix}"
        mime = mimetypes.types_map[f".{suffix}"]
        found[name] = _Asset(body, mime)
        urls[file.name] = f"{STATIC}{name}"
    return found, urls
