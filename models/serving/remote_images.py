"""Enlarge images on engines on other machines: choose one, and another one if it fails."""

import asyncio
import contextlib
import logging
import random
import ssl
import time
from collections import Counter
from collections.abc import Collection, Sequence
from typing import Final, Self

from slimgate.config import RemoteEngines
from slimgate.models.engine import wire
from slimgate.models.engine.network import Busy, EngineError, Pixels, TooLate, Unreachable
from slimgate.models.engine.status import EngineStatus, RemoteOutcome, RemoteStatus
from slimgate.models.serving import discovery
from slimgate.models.serving.connection import Connection, WrongResult
from slimgate.models.serving.discovery import Address
from slimgate.models.serving.remote_engine import RemoteEngine

_RESOLVE_S: Final = 5.0
_ATTEMPTS: Final = 4
"""Attempts per image; each on another engine, if there is one."""

_START_S: Final = 5.0
_PATIENCE_S: Final = 2.0
"""Wait for an engine that has just been lost: a restart takes about as long."""

_log = logging.getLogger(__name__)


class RemoteImages:
    """Enlarges images on the least loaded of two engines taken at random.

    Args:
        settings: addresses and limits.
        token: token of requests; None: none is sent.
        required: hashes of networks that each engine must have.
    """

    def __init__(
        self, settings: RemoteEngines, token: str | None, required: Collection[str]
    ) -> None:
        self._settings = settings
        self._token = token
        self._required = frozenset(required)
        file = settings.ca_file
        self._context = None if file is None else ssl.create_default_context(cafile=file)
        self._engines: dict[Address, RemoteEngine] = {}
        self._usable = asyncio.Event()
        self._asked = asyncio.Event()
        self._lost_at = -_PATIENCE_S
        self._attempts: Counter[RemoteOutcome] = Counter()
        self._resolving: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        """Ask all engines once; those that do not answer are asked again later."""
        await self._resolve()
        self._resolving = asyncio.create_task(self._keep_resolving())
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_START_S):
                await self._asked.wait()
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._resolving is not None:
            self._resolving.cancel()
            await asyncio.gather(self._resolving, return_exceptions=True)
        await asyncio.gather(*(each.close() for each in self._engines.values()))

    @property
    def status(self) -> EngineStatus:
        """Return the state of all engines, and what became of the attempts."""
        engines = tuple(
            RemoteStatus(str(at), each.state, each.reason, each.load)
            for at, each in sorted(self._engines.items())
        )
        attempts = {str(name): count for name, count in self._attempts.items()}
        return EngineStatus(remote=engines, attempts=attempts)

    async def enlarge(
        self, request: wire.Request, small: Pixels, *, timeout_s: float | None = None
    ) -> Pixels:
        """Enlarge an image; see :meth:`slimgate.models.engine.images.Images.enlarge`."""
        deadline = time.monotonic() + min(self._settings.timeout_s, timeout_s or float("inf"))
        tried: list[RemoteEngine] = []
        failure: Exception = Unreachable("no remote engine can be used: see the log")
        for _ in range(_ATTEMPTS):
            engine = await self._chosen(tried, deadline)
            if engine is None:
                break
            try:
                full = await engine.enlarge(request, small, deadline - time.monotonic())
            except TimeoutError as error:
                self._attempts["late"] += 1
                limit = f"{self._settings.timeout_s:g} s"
                raise TooLate(f"no engine restored the image within {limit}") from error
            except (EngineError, LookupError) as error:
                self._attempts[_outcome(error)] += 1
                _log.debug("attempt on %s failed: %s", engine.address, error)
                failure = error
                if not isinstance(error, Unreachable):
                    tried.append(engine)
            else:
                self._attempts["done"] += 1
                return full
        if isinstance(failure, Unreachable):
            # The engine process itself can be reached; it is engines that are short.
            raise Busy(str(failure)) from failure
        raise failure

    async def _chosen(self, tried: Sequence[RemoteEngine], deadline: float) -> RemoteEngine | None:
        """Return the engine for the next attempt; None: there is none."""
        now = time.monotonic()
        lost = any(each.state == "lost" for each in self._engines.values())
        if lost and not self._usable.is_set() and now < self._lost_at + _PATIENCE_S:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(min(deadline, self._lost_at + _PATIENCE_S) - now):
                    await self._usable.wait()
        ready = (each for each in self._engines.values() if each.state == "ready")
        return choose([each for each in ready if each not in tried])

    async def _keep_resolving(self) -> None:
        while True:
            await asyncio.sleep(_RESOLVE_S)
            await self._resolve()

    async def _resolve(self) -> None:
        """Take up engines that have come, and leave those that are gone and no longer listed."""
        found = await asyncio.gather(*map(discovery.addresses, self._settings.urls))
        listed = frozenset[Address]().union(*found)
        for address in sorted(listed - self._engines.keys()):
            most = self._settings.connections
            connection = Connection(address, self._token, most, self._context)
            self._engines[address] = RemoteEngine(
                address, connection, self._required, self._changed
            )
        gone = [
            each
            for address, each in self._engines.items()
            if address not in listed and each.is_idle and each.state not in {"new", "ready"}
        ]
        for each in gone:
            del self._engines[each.address]
        await asyncio.gather(*(each.close() for each in gone))
        self._changed()

    def _changed(self) -> None:
        engines = self._engines.values()
        if any(each.state == "ready" for each in engines):
            self._usable.set()
        elif self._usable.is_set():
            self._usable.clear()
            self._lost_at = time.monotonic()
        if all(each.state != "new" for each in engines):
            self._asked.set()


def choose(engines: Sequence[RemoteEngine]) -> RemoteEngine | None:
    """Return the less loaded of two engines taken at random; None: there are none.

    Loads are a moment old, and known to all gateways: if all chose the least loaded one of many,
    they would flood it.
    """
    two = random.sample(engines, min(2, len(engines)))
    return min(two, key=lambda each: each.load, default=None)


def _outcome(error: Exception) -> RemoteOutcome:
    if isinstance(error, WrongResult):
        return "wrong"
    if isinstance(error, Unreachable):
        return "lost"
    return "full" if isinstance(error, Busy) else "failed"
