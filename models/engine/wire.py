"""What travels between codec workers and the engine: a fixed header, then bare pixels.

Nothing is pickled: whoever could write to the socket could otherwise run code.
"""

import struct
from dataclasses import dataclass
from enum import IntEnum
from typing import ClassVar, Final, Self

from models.engine.network import Busy, CannotRun, EngineError, Faulty, OutOfMemory, TooLate

MAX_PIXELS: Final = 1 << 28
"""Most pixels of an enlarged image: more than any manifest admits."""

MAX_MESSAGE: Final = 4096


class Broken(EngineError):
    """What came over the wire is not what was agreed on."""


@dataclass(frozen=True, slots=True)
class Request:
    """Ask for an image to be enlarged.

    Attributes:
        restorer: Content hash, 16 hex digits.
        scale: Whole factor, 1 to 4.
        level: How coarse the codec was, 0 to 255.
        height: Of the small image, in pixels.
        width: In pixels.
        channels: 1 or 3.
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
    def small_bytes(self) -> int:
        """Give the bytes that follow the header."""
        return self.height * self.width * self.channels

    @property
    def full_bytes(self) -> int:
        """Give the bytes of the answer."""
        return self.small_bytes * self.scale * self.scale

    def pack(self) -> bytes:
        """Write the header."""
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
        """Read a header.

        Raises:
            Broken: It is none, or asks for what is not allowed.
        """
        magic, restorer, scale, level, channels, height, width = cls.LAYOUT.unpack(header)
        sensible = (
            magic == cls.MAGIC
            and restorer.isalnum()
            and 1 <= scale <= 4
            and channels in {1, 3}
            and 1 <= height * width * scale * scale <= MAX_PIXELS
        )
        if not sensible:
            raise Broken("this is no request for an image")
        return cls(restorer.decode("ascii"), scale, level, height, width, channels)


FILL_REQUEST: Final = b"slgf".ljust(Request.LAYOUT.size, b"\0")
"""Request for the fill of batches, instead of a header; see :mod:`models.engine.batch_fill`."""


class Status(IntEnum):
    """How a request ended; everything but ``DONE`` is followed by a message."""

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
    Status.FAULTY: Faulty,
    Status.OUT_OF_MEMORY: OutOfMemory,
    Status.CANNOT_RUN: CannotRun,
    Status.UNKNOWN: LookupError,
    Status.FAILED: EngineError,
}


def status_of(error: Exception) -> Status:
    """Tell how an error travels."""
    for status, kind in _ERRORS.items():
        if isinstance(error, kind):
            return status
    return Status.FAILED


def error_of(status: int, message: bytes) -> Exception:
    """Make the error that travelled."""
    text = message.decode("utf-8", "replace")
    try:
        return _ERRORS[Status(status)](text)
    except (KeyError, ValueError):
        return Broken(f"the engine answered with an unknown status {status}")
