"""Routes of the playground on the admin listener."""

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from slimgate.gateway.admin.auth import ICON, LOGIN, STATIC, Access
from slimgate.gateway.admin.playground.login import LoginPages
from slimgate.gateway.admin.playground.pages import ROOT, Pages
from slimgate.gateway.admin.playground.rendering import Renderer, protect


def add_playground(admin: web.Application, pages: Pages, access: Access) -> None:
    """Add the pages to the admin application.

    Args:
        admin: The application; all its responses get security headers.
        pages: Request handlers.
        access: Authorizes requests, in the application's middleware.
    """
    add_login(admin, access, pages.renderer)

    def page(handler: Handler) -> Handler:
        async def served(request: web.Request) -> web.StreamResponse:
            try:
                return await handler(request)
            except web.HTTPException:
                raise
            except Exception as error:
                response = pages.render_error(error)
                if response is None:
                    raise
                if request.can_read_body:
                    # The rest of the body must not be taken for the next request.
                    response.force_close()
                return response

        return served

    result = f"{ROOT}results/{{id:[A-Za-z0-9_-]+}}"
    admin.add_routes(
        [
            web.get(ROOT, page(pages.index)),
            web.post(f"{ROOT}try", page(pages.attempt)),
            web.get(result, page(pages.result)),
            web.get(f"{result}/{{file:uploaded|stored|restored}}", page(pages.file)),
            web.post(f"{result}/again", page(pages.again)),
            web.get(f"{result}/share", page(pages.share)),
            web.post(f"{result}/verdict", page(pages.judge)),
            web.get(f"{ROOT}savings", page(pages.savings)),
            web.get(f"{ROOT}policies", page(pages.policies)),
            web.post(f"{ROOT}upscale", pages.upscale),
        ]
    )


def add_login(admin: web.Application, access: Access, renderer: Renderer) -> None:
    """Add the routes that require no login.

    Args:
        admin: As in :func:`add_playground`.
        access: As in :func:`add_playground`.
        renderer: Renders the pages.
    """
    login = LoginPages(access, renderer)
    admin.on_response_prepare.append(protect)
    admin.middlewares.insert(0, _error_pages(renderer))

    async def icon(_: web.Request) -> web.StreamResponse:
        raise web.HTTPFound(renderer.icon)

    async def home(_: web.Request) -> web.StreamResponse:
        raise web.HTTPSeeOther(ROOT)

    admin.add_routes(
        [
            *(web.get(path, home) for path in ("/", ROOT.rstrip("/"))),
            web.get(ICON, icon),
            web.get(LOGIN, login.ask),
            web.post(LOGIN, login.enter),
            web.post(f"{ROOT}logout", login.leave),
            web.get(f"{STATIC}{{name:[a-z0-9.-]+}}", renderer.asset),
        ]
    )


def _error_pages(renderer: Renderer) -> Middleware:
    """Return the middleware that shows errors to browsers as pages like all others."""

    @web.middleware
    async def shown(request: web.Request, handler: Handler) -> web.StreamResponse:
        try:
            return await handler(request)
        except web.HTTPError as error:
            if "text/html" not in request.headers.get("Accept", ""):
                raise
            said = "" if error.text == f"{error.status}: {error.reason}" else error.text
            page = renderer.page(
                "problem.html", status=error.status, title=error.reason, message=said
            )
            ours = {"Content-Type", "Content-Length"}
            page.headers.extend((k, v) for k, v in error.headers.items() if k not in ours)
            return page

    return shown
