"""The request handlers of the playground."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus
from typing import Final

from aiohttp import web

from slimgate.codec.encoders import mime_of
from slimgate.config import Policies, Policy, Settings, effective
from slimgate.gateway.admin import savings
from slimgate.gateway.admin.history_view import histories
from slimgate.gateway.admin.playground import (
    curve,
    formats,
    forms,
    preview,
    result_view,
    share,
    upscale,
    variants,
)
from slimgate.gateway.admin.playground.brief import brief
from slimgate.gateway.admin.playground.feedback import (
    MAX_COMMENT,
    VERDICTS,
    Feedback,
)
from slimgate.gateway.admin.playground.forms import RequestRefused
from slimgate.gateway.admin.playground.problems import problem
from slimgate.gateway.admin.playground.rendering import Renderer
from slimgate.gateway.admin.playground.results import LASTS_S, MAX_UPLOAD, Result, Results
from slimgate.gateway.http.byte_budget import ByteBudget
from slimgate.gateway.telemetry.savings_history import SavingsHistory
from slimgate.gateway.workers.pool import Workers

ROOT: Final = "/_slimgate/"

_AT_ONCE: Final = 4
"""Concurrent previews: most of the queue is for clients of the bucket."""

_MAX_EARLIER: Final = 16
"""Most results of one image in its curve."""

_GIB: Final = 2**30
DEFAULTS: Final = Policy(name="defaults", bucket="*", mode="optimize")
"""Offered if no policy is configured."""

# Uploaded files are untrusted: display only.
_INERT: Final = {"Content-Security-Policy": "default-src 'none'; sandbox"}


class Pages:
    """Request handlers of the playground.

    Args:
        settings: Settings at startup.
        policies: Policies in force.
        workers: Optimize and restore images.
        buffers: Bytes held in memory.
        renderer: Renders the pages.
        history: Savings by day.
    """

    def __init__(
        self,
        settings: Settings,
        policies: Policies,
        workers: Workers,
        buffers: ByteBudget,
        renderer: Renderer,
        history: SavingsHistory,
    ) -> None:
        self._settings = settings
        self._in_force = policies
        self._workers = workers
        self._buffers = buffers
        self.renderer = renderer
        self._results = Results()
        self._feedback = Feedback(settings.admin.feedback)
        self._previews = 0
        self._history = history

    async def index(self, _: web.Request) -> web.Response:
        """Show the upload form."""
        policies = [(each, result_view.policy_demands(each)) for each in self._policies()]
        return self.renderer.page(
            "index.html",
            policies=policies,
            max_bytes=MAX_UPLOAD,
            minutes=int(LASTS_S / 60),
            taken=formats.TAKEN,
        )

    async def attempt(self, request: web.Request) -> web.Response:
        """Preview the uploaded image, and redirect to the result or return it as JSON."""
        with self._one_more():
            async with forms.reserved(request, self._buffers, MAX_UPLOAD, form=True):
                form = await forms.form(request, MAX_UPLOAD)
                if not form.file:
                    raise RequestRefused(400, "choose an image first")
                policy = self._named(form.get("policy"))
                result = await preview.preview(self._workers, policy, form.file_name, form.file)
        return self._previewed(request, result)

    async def again(self, request: web.Request) -> web.Response:
        """Preview the image of a result under other settings, and redirect to that result."""
        before = self._found(request)
        form = await forms.field_lists(request)
        policy = variants.varied(
            before.policy, form.get("fidelity", [""])[-1], form.get("tiers", [])
        )
        with self._one_more():
            result = await preview.preview(self._workers, policy, before.name, before.upload)
        point = curve.won(before)
        earlier = () if point is None else (point._replace(kind="earlier"),)
        result.earlier = (*before.earlier, *earlier)[-_MAX_EARLIER:]
        return self._previewed(request, result)

    @contextmanager
    def _one_more(self) -> Iterator[None]:
        if self._previews >= _AT_ONCE:
            raise RequestRefused(
                503, f"{_AT_ONCE} images are being processed already: wait a moment"
            )
        self._previews += 1
        try:
            yield
        finally:
            self._previews -= 1

    def _previewed(self, request: web.Request, result: Result) -> web.Response:
        url = f"{ROOT}results/{self._results.put(result)}"
        if "application/json" in request.headers.get("Accept", ""):
            return web.json_response(brief(result, url))
        raise web.HTTPSeeOther(url)

    async def share(self, request: web.Request) -> web.Response:
        """Return a result as one file to download."""
        text = self.renderer.standalone("share.html", **share.shared(self._found(request)))
        kept = {"Content-Disposition": 'attachment; filename="slimgate-result.html"', **_INERT}
        return web.Response(text=text, content_type="text/html", headers=kept)

    async def result(self, request: web.Request) -> web.Response:
        """Show a result."""
        return self.renderer.page(
            "result.html",
            **result_view.result_view(self._found(request)),
            id=request.match_info["id"],
            judges=self._feedback.wanted,
            keeps_images=self._settings.admin.feedback.images is not None,
            max_comment=MAX_COMMENT,
        )

    async def file(self, request: web.Request) -> web.Response:
        """Return one of the three files of a result."""
        result, which = self._found(request), request.match_info["file"]
        body, mime = result.upload, result.mime
        if which == "stored":
            body = result.found.rendition if result.found else b""
            mime = mime_of(result.found.manifest.stored.codec) if result.found else None
        elif which == "restored":
            body = result.served or b""
        if not body or mime is None:
            raise RequestRefused(404, "this image has no such file")
        return web.Response(body=body, content_type=mime, headers=_INERT)

    async def judge(self, request: web.Request) -> web.Response:
        """Save a verdict."""
        result = self._found(request)
        form = await forms.fields(request)
        verdict = form.get("verdict", "")
        if verdict not in VERDICTS:
            raise RequestRefused(400, f"the verdict must be one of {', '.join(VERDICTS)}")
        if not self._feedback.wanted:
            raise RequestRefused(409, "verdicts are not saved here: set admin.feedback.path")
        if not result.may_be_judged:
            raise RequestRefused(
                409, "there are enough verdicts on this result: try the image again"
            )
        await self._feedback.take(result, verdict, form.get("comment", ""))
        raise web.HTTPSeeOther(f"{ROOT}results/{request.match_info['id']}#verdict")

    async def savings(self, request: web.Request) -> web.Response:
        """Show the savings by bucket; with ``?table`` only the table, for live updates."""
        found = await asyncio.to_thread(lambda: savings.by_bucket(savings.counted()))
        queued = await asyncio.to_thread(lambda: savings.queued(savings.counted()))
        total = savings.total(found.values())
        spared = await asyncio.to_thread(lambda: savings.spared(savings.counted()))
        price = self._settings.admin.price_per_gb_month
        template = "savings_table.html" if "table" in request.query else "savings.html"
        return self.renderer.page(
            template,
            buckets=found,
            total=total,
            price=price,
            per_byte=price / _GIB,
            queued=queued,
            keeps_history=self._history.kept,
            histories=await histories(self._history) if "table" not in request.query else [],
            spared=spared,
        )

    async def policies(self, _: web.Request) -> web.Response:
        """Show the policies in force."""
        policies = tuple(self._in_force)
        settings = self._settings.model_copy(update={"policies": policies})
        shown = [(each, result_view.policy_demands(each)) for each in policies]
        return self.renderer.page(
            "policies.html",
            policies=shown,
            text=effective(settings),
            processes=self._settings.processes,
        )

    async def upscale(self, request: web.Request) -> web.Response:
        """Upscale an image, for scripts."""
        return await upscale.answer(request, self._workers, self._buffers)

    def _policies(self) -> Policies | list[Policy]:
        return self._in_force if len(self._in_force) else [DEFAULTS]

    def _named(self, name: str | None) -> Policy:
        for policy in self._policies():
            if policy.name == name:
                return policy
        raise RequestRefused(400, "this policy no longer exists: reload the page")

    def _found(self, request: web.Request) -> Result:
        result = self._results.get(request.match_info["id"])
        if result is None:
            raise RequestRefused(
                404,
                f"this result has expired after {LASTS_S / 60:.0f} minutes: try the image again",
            )
        return result

    def render_error(self, error: Exception) -> web.Response | None:
        """Return an error page; None: the error is unexpected."""
        found = problem(error)
        if found is None:
            return None
        status, message = found
        response = self.renderer.page(
            "problem.html", status=status, title=HTTPStatus(status).phrase, message=message
        )
        if status == HTTPStatus.SERVICE_UNAVAILABLE:
            response.headers["Retry-After"] = "1"
        return response
