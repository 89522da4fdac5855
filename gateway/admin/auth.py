"""Who may see what operators see: a bearer token for scripts, a signed cookie for browsers.

Without a token the listener is on loopback, as the configuration demands. There, a page of
somebody else in the operator's browser must not reach it: by a name that resolves to loopback (the
Host header tells), or by a form that posts to it (the Origin header tells).
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

from config import Admin
from config.network import is_loopback

LOGIN: Final = "/_slimgate/login"
STATIC: Final = "/_slimgate/static/"
"""Style and scripts of the pages, the same in every installation."""

COOKIE_PATH: Final = "/_slimgate/"
SESSION_S: Final = 12 * 3600

_SAFE: Final = frozenset({"GET", "HEAD", "OPTIONS"})
_MAX_FAILURES: Final = 10
_WINDOW_S: Final = 60.0
_MAX_ADDRESSES: Final = 1024

_log = structlog.get_logger(__name__)


class Failures:
    """Bound how often somebody may guess.

    Args:
        clock: Seconds that never go back.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._times: FIFOCache[str, deque[float]] = FIFOCache(_MAX_ADDRESSES)

    def note(self, remote: str | None) -> None:
        """Count a wrong guess from an address."""
        address = _network(remote)
        times = self._times.get(address) or deque(maxlen=_MAX_FAILURES)
        times.append(self._clock())
        self._times[address] = times  # the latest of all, also where it was known

    def blocked(self, remote: str | None) -> bool:
        """Return whether an address has guessed too often of late."""
        times = self._times.get(_network(remote), deque())
        return len(times) == _MAX_FAILURES and self._clock() - times[0] < _WINDOW_S


def _network(remote: str | None) -> str:
    """Give the address, or the network that one customer of IPv6 has."""
    try:
        address = ip_address(remote or "")
    except ValueError:
        return ""
    if isinstance(address, IPv6Address):
        return str(int(address) >> 64)
    return str(address)


class Access:
    """Judge requests of operators.

    Args:
        settings: With the token that is demanded; None: nothing is, and only loopback is served.
        clock: Seconds since 1970.
    """

    def __init__(self, settings: Admin, *, clock: Callable[[], float] = time.time) -> None:
        self._token = settings.token.get_secret_value().encode() if settings.token else None
        self._clock = clock
        self._failures = Failures()
        # A cookie that is stolen must not give the token away to whoever tries words.
        self._key = hashlib.scrypt(self._token or b"", salt=b"slimgate session", n=2**14, r=8, p=1)

    @property
    def demands_token(self) -> bool:
        """Return whether there is anything to sign in with."""
        return self._token is not None

    @property
    def cookie(self) -> str:
        """Give the name of the cookie: cookies are shared by all ports of a host."""
        return f"slimgate-{self._mac('name')[:8]}"

    def middleware(self) -> Middleware:
        """Make what lets nobody in who may not."""

        @web.middleware
        async def guard(request: web.Request, handler: Handler) -> web.StreamResponse:
            if _is_from_supervisor(request):
                return await handler(request)
            self._refuse_foreign_pages(request)
            is_open = request.path == LOGIN or request.path.startswith(STATIC)
            if not is_open and not self._is_known(request):
                raise _challenge(request)
            return await handler(request)

        return guard

    def sign_in(self, request: web.Request, token: str) -> str | None:
        """Exchange the token for the value of a cookie; None: it is the wrong one.

        Raises:
            HTTPTooManyRequests: There were too many wrong ones.
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
        if self._failures.blocked(request.remote):
            text = "too many wrong tokens came from this address: wait a minute\n"
            raise web.HTTPTooManyRequests(text=text, headers={"Retry-After": f"{_WINDOW_S:.0f}"})
        if self._token is not None and hmac.compare_digest(self._token, said):
            return True
        self._failures.note(request.remote)
        _log.warning("wrong token", remote=request.remote)
        return False

    def _is_session(self, value: str) -> bool:
        expires, _, mac = value.partition(".")
        if not hmac.compare_digest(self._mac(expires).encode(), mac.encode()):
            return False
        return self._clock() < int(expires)

    def _mac(self, text: str) -> str:
        return hmac.new(self._key, text.encode("utf-8", "replace"), hashlib.sha256).hexdigest()

    def _refuse_foreign_pages(self, request: web.Request) -> None:
        """Refuse what a page of somebody else makes a browser send."""
        host = request.headers.get("Host", "")
        if self._token is None and not _is_local(host):
            hint = "set a token, or ask for 127.0.0.1"
            raise web.HTTPForbidden(text=f"without admin.token only localhost is served: {hint}\n")
        if request.method not in _SAFE and not _is_own(request, host):
            hint = "a proxy has to pass the header Host on as it is"
            raise web.HTTPForbidden(text=f"this came from a page of somebody else; {hint}\n")


def _is_from_supervisor(request: web.Request) -> bool:
    """Return whether it came through a supervisor, over a socket that is open to nobody else."""
    socket = request.get_extra_info("socket")
    return socket is not None and socket.family == AF_UNIX


def _is_local(host: str) -> bool:
    try:
        return is_loopback(urlsplit(f"//{host}").hostname or "")
    except ValueError:
        return False


def _is_own(request: web.Request, host: str) -> bool:
    """Return whether a request that changes something came from our own page, or from no page."""
    origin = request.headers.get("Origin")
    if origin is not None:
        return origin.partition("://")[2].lower() == host.lower()
    return request.headers.get("Sec-Fetch-Site", "none") in {"none", "same-origin"}


def _challenge(request: web.Request) -> web.HTTPException:
    """Send people to where they sign in, and tell scripts what is missing."""
    if request.method == "GET" and "text/html" in request.headers.get("Accept", ""):
        return web.HTTPSeeOther(f"{LOGIN}?next={quote(request.raw_path, safe='')}")
    return web.HTTPUnauthorized(
        text="the token is missing or wrong\n",
        headers={"WWW-Authenticate": "Bearer"},
        reason=HTTPStatus.UNAUTHORIZED.phrase,
    )
