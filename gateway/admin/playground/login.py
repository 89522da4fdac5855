"""The login page: it exchanges the token for a cookie."""

from aiohttp import web

from slimgate.gateway.admin.auth import COOKIE_PATH, LOGIN, SESSION_S, Access
from slimgate.gateway.admin.playground import forms
from slimgate.gateway.admin.playground.forms import RequestRefused
from slimgate.gateway.admin.playground.pages import ROOT
from slimgate.gateway.admin.playground.rendering import Renderer


class LoginPages:
    """Sign people in and out.

    Args:
        access: Verifies tokens.
        renderer: Renders the page.
    """

    def __init__(self, access: Access, renderer: Renderer) -> None:
        self._access = access
        self._renderer = renderer

    async def ask(self, request: web.Request) -> web.Response:
        """Show the login form."""
        return self._asked(_next(request), wrong=False)

    async def enter(self, request: web.Request) -> web.StreamResponse:
        """Verify the token and set the cookie."""
        if not self._access.demands_token:
            raise web.HTTPSeeOther(ROOT)
        value = self._access.sign_in(request, await _token(request))
        if value is None:
            return self._asked(_next(request), wrong=True)
        response = web.HTTPSeeOther(_next(request))
        response.set_cookie(
            self._access.cookie,
            value,
            max_age=SESSION_S,
            path=COOKIE_PATH,
            httponly=True,
            samesite="Strict",
            secure=request.secure,
        )
        raise response

    async def leave(self, _: web.Request) -> web.StreamResponse:
        """Delete the cookie."""
        response = web.HTTPSeeOther(LOGIN)
        response.del_cookie(self._access.cookie, path=COOKIE_PATH)
        raise response

    def _asked(self, following: str, *, wrong: bool) -> web.Response:
        status = 401 if wrong else 200
        return self._renderer.page("login.html", status=status, wrong=wrong, following=following)


async def _token(request: web.Request) -> str:
    try:
        return (await forms.fields(request)).get("token", "")
    except RequestRefused as error:
        raise web.HTTPBadRequest(text=f"{error}\n") from error


def _next(request: web.Request) -> str:
    """Return the page to show after the login, which must be one of ours."""
    wanted = request.query.get("next", ROOT)
    inside = wanted.startswith(ROOT) and wanted.isascii() and wanted.isprintable()
    return wanted if inside and "\\" not in wanted and "//" not in wanted else ROOT
