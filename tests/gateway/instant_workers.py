"""Workers without processes, for tests of what is around them."""

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, Final, Self

from slimgate.codec.manifest import Manifest
from slimgate.codec.optimize import Optimized
from slimgate.config import Engine
from slimgate.gateway.s3.digests import md5_hex
from slimgate.gateway.workers.pool import Workers

RENDITION: Final = b"rendition"
IMAGE: Final = b"\xff\xd8\xff\xe0" + bytes(1000)
"""The beginning of a JPEG: whether more of it is one, only workers know."""


class InstantWorkers(Workers):
    """Workers that make :data:`RENDITION` of any upload, and one file of any rendition.

    Args:
        file: What renditions restore to.
        error: What optimizing ends with; None: it succeeds.

    Attributes:
        optimized: What was to be optimized.
        restored: How many files were restored.
        meanwhile: Awaited during the work.
    """

    def __init__(self, file: bytes = IMAGE, error: Exception | None = None) -> None:
        super().__init__(Engine(), address=Path("nobody"))
        self._file = file
        self._error = error
        self.optimized: list[bytes] = []
        self.restored = 0
        self.meanwhile: Callable[[], Awaitable[object]] | None = None

    async def __aenter__(self) -> Self:
        """Start nothing."""
        return self

    async def optimize(self, data: bytes, *_: Any, **__: Any) -> Optimized:
        """Return the rendition."""
        self.optimized.append(data)
        if self.meanwhile is not None:
            await self.meanwhile()
        if self._error is not None:
            raise self._error
        return Optimized(RENDITION, manifest(len(data), await md5_hex(data)), ())

    async def restore(self, rendition: bytes, manifest: Manifest) -> tuple[bytes, bool]:
        """Return the file."""
        del manifest
        assert rendition == RENDITION
        self.restored += 1
        if self.meanwhile is not None:
            await self.meanwhile()
        return self._file, True


def manifest(size: int = 100_000, etag: str = "a" * 32) -> Manifest:
    """Return the manifest of an image.

    Args:
        size: Bytes of the file that was uploaded.
        etag: Its MD5.
    """
    told: dict[str, Any] = {
        "v": 1, "n": size, "md5": etag, "ct": "image/png", "w": 640, "h": 427,
        "st": {"t": "exact", "c": "jxl", "q": 100, "x": 1, "r": None}, "sha": "1" * 64,
        "cd": "2" * 32, "fid": {"p": 100.0, "s": 1.0, "o": 1.0}, "pol": "3" * 12, "gw": "0.1.0",
    }  # fmt: skip
    return Manifest.model_validate(told, by_alias=True, by_name=False)
