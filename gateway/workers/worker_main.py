"""The life of a worker process: confine itself, then perform jobs until the gateway hangs up."""

import faulthandler
import gc
import json
import os
import socket
from dataclasses import replace
from pathlib import Path
from typing import Final, Literal

from pydantic import TypeAdapter
from pydantic.dataclasses import dataclass

from slimgate import models
from slimgate.gateway.workers import jobs, messages
from slimgate.gateway.workers.job_values import FAILURES, JOBS, RESULTS, failure_of
from slimgate.gateway.workers.messages import Kind, Message
from slimgate.gateway.workers.sandbox.confine import confine

_NICENESS: Final = 5
"""Pass-through requests should not wait for a core that optimizes an image."""

_ENGINE_SILENCE_S: Final = 120.0
"""Longer than the limits of engine and pool, which end a job first."""

_UNLIMITED: Final = 1 << 62

STEP_LENGTH: Final = 32
"""Most bytes of the name of a step."""


@dataclass(frozen=True)
class WorkerSpec:
    """How a worker works.

    Attributes:
        memory: Memory of a job, bytes.
        engine: Socket of the engine process, which the gateway connects to.
        speed: Class of the engine.
        sandbox: Whether to confine the worker, and what if that is not possible.
        programs: Let it start the program that reads text.
    """

    memory: int
    engine: Path
    speed: models.Speed
    sandbox: Literal["auto", "required", "off"] = "auto"
    programs: bool = False


SPECS: Final = TypeAdapter(WorkerSpec)


class Gateway:
    """The worker's end of its connection to the gateway.

    Args:
        connection: A stream socket, blocking.
    """

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection

    def receive(self) -> Message:
        """Wait for a message.

        Raises:
            EOFError: The gateway has hung up.
        """
        head = self._received(messages.HEAD.size)
        kind, document, body = messages.unpacked(head, _UNLIMITED)
        return Message(kind, self._received(document), self._received(body))

    def send(self, kind: Kind, document: bytes, body: bytes = b"") -> None:
        """Send a message."""
        self._connection.sendall(messages.head(kind, document, len(body)))
        self._connection.sendall(body)

    def step(self, name: str) -> None:
        """Report the current step; empty: a job was taken."""
        self.send(Kind.STEP, name.encode()[:STEP_LENGTH])

    def connect(self) -> socket.socket:
        """Return a connection to the engine, which the gateway opens.

        Raises:
            ConnectionError: It could not.
        """
        self.send(Kind.CONNECT, b"")
        answer, descriptors, _, _ = socket.recv_fds(self._connection, 1, 1)
        if answer != messages.GRANTED or len(descriptors) != 1:
            raise ConnectionRefusedError("it does not listen")
        return socket.socket(socket.AF_UNIX, socket.SOCK_STREAM, 0, descriptors[0])

    def _received(self, size: int) -> bytes:
        """Read exactly `size` bytes; they are copied once, if no signal interrupts."""
        data = self._connection.recv(size, socket.MSG_WAITALL) if size else b""
        while len(data) < size:
            more = self._connection.recv(size - len(data), socket.MSG_WAITALL)
            if not more:
                raise EOFError("the gateway has hung up")
            data += more
        return data


def work(connection: socket.socket) -> None:
    """Perform jobs until the gateway hangs up.

    Args:
        connection: A stream socket to it.
    """
    faulthandler.enable()
    gateway = Gateway(connection)
    try:
        spec = SPECS.validate_json(gateway.receive().document)
        os.nice(_NICENESS)
        remote = models.Remote(gateway.connect, timeout_s=_ENGINE_SILENCE_S)
        jobs.initialize(spec.memory, models.Upscalers(remote), gateway.step, spec.speed)
        missing = {} if spec.sandbox == "off" else confine(programs=spec.programs)
        gateway.send(Kind.READY, json.dumps(missing).encode())
        while True:
            _work_once(gateway)
    except EOFError:
        return


def _work_once(gateway: Gateway) -> None:
    """Perform one job; nothing of it stays."""
    message = gateway.receive()
    gateway.step("")
    document, data = message.document, [message.body]
    del message
    try:
        result, file = jobs.perform(JOBS.validate_json(document), data.pop())
    except Exception as error:  # noqa: BLE001  # raised again by the gateway
        failure = failure_of(error)
    else:
        spent = jobs.is_spent()
        gateway.send(Kind.RESULT, RESULTS.dump_json(replace(result, spent=spent)), file)
        return
    gc.collect()  # frames and exceptions form reference cycles
    gateway.send(Kind.FAILURE, FAILURES.dump_json(replace(failure, spent=jobs.is_spent())))
