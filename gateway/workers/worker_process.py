"""One worker process: it runs one job at a time, and is replaced when it is lost or spent."""

import asyncio
import json
from typing import Final

import structlog

from slimgate.codec.reasons import Reason
from slimgate.gateway.telemetry import metrics
from slimgate.gateway.workers.forking import forking
from slimgate.gateway.workers.job_values import JOBS, Failure, Job, Result
from slimgate.gateway.workers.lifeline import Lifeline
from slimgate.gateway.workers.messages import Kind, Message, Violation
from slimgate.gateway.workers.received import check_fit, checked
from slimgate.gateway.workers.sandbox.confine import PARTS, Part
from slimgate.gateway.workers.worker_connection import WorkerConnection
from slimgate.gateway.workers.worker_main import SPECS, STEP_LENGTH, WorkerSpec

_log = structlog.get_logger(__name__)

_MAX_JOBS: Final = 500  # recycle processes, in case a decoder leaks
_MAX_MESSAGES: Final = 10_000
"""Messages of one job: steps, and connections to the engine."""

_START_TIMEOUT_S: Final = 60.0
_END_TIMEOUT_S: Final = 5.0


class WorkerLost(Exception):
    """The process was lost: it crashed or timed out.

    Attributes:
        reason: Why an upload that it was working on stays as it is.
        detail: Particulars of the reason.
        step: Step it was running; empty: unknown.
    """

    def __init__(self, reason: Reason, detail: str, step: str = "") -> None:
        self.reason = reason
        self.detail = f"{detail} at step {step}" if step else detail
        self.step = step
        super().__init__(reason.told(self.detail))


class WorkerDied(WorkerLost):
    """The process crashed or was killed."""


class WorkerGone(Exception):
    """The process was dead before the job began; another one can run it."""


class WorkerProcess:
    """A process that decodes, encodes and restores images.

    Args:
        spec: How it works; it is started at once.

    Attributes:
        spec: How it works.
        step: Its current step; empty: none, or unknown.
        missing: Parts of the sandbox that it lacks, and why; None: not started yet.
    """

    def __init__(self, spec: WorkerSpec) -> None:
        self.spec = spec
        self.step = ""
        self.missing: dict[Part, str] | None = None
        handles = forking().worker()
        self._connection = WorkerConnection(handles.connection)
        self._lifeline = Lifeline(handles.lifeline)
        self._words = handles.words
        self._jobs = 0
        self._spent = False
        try:
            self._connection.send_first(SPECS.dump_json(spec))
        except ConnectionError:
            self._spent = True

    @property
    def is_fresh(self) -> bool:
        """Return whether it has not run a job yet."""
        return self._jobs == 0

    @property
    def is_usable(self) -> bool:
        """Return whether it can run another job."""
        return not self._spent and self._jobs < _MAX_JOBS and self._lifeline.exit_code() is None

    async def start(self) -> None:
        """Wait until it has started.

        Raises:
            WorkerGone: It ended.
            WorkerLost: It does not start, or lacks a part of the sandbox that is required.
        """
        if self.missing is None:
            try:
                async with asyncio.timeout(_START_TIMEOUT_S):
                    message = await self._connection.receive()
                self.missing = _missing(message)
            except TimeoutError as error:
                forking().close()  # it hangs
                raise WorkerLost(Reason.WORKER_LOST, "process does not start") from error
            except (EOFError, ConnectionError) as error:
                self._log_words("process ended at its start")
                raise WorkerGone("the process ended at its start: see the log") from error
        if self.missing and self.spec.sandbox == "required":
            lacking = ", ".join(f"{part} ({why})" for part, why in self.missing.items())
            raise WorkerLost(Reason.WORKER_LOST, f"process cannot be confined: {lacking}")

    async def run(
        self, timeout_s: float, job: Job, data: bytes, max_body: int
    ) -> tuple[Result, bytes]:
        """Run a job; return the result and a file.

        Args:
            timeout_s: Wall-clock timeout, seconds.
            job: What to do.
            data: File to work on.
            max_body: Most bytes that can come of it.

        Raises:
            WorkerDied, WorkerLost: The process crashed, timed out or broke the protocol.
            WorkerGone: It was dead before the job began.
            Exception: Any error of the job.
        """
        self._jobs += 1
        self.step = ""
        self._spent = True  # until the job returns; cancelling it ends the process
        began = False
        try:
            await self.start()
            async with asyncio.timeout(timeout_s):
                await self._connection.send(Kind.JOB, JOBS.dump_json(job), data)
                message = await self._connection.receive()
                began = True
                outcome, file = await self._outcome(message, max_body)
                check_fit(job, outcome, file)
        except TimeoutError as error:
            metrics.WORKERS_LOST.inc()
            detail = f"{timeout_s:g} s of wall-clock time"
            raise WorkerLost(Reason.TIMEOUT, detail, self.step) from error
        except (EOFError, ConnectionError, Violation) as error:
            if not began:
                raise WorkerGone from error
            raise await self._died(error) from error
        self._spent = outcome.spent
        metrics.WORKERS_REPLACED.inc(outcome.spent)
        if isinstance(outcome, Failure):
            raise outcome.exception()
        return outcome, file

    async def _outcome(self, message: Message, max_body: int) -> tuple[Result | Failure, bytes]:
        """Follow a job to its end, from its first message."""
        for _ in range(_MAX_MESSAGES):
            match message.kind:
                case Kind.STEP:
                    self.step = message.document[:STEP_LENGTH].decode("ascii", "replace")
                case Kind.CONNECT:
                    await self._connection.grant(self.spec.engine)
                case Kind.RESULT:
                    return checked(message), message.body
                case Kind.FAILURE:
                    return checked(message), b""
                case _:
                    break
            message = await self._connection.receive(max_body)
        raise Violation("it sent messages that do not belong there")

    async def _died(self, error: Exception) -> WorkerDied:
        metrics.WORKERS_LOST.inc()
        if isinstance(error, Violation):
            detail = f"process broke the protocol: {error}"
        else:
            code = await self._lifeline.ended(_END_TIMEOUT_S)
            detail = f"process died (exit code {code})"
        self._log_words(detail)
        return WorkerDied(Reason.WORKER_LOST, detail, self.step)

    def _log_words(self, detail: str) -> None:
        if words := self._words.take():
            _log.error("worker lost", pid=self._lifeline.pid, detail=detail, stacks=words)

    async def end(self) -> None:
        """End the process."""
        self._spent = True
        await self._lifeline.cut(_END_TIMEOUT_S)
        self._connection.close()
        self._words.close()


def _missing(message: Message) -> dict[Part, str]:
    """Return the parts of the sandbox that a worker says it lacks, and why."""
    if message.kind is not Kind.READY:
        raise Violation("it did not start")
    told = json.loads(message.document)
    return {part: str(told[part])[:200] for part in PARTS if part in told}


__all__ = ["WorkerDied", "WorkerGone", "WorkerLost", "WorkerProcess", "WorkerSpec"]
