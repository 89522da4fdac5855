"""Benchmark one contender in its own process, so that only its memory counts."""

from multiprocessing import get_context
from typing import Self

from slimgate.models.bench.benchmark_worker import Contender, Measured, serve
from slimgate.models.engine.network import CannotRun


class BenchmarkProcess:
    """A benchmark process; the context manager stops it.

    Args:
        contender: contender to measure.
    """

    def __init__(self, contender: Contender) -> None:
        context = get_context("spawn")  # a fork would share, and so hide, memory of this process
        self._title = contender.title
        self._connection, theirs = context.Pipe()
        self._process = context.Process(target=serve, args=(contender, theirs), daemon=True)
        self._process.start()
        theirs.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()
        self._process.terminate()  # nothing to lose, and it may be busy for long
        self._process.join()

    def prepare(self) -> None:
        """Wait until the restorer is loaded and warmed up.

        Raises:
            CannotRun: it cannot run here; the message says what to install.
        """
        if problem := self._asked(None):
            raise CannotRun(str(problem))

    def run(self, seconds: float) -> Measured:
        """Restore images for some time, at least one.

        Raises:
            CannotRun: the engine failed.
        """
        answer = self._asked(seconds)
        if not isinstance(answer, Measured):
            raise CannotRun(str(answer))
        return answer

    def _asked(self, seconds: float | None) -> object:
        try:
            if seconds is not None:
                self._connection.send(seconds)
            return self._connection.recv()
        except (EOFError, ConnectionError) as error:
            raise CannotRun(
                f"the process that measures {self._title!r} died; see the lines above, "
                "or try a smaller image if memory is short"
            ) from error
