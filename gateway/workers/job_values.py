"""Inputs and results of jobs, which leave no data behind in a worker process.

The pool keeps arguments and result of a job until the next one is done, and an exception keeps the
variables of all its frames: hundreds of megabytes.
"""

import gc
import pickle
import traceback
from collections.abc import Callable
from typing import Generic, TypeVar

_T = TypeVar("_T")


class JobInput:
    """Bytes for a job; the worker releases them once the job has taken them."""

    def __init__(self, data: bytes) -> None:
        self._data = data

    def take(self) -> bytes:
        """Return the bytes and forget them."""
        data, self._data = self._data, b""
        return data


class JobResult(Generic[_T]):
    """Value or error of a job; the worker releases both once they are sent.

    Attributes:
        spent: The process holds more memory than at its start, and should be replaced.
    """

    def __init__(
        self, value: _T | None = None, error: Exception | None = None, *, spent: bool = False
    ) -> None:
        self._value = value
        self._error = error
        self.spent = spent

    def __reduce__(self) -> "tuple[Callable[..., JobResult[_T]], tuple[object, ...]]":
        value, error = self._value, self._error
        self._value = self._error = None
        return _received, (value, error, self.spent)

    def unwrap(self) -> _T:
        """Return the value, or raise the error."""
        if self._error is not None:
            raise self._error
        return self._value  # type: ignore[return-value]  # set if there is no error


def _received(value: _T | None, error: Exception | None, spent: bool) -> JobResult[_T]:
    return JobResult(value, error, spent=spent)


def result_of(job: Callable[[], _T]) -> JobResult[_T]:
    """Run a job and catch any exception.

    Returns:
        The value, or the error without its frames.
    """
    result: JobResult[_T]
    try:
        return JobResult(job())
    except Exception as error:  # noqa: BLE001  # raised again by the parent process
        result = JobResult(error=_bare(error))
    gc.collect()  # frames and exceptions form reference cycles
    return result


def _bare(error: Exception) -> Exception:
    """Strip an error of everything but its message; its traceback becomes a note."""
    error.add_note("".join(traceback.format_exception(error)))
    traceback.clear_frames(error.__traceback__)
    error.__traceback__ = error.__cause__ = error.__context__ = None
    try:
        pickle.loads(pickle.dumps(error))  # noqa: S301  # our own object
    except Exception:  # noqa: BLE001  # library exceptions may raise anything here
        return RuntimeError(f"{type(error).__name__}: {error}")
    return error
