"""Gateways that share Redis: whether their policies agree.

Each gateway reloads its policies by itself. Where they differ, what is stored depends on the
gateway that an upload meets, and listings on the gateway that is asked.
"""

import asyncio
import contextlib
import hashlib
import os
import re
import secrets
import socket
from collections.abc import Awaitable, Mapping
from importlib.metadata import version
from typing import Any, Final, Self, cast

import structlog

from slimgate.config import Policies
from slimgate.gateway.cache.redis_client import RedisConnection, Unavailable
from slimgate.gateway.telemetry import metrics

_PREFIX: Final = "slimgate:peers:1:"
_INTERVAL_S: Final = 5.0
_LIFETIME_S: Final = 20
"""Time after which a gateway counts as gone that has not published, seconds."""

_PATIENCE: Final = 3
"""Looks in a row that find a difference: gateways need some seconds to reload a changed file."""

_MAX_PEERS: Final = 1000
_MAX_TEXT: Final = 64
_PUBLISHED: Final = re.compile(r"([0-9a-f]{12}) ([0-9A-Za-z.+-]{1,20})")
_SHOWN: Final = 5

_log = structlog.get_logger(__name__)


class Peers:
    """Publish the digest of the policies in force, and compare it with those of other gateways.

    Entries expire by the clock of Redis. Without a working Redis, nothing is known or reported.

    Args:
        redis: Connection of its own, closed with it.
        store: Endpoint of the store: only gateways in front of the same one are compared.
        policies: Policies in force.
    """

    def __init__(self, redis: RedisConnection, store: str, policies: Policies) -> None:
        self._redis = redis
        self._policies = policies
        # All names share a cluster slot.
        self._set = f"{_PREFIX}{{{hashlib.sha256(store.encode()).hexdigest()[:16]}}}"
        self._name = f"{socket.gethostname()[:64]}:{os.getpid()}:{secrets.token_hex(3)}"
        self._looks = 0
        self._reported: Mapping[str, str] = {}
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        """Begin to publish and compare."""
        self._task = asyncio.create_task(self._run())
        return self

    async def __aexit__(self, *_: object) -> None:
        """Withdraw what was published."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        with contextlib.suppress(Unavailable):
            async with self._redis.writing() as client, client.pipeline(transaction=False) as pipe:
                pipe.srem(self._set, self._name)
                pipe.delete(self._entry(self._name))
                await pipe.execute()
        await self._redis.close()

    @property
    def warning(self) -> str | None:
        """Return how policies differ, and what to do; None: they agree as far as is known."""
        if not self._reported:
            return None
        others = [f"{name} has {text}" for name, text in sorted(self._reported.items())]
        more = f" and {len(others) - _SHOWN} more" if len(others) > _SHOWN else ""
        return (
            f"policies differ among gateways that share Redis: this one ({self._name}) has "
            f"{self._own}, {', '.join(others[:_SHOWN])}{more}. Give all the same policies and the "
            "same version of slimgate, and reload them (SIGHUP)."
        )

    async def look(self) -> None:
        """Publish the own digest, and compare those of all gateways."""
        try:
            found = await self._exchange()
        except Unavailable:
            self._looks, self._reported = 0, {}
            metrics.PEERS.set(0)
            metrics.PEERS_DIFFERING.set(0)
            return
        metrics.PEERS.set(len(found))
        own = self._policies.digest
        self._judge({name: text for name, text in found.items() if text.split()[0] != own})

    async def _run(self) -> None:
        while True:
            await self.look()
            await asyncio.sleep(_INTERVAL_S)

    def _judge(self, others: Mapping[str, str]) -> None:
        """Report a difference that lasts, and its end."""
        self._looks = self._looks + 1 if others else 0
        before, now = self._reported, others if self._looks >= _PATIENCE else {}
        self._reported = now
        metrics.PEERS_DIFFERING.set(len(now))
        if set(now.values()) - set(before.values()):
            _log.error("policies differ among gateways", policies=self._own, reason=self.warning)
        elif before and not now:
            _log.info("policies agree among gateways", policies=self._own)

    @property
    def _own(self) -> str:
        return f"{self._policies.digest} {version('slimgate')}"

    async def _exchange(self) -> Mapping[str, str]:
        """Publish, and return what all gateways have published, by name.

        Raises:
            Unavailable: Redis failed.
        """
        async with self._redis.writing() as client, client.pipeline(transaction=False) as pipe:
            pipe.set(self._entry(self._name), self._own, ex=_LIFETIME_S)
            pipe.sadd(self._set, self._name)
            pipe.expire(self._set, _LIFETIME_S)
            # Bounded, whatever another program writes there.
            pipe.srandmember(self._set, _MAX_PEERS)
            members = (await pipe.execute())[-1]
        names = [each.decode(errors="replace") for each in members if len(each) <= 2 * _MAX_TEXT]
        async with self._redis.reading() as client, client.pipeline(transaction=False) as pipe:
            for name in names:
                pipe.getrange(self._entry(name), 0, _MAX_TEXT)
            texts = await pipe.execute()
        found = {
            name: text.decode(errors="replace") for name, text in zip(names, texts, strict=True)
        }
        await self._forget([name for name, text in found.items() if not text])
        return published(found)

    async def _forget(self, names: list[str]) -> None:
        """Remove the names of gateways that are gone."""
        if names:
            async with self._redis.writing() as client:
                await cast("Awaitable[Any]", client.srem(self._set, *names))

    def _entry(self, name: str) -> str:
        return f"{self._set}:{name}"


def published(found: Mapping[str, str]) -> Mapping[str, str]:
    """Return what gateways have published, without what other programs may have written.

    Args:
        found: Texts by the name of a gateway.
    """
    return {name: text for name, text in found.items() if _PUBLISHED.fullmatch(text)}
