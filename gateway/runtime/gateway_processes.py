"""The gateway processes that a supervisor keeps, and what can be learned from them."""

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Final, NamedTuple, Self

import aiohttp
from prometheus_client.multiprocess import mark_process_dead

from config import Policy, Settings, share
from gateway.runtime import control_messages
from gateway.telemetry import metrics
from gateway.telemetry.metrics import METRICS_FOLDER
from gateway.workers.supervised_process import ProcessSpec, SupervisedProcess

_GRACE_S: Final = 20.0  # beyond the time for draining: ending workers takes some
_ANSWER_S: Final = 10.0


class Answer(NamedTuple):
    """What a process answered: HTTP status, and text."""

    status: int
    text: str


class GatewayProcesses:
    """As many gateway processes as the configuration says, each replaced when it is lost.

    They inherit the listening sockets, and the kernel gives each connection to one that waits for
    some. While one is replaced the others take its share.

    Args:
        settings: What all together may use.
        sockets: Numbers of the open sockets that they listen to.
        engine: Socket of the one engine process.
        folder: Where they count and answer, for nobody else to enter.
    """

    def __init__(
        self, settings: Settings, sockets: Sequence[int], engine: Path, folder: Path
    ) -> None:
        self._settings = settings
        self._sockets = tuple(sockets)
        self._engine = engine
        self._folder = folder
        self._kept = [SupervisedProcess(self._spec(n)) for n in range(settings.processes)]

    async def __aenter__(self) -> Self:
        """Start all of them at the same time.

        Raises:
            CannotStart: One does not come up; then none is left.
        """
        begun = await asyncio.gather(
            *(each.__aenter__() for each in self._kept), return_exceptions=True
        )
        failures = [result for result in begun if isinstance(result, BaseException)]
        if failures:
            await self.__aexit__()
            raise failures[0]
        return self

    async def __aexit__(self, *_: object) -> None:
        """Let all of them drain at the same time."""
        await asyncio.gather(*(each.__aexit__() for each in self._kept))

    @property
    def pids(self) -> list[int]:
        """Give the numbers of those that live."""
        return [each.pid for each in self._kept if each.pid is not None]

    def set_policies(self, policies: tuple[Policy, ...]) -> None:
        """Tell all of them, and those that come after them, of other policies."""
        self._settings = self._settings.model_copy(update={"policies": policies})
        self._tell(control_messages.SetPolicies(policies))

    def reload_certificate(self) -> None:
        """Tell all of them that there is another certificate."""
        self._tell(control_messages.ReloadCertificate())

    async def ask(self, number: int, path: str) -> Answer | None:
        """Ask one of them what it would tell operators; None: it does not answer."""
        connector = aiohttp.UnixConnector(str(self.operators(number)))
        timeout = aiohttp.ClientTimeout(total=_ANSWER_S)
        try:
            async with (
                aiohttp.ClientSession(connector=connector, timeout=timeout) as session,
                session.get(f"http://process{path}") as response,
            ):
                return Answer(response.status, await response.text())
        except (aiohttp.ClientError, TimeoutError):
            return None

    async def ask_all(self, path: str) -> list[Answer | None]:
        """Ask each of them the same."""
        numbers = range(self._settings.processes)
        return await asyncio.gather(*(self.ask(number, path) for number in numbers))

    def _tell(self, message: control_messages.Message) -> None:
        for each in self._kept:
            each.tell(control_messages.encode(message))

    def _spec(self, number: int) -> ProcessSpec:
        return ProcessSpec(
            name="gateway",
            module="gateway.runtime.gateway_process",
            first_message=lambda: self._first_message(number),
            lost=metrics.GATEWAYS_LOST,
            pass_fds=self._sockets,
            environment={METRICS_FOLDER: str(self._folder)},
            stop_timeout_s=self._settings.shutdown_timeout_s + _GRACE_S,
            heartbeat_timeout_s=self._settings.heartbeat_timeout_s,
            gone=self._forget,
        )

    def _first_message(self, number: int) -> bytes:
        # The supervisor itself listens to operators, and asks for the token.
        admin = self._settings.admin.model_copy(update={"listen": None})
        own = share(self._settings, number).model_copy(update={"admin": admin})
        start = control_messages.Start(
            number, own, self._sockets, self._engine, self.operators(number)
        )
        return control_messages.encode(start)

    def operators(self, number: int) -> Path:
        """Give the socket over which one of them answers operators."""
        return self._folder / f"operators-{number}"

    def _forget(self, pid: int) -> None:
        """Add up no more what it had at the moment; what it has counted stays counted."""
        mark_process_dead(pid, str(self._folder))  # type: ignore[no-untyped-call]
