"""Authenticate operators: a bearer token for scripts, a signed cookie for browsers.

Without a token the listener is bound to loopback; the configuration enforces that. There, foreign
web pages in the operator's browser must not reach it: neither through a name that resolves to
loopback (checked by the Host header), nor through a form (checked by the Origin header).
"""

import hashlib
import hmac
import time
from collections import deque
from collections.abc import Callable
from http import HTTPStatus
from ipaddress import IPv6Address, ip_address
from socket import AF_UNIX
from typing import Final
from urllib.parse import quote, urlsplit

import structlog
from aiohttp import web
from aiohttp.typedefs import Handler, Middleware
from cachetools import FIFOCache

from slimgate.config import Admin
from slimgate.config.network import is_loopback

LOGIN: Final = "/_slimgate/login"
STATIC: Final = "/_slimgate/static/"
"""Styles and scripts of the pages, the same in every installation."""

ICON: Final = "/favicon.ico"
"""Browsers ask for it where a response names no icon."""

PROBES: Final = frozenset({"/_slimgate/healthz", "/_slimgate/readyz"})
"""Paths that answer without a token: kubelets and load balancers cannot send one."""

COOKIE_PATH: Final = "/_slimgate/"
SESSION_S: Final = 12 * 3600

_SAFE: Final = frozenset({"GET", "HEAD", "OPTIONS"})
_MAX_FAILURES: Final = 10
_WINDOW_S: Final = 60.0
_MAX_ADDRESSES: Final = 1024
_UNGUESSABLE: Final = 20
"""Characters of a token that guessing over the network will not find."""

_log = structlog.get_logger(__name__)


class Failures:
    """Limit different wrong tokens per address.

    A scraper that keeps sending an old token must not lock out people behind the same address:
    one token counts once.

    Args:
        clock: Returns monotonic seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._guesses: FIFOCache[str, deque[tuple[float, bytes]]] = FIFOCache(_MAX_ADDRESSES)

    def note(self, remote: str | None, token: bytes) -> None:
        """Count a wrong token from an address."""
        address = _network(remote)
        digest = hashlib.sha256(token).digest()
        earlier = (each for each in self._guesses.get(address, ()) if each[1] != digest)
        guesses = deque(earlier, maxlen=_MAX_FAILURES)
        guesses.append((self._clock(), digest))
        self._guesses[address] = guesses  # the latest of all, also where it was known

    def blocked(self, remote: str | None) -> bool:
        """Return whether an address has sent too many wrong tokens recently."""
        guesses = self._guesses.get(_network(remote), deque())
        return len(guesses) == _MAX_FAILURES and self._clock() - guesses[0][0] < _WINDOW_S


def _network(remote: str | None) -> str:
    """Return the address, or the /64 network of an IPv6 address."""
    try:
        address = ip_address(remote or "")
    except ValueError:
        return ""
    if isinstance(address, IPv6Address):
        return str(int(address) >> 64)
    return str(address)


class Access:
    """Authorize requests to the admin listener.

    Args:
        settings: Holds the required token; None: none is required, and only loopback is served.
        clock: Returns seconds since the epoch.
    """

    def __init__(self, settings: Admin, *, clock: Callable[[], float] = time.time) -> None:
        self._token = settings.token.get_secret_value().encode() if settings.token else None
        self._clock = clock
        self._failures = Failures()
        # A slow hash: a stolen cookie must not allow guessing the token.
        self._key = hashlib.scrypt(self._token or b"", salt=b"slimgate session", n=2**14, r=8, p=1)

    @property
    def demands_token(self) -> bool:
        """Return whether a token is required."""
        return self._token is not None

    @property
    def cookie(self) -> str:
        """Return the name of the cookie, unique per token: all ports of a host share cookies."""
        return f"slimgate-{self._mac('name')[:8]}"

    def middleware(self) -> Middleware:
        """Return the middleware that refuses unauthorized requests."""

        @web.middleware
        async def guard(request: web.Request, handler: Handler) -> web.StreamResponse:
            if _is_from_supervisor(request):
                return await handler(request)
            self._refuse_foreign_pages(request)
            is_open = request.path in (LOGIN, ICON) or request.path.startswith(STATIC)
            if is_open or self._is_known(request):
                return await handler(request)
            if _is_probe(request):
                return _first_line(await handler(request))
            raise _challenge(request)

        return guard

    def sign_in(self, request: web.Request, token: str) -> str | None:
        """Exchange the token for a cookie value; None: the token is wrong.

        Raises:
            HTTPTooManyRequests: There were too many wrong tokens.
        """
        if not self._is_token(request, token.encode("utf-8", "surrogateescape")):
            return None
        expires = str(int(self._clock()) + SESSION_S)
        return f"{expires}.{self._mac(expires)}"

    def _is_known(self, request: web.Request) -> bool:
        if self._token is None:
            return True
        if self._is_session(request.cookies.get(self.cookie, "")):
            return True
        said = request.headers.get("Authorization")
        if said is None:
            return False
        kind, _, value = said.encode("utf-8", "surrogateescape").partition(b" ")
        return self._is_token(request, value) and kind.lower() == b"bearer"

    def _is_token(self, request: web.Request, said: bytes) -> bool:
        if self._token is None:
            return False
        is_right = hmac.compare_digest(self._token, said)
        # Others behind the same proxy cannot lock out the owner of a long token.
        if is_right and len(self._token) >= _UNGUESSABLE:
            return True
        if self._failures.blocked(request.remote):
            text = "too many wrong tokens from this address: wait a minute\n"
            raise web.HTTPTooManyRequests(text=text, headers={"Retry-After": f"{_WINDOW_S:.0f}"})
        if is_right:
            return True
        self._failures.note(request.remote, said)
        _log.warning("invalid admin token", remote=request.remote)
        return False

    def _is_session(self, value: str) -> bool:
        expires, _, mac = value.partition(".")
        said = mac.encode("utf-8", "surrogateescape")
        if not hmac.compare_digest(self._mac(expires).encode(), said):
            return False
        return self._clock() < int(expires)

    def _mac(self, text: str) -> str:
        return hmac.new(self._key, text.encode("utf-8", "replace"), hashlib.sha256).hexdigest()

    def _refuse_foreign_pages(self, request: web.Request) -> None:
        """Refuse requests that a foreign web page makes the browser send."""
        host = request.headers.get("Host", "")
        if self._token is None and not _is_local(host):
            hint = "set admin.token, or use 127.0.0.1"
            raise web.HTTPForbidden(text=f"without admin.token only localhost is served: {hint}\n")
        if request.method not in _SAFE and not _is_own(request, host):
            hint = "if there is a reverse proxy, let it pass the Host header unchanged"
            raise web.HTTPForbidden(text=f"this request came from another website; {hint}\n")


def _is_from_supervisor(request: web.Request) -> bool:
    """Return whether a request came from the supervisor, over its private Unix socket."""
    socket = request.get_extra_info("socket")
    return socket is not None and socket.family == AF_UNIX


def _is_local(host: str) -> bool:
    try:
        return is_loopback(urlsplit(f"//{host}").hostname or "")
    except ValueError:
        return False


def _is_own(request: web.Request, host: str) -> bool:
    """Return whether a changing request came from our own page, or from no page."""
    origin = request.headers.get("Origin")
    if origin is not None:
        return origin.partition("://")[2].lower() == host.lower()
    return request.headers.get("Sec-Fetch-Site", "none") in {"none", "same-origin"}


def _is_probe(request: web.Request) -> bool:
    """Return whether a request is a probe of a stranger; a wrong token is an error there, too."""
    reads = request.method in {"GET", "HEAD"}
    return request.path in PROBES and reads and "Authorization" not in request.headers


def _first_line(response: web.StreamResponse) -> web.StreamResponse:
    """Return what strangers may read of an answer: further lines name other gateways."""
    if isinstance(response, web.Response) and response.text is not None:
        response.text = f"{response.text.partition(chr(10))[0]}\n"
    return response


def _challenge(request: web.Request) -> web.HTTPException:
    """Redirect browsers to the login page, and answer scripts with 401."""
    if request.method == "GET" and "text/html" in request.headers.get("Accept", ""):
        return web.HTTPSeeOther(f"{LOGIN}?next={quote(request.raw_path, safe='')}")
    return web.HTTPUnauthorized(
        text="the token is missing or wrong: send Authorization: Bearer with admin.token\n",
        headers={"WWW-Authenticate": "Bearer"},
        reason=HTTPStatus.UNAUTHORIZED.phrase,
    )
