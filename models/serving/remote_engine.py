"""One engine on another machine: whether it can be used, and how much it has to do."""

import asyncio
import contextlib
import logging
import random
from collections.abc import Callable, Collection
from typing import Final

from slimgate.models.engine import wire
from slimgate.models.engine.network import Pixels, Unreachable
from slimgate.models.engine.status import RemoteState
from slimgate.models.registry import catalog
from slimgate.models.serving import protocol
from slimgate.models.serving.connection import Connection, Unauthorized, WrongResult
from slimgate.models.serving.discovery import Address

PROBE_S: Final = 2.0
_PROBE_TIMEOUT_S: Final = 5.0
_MOST_SILENCES: Final = 2
"""Probes without an answer after which an engine counts as lost: it may only be busy."""

_SHORTEST_PAUSE_S: Final = 0.25
_LONGEST_PAUSE_S: Final = 5.0

_log = logging.getLogger(__name__)


class RemoteEngine:
    """One engine, asked again and again what it has; used by one event loop.

    Args:
        address: where it is.
        connection: sends requests to it.
        required: hashes of networks that it must have.
        changed: called when it can be used, or no longer.
    """

    def __init__(
        self,
        address: Address,
        connection: Connection,
        required: Collection[str],
        changed: Callable[[], None],
    ) -> None:
        self.address = address
        self.state: RemoteState = "new"
        self.reason = "not asked yet"
        self._connection = connection
        self._required = required
        self._changed = changed
        self._doubted = asyncio.Event()
        self._in_flight: set[asyncio.Timeout] = set()
        self._silences = 0
        self._watching = asyncio.create_task(self._watch())

    @property
    def load(self) -> int:
        """Return the number of images it has to enlarge, as far as known here."""
        return max(len(self._in_flight), self._connection.queue)

    @property
    def is_idle(self) -> bool:
        """Return whether it has no image of this process."""
        return not self._in_flight

    async def close(self) -> None:
        """Stop asking, and close all connections."""
        self._watching.cancel()
        await asyncio.gather(self._watching, return_exceptions=True)
        self._cut()
        await self._connection.close()

    async def enlarge(self, request: wire.Request, small: Pixels, timeout_s: float) -> Pixels:
        """Enlarge an image; see :meth:`slimgate.models.engine.images.Images.enlarge`.

        Raises:
            TimeoutError: the time has passed.
        """
        deadline = asyncio.timeout(timeout_s)
        try:
            async with deadline:
                self._in_flight.add(deadline)
                full = await self._connection.enlarge(request, small, timeout_s)
                self._silences = 0  # it works, even if probes wait behind images in a proxy
                return full
        except TimeoutError as error:
            if deadline not in self._in_flight:
                raise Unreachable(f"{self.address} was lost") from error
            raise
        except (Unauthorized, WrongResult) as error:
            self._become("refused", str(error))
            raise
        except Unreachable as error:
            # Others behind the same address may be well: ask before giving it up.
            self._become("lost", str(error))
            self._doubted.set()
            raise
        finally:
            self._in_flight.discard(deadline)

    async def _watch(self) -> None:
        pause_s = 0.0
        while True:
            self._doubted.clear()
            await self._ask()
            usable = self.state in {"ready", "resting"}
            pause_s = PROBE_S if usable else min(_LONGEST_PAUSE_S, 2 * pause_s or _SHORTEST_PAUSE_S)
            with contextlib.suppress(TimeoutError):
                # Not all gateways at the same moment.
                async with asyncio.timeout(pause_s * random.uniform(0.75, 1.25)):  # noqa: S311
                    await self._doubted.wait()

    async def _ask(self) -> None:
        try:
            async with asyncio.timeout(_PROBE_TIMEOUT_S):
                info = await self._connection.info()
        except TimeoutError:
            self._silences += 1
            if self._silences >= _MOST_SILENCES or self.state not in {"ready", "resting"}:
                self._lose(f"no answer within {_PROBE_TIMEOUT_S:g} s")
            return
        except (Unauthorized, wire.Broken) as error:
            self._become("refused", str(error))
        except Unreachable as error:
            self._lose(str(error))
        else:
            self._judge(info)
        self._silences = 0

    def _judge(self, info: protocol.Info) -> None:
        problem = mismatch(info, self._required)
        if problem is not None:
            self._become("refused", problem)
        elif info.ready:
            self._become("ready", "")
        else:
            self._become("resting", "it is starting, stopping or has failed its self-check")

    def _lose(self, reason: str) -> None:
        self._become("lost", reason)
        self._cut()

    def _cut(self) -> None:
        """End requests in flight: those to a machine that is gone would wait for their deadline."""
        loop = asyncio.get_running_loop()
        for deadline in self._in_flight:
            if not deadline.expired():
                deadline.reschedule(loop.time())
        self._in_flight.clear()

    def _become(self, state: RemoteState, reason: str) -> None:
        if (state, reason) != (self.state, self.reason):
            self.state, self.reason = state, reason
            level = logging.INFO if state in {"ready", "resting"} else logging.WARNING
            _log.log(level, "engine %s is %s%s", self.address, state, reason and f": {reason}")
        self._changed()


def mismatch(info: protocol.Info, required: Collection[str]) -> str | None:
    """Return why an engine must not be used; None: it may.

    Args:
        info: what it has.
        required: hashes of networks that it must have.
    """
    if info.protocol != protocol.VERSION:
        return f"it speaks version {info.protocol} of the protocol, not {protocol.VERSION}"
    for content_hash in sorted(required):
        if content_hash not in info.checks:
            name = catalog.needed_by(content_hash).name
            return f"it does not have {name}: upgrade it, or start it with --restorers {name}"
    for card in catalog.CATALOG:
        if card.check is not None and info.checks.get(card.hash, card.check) != card.check:
            return f"its {card.name} computes other bits"
    return None
