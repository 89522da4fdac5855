"""Kill a gateway at every step of a deferred upload: ``python -m tests.crashes.queue_steps URL``.

A step is the moment before or after a request to the store or a change of the queue. Each is tried
in a process of its own, which is killed there; another one then goes on with the queue.
"""

import argparse
import asyncio
import hashlib
import os
import signal
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import ExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from functools import partial
from http import HTTPStatus
from pathlib import Path
from typing import Any, Final, NamedTuple, TypeVar

from pydantic import SecretStr

from slimgate.config import Deferred, Policies, Policy, RedisCacheSettings
from slimgate.config import Ledger as LedgerSettings
from slimgate.config import Manifests as ManifestSettings
from slimgate.config import Upstream as UpstreamSettings
from slimgate.gateway.deferred.images import QueuedImages
from slimgate.gateway.deferred.queue import Claimed, DeferredQueue, Depth
from slimgate.gateway.deferred.redis_queue import RedisQueue
from slimgate.gateway.deferred.sqlite_queue import SqliteQueue
from slimgate.gateway.handlers.deferring import Deferral, QueuedUpload
from slimgate.gateway.http.byte_budget import ByteBudget
from slimgate.gateway.jobs.resources import Tools
from slimgate.gateway.s3 import headers
from slimgate.gateway.s3.identity import CredentialSource, Identity
from slimgate.gateway.s3.routing import Target, key_target
from slimgate.gateway.storage.manifest_seals import Seals
from slimgate.gateway.storage.messages import Request, Response, read_bounded
from slimgate.gateway.storage.object_client import Caller, ObjectClient, UpstreamClient
from slimgate.gateway.storage.upstream import Upstream
from slimgate.gateway.telemetry.ledger import Ledger
from slimgate.gateway.telemetry.telemetry import Telemetry
from tests.gateway.instant_workers import IMAGE, RENDITION, InstantWorkers
from tests.servers.redis import RedisServer

_BUCKET: Final = "photos-steps"
_POLICY: Final = Policy(name="p", bucket=_BUCKET, mode="optimize", when="deferred")
_SETTINGS: Final = Deferred(lease_s=1)
_OLD: Final = b"an object that was there before"
_SAID: Final = {"Content-Type": "image/jpeg", "x-amz-meta-by": "new"}
_WITHIN_S: Final = 30.0
_MAX_STEPS: Final = 200
_MAX_BYTES: Final = 1 << 16

_T = TypeVar("_T")
Step = Callable[[], None]


class Found(NamedTuple):
    """What was found at all steps.

    Attributes:
        steps: Steps tried.
        stored: Those after which the store had the upload.
        lost: Of these, uploads that did not become renditions.
        altered: Objects that are neither the old one nor of the upload.
    """

    steps: int
    stored: int
    lost: int
    altered: int


@dataclass(frozen=True, slots=True)
class _SteppingClient(ObjectClient):
    """A client that steps before and after each request."""

    client: ObjectClient
    step: Step

    @property
    def passed_along(self) -> Mapping[str, str]:
        return self.client.passed_along

    def altered(
        self,
        *,
        source: CredentialSource | None = None,
        passed_along: Mapping[str, str] | None = None,
    ) -> "_SteppingClient":
        return replace(self, client=self.client.altered(source=source, passed_along=passed_along))

    @asynccontextmanager
    async def send(self, request: Request) -> AsyncIterator[Response]:
        self.step()
        async with self.client.send(request) as response:
            self.step()
            yield response


@dataclass(frozen=True, slots=True)
class _SteppingQueue:
    """A queue that steps before and after each change."""

    queue: DeferredQueue
    step: Step

    async def intend(self, upload: QueuedUpload) -> str | None:
        return await self._stepped(self.queue.intend(upload))

    async def confirm(self, token: str, upload: QueuedUpload) -> None:
        await self._stepped(self.queue.confirm(token, upload))

    async def withdraw(self, token: str) -> None:
        await self._stepped(self.queue.withdraw(token))

    async def leave(self, token: str) -> None:
        await self._stepped(self.queue.leave(token))

    async def claim(self) -> Claimed | None:
        return await self._stepped(self.queue.claim())

    async def complete(self, claimed: Claimed) -> None:
        await self._stepped(self.queue.complete(claimed))

    async def _stepped(self, work: Awaitable[_T]) -> _T:
        self.step()
        done = await work
        self.step()
        return done


@dataclass(frozen=True, slots=True)
class Stage:
    """Where uploads go.

    Attributes:
        store: URL of the store.
        folder: For files of the queue.
        redis: URL of Redis; None: the queue is a file.
    """

    store: str
    folder: Path
    redis: str | None = None

    def queue(self) -> DeferredQueue:
        """Return the queue, as another process opens it."""
        if self.redis is None:
            return SqliteQueue(self.folder / "queue.sqlite", self.store, _SETTINGS)
        settings = RedisCacheSettings(url=SecretStr(self.redis), timeout_ms=5000)
        return RedisQueue(settings, self.store, _SETTINGS)

    @asynccontextmanager
    async def client(self) -> AsyncIterator[ObjectClient]:
        """Open a client of the store."""
        async with Upstream(UpstreamSettings(endpoint=self.store)) as upstream:
            yield UpstreamClient(upstream, Caller(Identity("main", "main-secret")))

    def images(self, client: ObjectClient) -> QueuedImages:
        """Return what processes uploads."""
        tools = Tools(Policies((_POLICY,)), client, Seals(ManifestSettings()), InstantWorkers(), 1)
        telemetry = Telemetry(Ledger(LedgerSettings()))
        return QueuedImages(tools, ByteBudget(1 << 20), telemetry, remove_replaced=False)


def every_step(stage: Stage, *, overwrites: bool) -> Found:
    """Try every step.

    Args:
        stage: Where uploads go.
        overwrites: Whether there is an object before.
    """
    found = Found(0, 0, 0, 0)
    for number in range(_MAX_STEPS):
        target = key_target(_BUCKET, f"{overwrites}-{number}.jpg")
        asyncio.run(_prepared(stage, target, overwrites=overwrites))
        was_killed = _in_another_process(partial(_upload, stage, target, _killer(number)))
        was_stored = asyncio.run(_object(stage, target))[1] == "new"
        if _in_another_process(partial(_recover, stage)):
            raise RuntimeError("the process that goes on was killed")
        data, by = asyncio.run(_object(stage, target))
        is_right = data == RENDITION if was_stored else data == (_OLD if overwrites else None)
        is_new = data in {IMAGE, RENDITION} and by == "new"
        found = Found(
            found.steps + 1,
            found.stored + was_stored,
            found.lost + (was_stored and not is_right),
            found.altered + (not is_right and not is_new),
        )
        if not was_killed:
            return found
    raise RuntimeError(f"there are more than {_MAX_STEPS} steps")


def _killer(number: int) -> Step:
    left = iter(range(number))

    def step() -> None:
        if next(left, None) is None:
            os.kill(os.getpid(), signal.SIGKILL)

    return step


async def _prepared(stage: Stage, target: Target, *, overwrites: bool) -> None:
    async with stage.client() as client:
        async with client.send(Request("PUT", Target(_BUCKET, "", ""))):
            pass
        if overwrites:
            old = Request("PUT", target, headers={"x-amz-meta-by": "old"}, body=_OLD)
            async with client.send(replace(old, length=len(_OLD))) as response:
                assert response.status == HTTPStatus.OK


async def _object(stage: Stage, target: Target) -> tuple[bytes | None, str]:
    """Return what the store has, and who wrote it."""
    async with stage.client() as client, client.get(target) as response:
        if response.status != HTTPStatus.OK:
            return None, ""
        data = await read_bounded(response, _MAX_BYTES)
        assert (
            headers.bare_etag(response.headers)
            == hashlib.md5(data, usedforsecurity=False).hexdigest()
        )
        return data, response.headers["x-amz-meta-by"]


async def _upload(stage: Stage, target: Target, step: Step) -> None:
    """Do what a gateway does: store, queue, claim, optimize, and finish."""
    queue = stage.queue()
    await queue.open()
    stepping: Any = _SteppingQueue(queue, step)
    async with stage.client() as plain_client:
        client = _SteppingClient(plain_client, step)
        deferral = Deferral(stepping, Ledger(LedgerSettings()))
        request = Request("PUT", target, headers=dict(_SAID), body=IMAGE, length=len(IMAGE))
        async with (
            deferral.intent(_POLICY, client, target, len(IMAGE)) as intent,
            client.send(request) as response,
        ):
            intent.answered(response)
        await deferral.close()
        claimed = await stepping.claim()
        await stage.images(client)(claimed)
        await stepping.complete(claimed)
    await queue.close()


async def _recover(stage: Stage) -> None:
    """Work until the queue is empty, as the next gateway does."""
    queue, end = stage.queue(), time.monotonic() + _WITHIN_S
    await queue.open()
    async with stage.client() as client:
        images = stage.images(client)
        while (depth := await queue.depth()) != Depth(0, 0.0):
            if time.monotonic() > end:
                raise TimeoutError(f"{depth} after {_WITHIN_S:g} s")
            await queue.renew()
            claimed = await queue.claim()
            if claimed is None:
                await asyncio.sleep(0.05)
                continue
            await images(claimed)
            await queue.complete(claimed)
    await queue.close()


def _in_another_process(work: Callable[[], Any]) -> bool:
    """Run work in a fork of this process; return whether it was killed.

    Raises:
        RuntimeError: It has failed.
    """
    child = os.fork()
    if child == 0:
        code = 1
        try:
            asyncio.run(work())
            code = 0
        finally:
            os._exit(code)
    status = os.waitpid(child, 0)[1]
    if os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL:
        return True
    if status:
        raise RuntimeError(f"a process has ended with {status}")
    return False


def kinds(stage: Stage) -> Iterator[tuple[str, Found]]:
    """Try every step of an upload, and of an overwrite."""
    for overwrites in (False, True):
        yield "overwrite" if overwrites else "upload", every_step(stage, overwrites=overwrites)


def main() -> int:
    """Run the command line.

    Returns:
        0, or 1 when an upload was lost or an object altered.
    """
    parser = argparse.ArgumentParser(
        prog="python -m tests.crashes.queue_steps", description=__doc__
    )
    parser.add_argument("store", help="URL of a store whose keys are main and main-secret")
    parser.add_argument("--redis", action="store_true", help="the queue is in Redis")
    options = parser.parse_args()
    broken = 0
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        redis = stack.enter_context(RedisServer(folder)).url if options.redis else None
        for name, found in kinds(Stage(options.store, folder, redis)):
            sys.stdout.write(
                f"{name:<10}{found.steps:>4} steps, the upload was stored at {found.stored}: "
                f"{found.lost} lost, {found.altered} altered\n"
            )
            broken += found.lost + found.altered
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
