"""The protocol between codec workers and the engine: a fixed header, then raw pixels.

Nothing is pickled: unpickling would let anyone with access to the socket execute code.
"""

import math
import struct
from dataclasses import dataclass
from enum import IntEnum
from typing import ClassVar, Final, Self

from slimgate.models.engine.network import (
    COLOURS,
    BadResult,
    Busy,
    CannotRun,
    EngineError,
    OutOfMemory,
    TooLate,
    stacked_channels,
)

MAX_PIXELS: Final = 1 << 28
"""Maximum output pixels, above the limit of manifests."""

MAX_MESSAGE: Final = 4096


_CHANNELS: Final = frozenset({1, COLOURS, *(stacked_channels(scale) for scale in (2, 3, 4))})


class Broken(EngineError):
    """A message violates the protocol."""


@dataclass(frozen=True, slots=True)
class Request:
    """A request to enlarge an image, or to refine a shrunk one.

    Attributes:
        restorer: content hash, 16 hex digits.
        scale: integer factor, 1 to 4.
        level: coding level, 0 to 255.
        height: height of the small image, pixels.
        width: width of the small image, pixels.
        channels: 1 or 3; more for downscalers, see ``models.engine.downscaling.stacked``.
    """

    restorer: str
    scale: int
    level: int
    height: int
    width: int
    channels: int

    LAYOUT: ClassVar[struct.Struct] = struct.Struct("!4s16sBBBII")
    MAGIC: ClassVar[bytes] = b"slg1"

    @property
    def small_shape(self) -> tuple[int, ...]:
        """Return the shape of the pixels after the header."""
        return self._shape(1, self.channels)

    @property
    def full_shape(self) -> tuple[int, ...]:
        """Return the shape of the pixels of the response."""
        return self._shape(self.scale, min(self.channels, COLOURS))

    def _shape(self, scale: int, channels: int) -> tuple[int, ...]:
        sides = self.height * scale, self.width * scale
        return sides if channels == 1 else (*sides, channels)

    @property
    def small_bytes(self) -> int:
        """Return the number of bytes after the header."""
        return math.prod(self.small_shape)

    @property
    def full_bytes(self) -> int:
        """Return the number of bytes of the response."""
        return math.prod(self.full_shape)

    def pack(self) -> bytes:
        """Encode the header."""
        return self.LAYOUT.pack(
            self.MAGIC,
            self.restorer.encode("ascii"),
            self.scale,
            self.level,
            self.channels,
            self.height,
            self.width,
        )

    @classmethod
    def unpack(cls, header: bytes) -> Self:
        """Decode a header.

        Raises:
            Broken: not a valid header, or a value is out of range.
        """
        magic, restorer, scale, level, channels, height, width = cls.LAYOUT.unpack(header)
        sensible = (
            magic == cls.MAGIC
            and restorer.isalnum()
            and 1 <= scale <= 4
            and channels in _CHANNELS
            and 1 <= height * width * max(scale * scale, channels // COLOURS) <= MAX_PIXELS
        )
        if not sensible:
            raise Broken("not a request for an image")
        return cls(restorer.decode("ascii"), scale, level, height, width, channels)


STATUS_REQUEST: Final = b"slgs".ljust(Request.LAYOUT.size, b"\0")
"""Request for the state of the engine, in place of a header; see
:mod:`slimgate.models.engine.status`."""


class Status(IntEnum):
    """Outcome of a request; all except ``DONE`` are followed by a message."""

    DONE = 0
    BUSY = 1
    TOO_LATE = 2
    FAULTY = 3
    OUT_OF_MEMORY = 4
    CANNOT_RUN = 5
    UNKNOWN = 6
    FAILED = 7


ANSWER: Final = struct.Struct("!BI")
"""Status, and the number of bytes that follow."""

_ERRORS: Final[dict[Status, type[Exception]]] = {
    Status.BUSY: Busy,
    Status.TOO_LATE: TooLate,
    Status.FAULTY: BadResult,
    Status.OUT_OF_MEMORY: OutOfMemory,
    Status.CANNOT_RUN: CannotRun,
    Status.UNKNOWN: LookupError,
    Status.FAILED: EngineError,
}


def status_of(error: Exception) -> Status:
    """Return the status of an error."""
    for status, kind in _ERRORS.items():
        if isinstance(error, kind):
            return status
    return Status.FAILED


def error_of(status: int, message: bytes) -> Exception:
    """Return the error of a status and message."""
    text = message.decode("utf-8", "replace")
    try:
        return _ERRORS[Status(status)](text)
    except (KeyError, ValueError):
        return Broken(f"the engine answered with an unknown status {status}")
