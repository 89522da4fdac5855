"""The gateway processes of a supervisor."""

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Final, NamedTuple, Self

import aiohttp
from prometheus_client.multiprocess import mark_process_dead

from slimgate.config import Policy, Settings, share
from slimgate.gateway.runtime import control_messages
from slimgate.gateway.telemetry import metrics
from slimgate.gateway.telemetry.metrics import METRICS_FOLDER
from slimgate.gateway.workers.supervised_process import ProcessSpec, SupervisedProcess

_GRACE_S: Final = 20.0  # in addition to draining: time to end workers
_ANSWER_S: Final = 10.0


class Answer(NamedTuple):
    """HTTP status and text of a process's answer."""

    status: int
    text: str


class GatewayProcesses:
    """The configured number of gateway processes; lost ones are replaced.

    They inherit the listening sockets, and the kernel gives each connection to an idle process.
    While one is replaced, the others take its share.

    Args:
        settings: Settings of all processes together.
        sockets: File descriptors of the listening sockets.
        engine: Socket of the shared engine process.
        folder: Private folder of their metric files and sockets.
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
        """Start all processes concurrently.

        Raises:
            CannotStart: One fails to start; the others are stopped.
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
        """Drain all processes concurrently."""
        await asyncio.gather(*(each.__aexit__() for each in self._kept))

    @property
    def pids(self) -> list[int]:
        """Return the PIDs of running processes."""
        return [each.pid for each in self._kept if each.pid is not None]

    def set_policies(self, policies: tuple[Policy, ...]) -> None:
        """Set the policies of all current and future processes."""
        self._settings = self._settings.model_copy(update={"policies": policies})
        self._tell(control_messages.SetPolicies(policies))

    def reload_certificate(self) -> None:
        """Reload the certificate in all processes."""
        self._tell(control_messages.ReloadCertificate())

    async def reload_credentials(self) -> None:
        """Read the credentials file again in all processes."""
        self._tell(control_messages.ReloadCredentials())

    async def ask(self, number: int, path: str) -> Answer | None:
        """Send an admin request to one process; None: it does not answer."""
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
        """Send an admin request to all processes."""
        numbers = range(self._settings.processes)
        return await asyncio.gather(*(self.ask(number, path) for number in numbers))

    def _tell(self, message: control_messages.Message) -> None:
        for each in self._kept:
            each.tell(control_messages.encode(message))

    def _spec(self, number: int) -> ProcessSpec:
        return ProcessSpec(
            name="gateway",
            module="slimgate.gateway.runtime.gateway_process",
            first_message=lambda: self._first_message(number),
            lost=metrics.GATEWAYS_LOST,
            pass_fds=self._sockets,
            aws=True,
            environment={METRICS_FOLDER: str(self._folder)},
            stop_timeout_s=self._settings.shutdown_timeout_s + _GRACE_S,
            heartbeat_timeout_s=self._settings.heartbeat_timeout_s,
            gone=self._forget,
        )

    def _first_message(self, number: int) -> bytes:
        # The supervisor serves the admin listener and checks the token.
        admin = self._settings.admin.model_copy(update={"listen": None})
        own = share(self._settings, number).model_copy(update={"admin": admin})
        start = control_messages.Start(
            number, own, self._sockets, self._engine, self.operators(number)
        )
        return control_messages.encode(start)

    def operators(self, number: int) -> Path:
        """Return the admin socket of a process."""
        return self._folder / f"operators-{number}"

    def _forget(self, pid: int) -> None:
        """Drop the gauges of an ended process; its counters still count."""
        mark_process_dead(pid, str(self._folder))  # type: ignore[no-untyped-call]
