"""Frame and scan headers of JPEG files (ITU-T T.81, B.2.2, B.2.3 and table B.3)."""

from dataclasses import dataclass
from typing import Final

from slimgate.codec.containers.errors import Unsupported

_RGB_IDS: Final = (b"RGB", b"rgb")  # component identifiers of encoders that write RGB
_RATIOS: Final = {(1, 1): "4:4:4", (2, 1): "4:2:2", (2, 2): "4:2:0"}
_MAX_SCANS: Final = 100  # each costs a pass over the image; encoders write 10, at most about 70


@dataclass(frozen=True, slots=True)
class Component:
    """A component: its identifier, and its horizontal and vertical sampling factors."""

    id: int
    horizontal: int
    vertical: int


@dataclass(frozen=True, slots=True)
class Frame:
    """A frame header; sizes in pixels."""

    width: int
    height: int
    progressive: bool
    components: tuple[Component, ...]

    @property
    def subsampling(self) -> str | None:
        """Return the chroma subsampling; None for gray and unnamed ratios."""
        if len(self.components) == 1:
            return None
        luma, blue, red = self.components
        if (blue.horizontal, blue.vertical) != (red.horizontal, red.vertical):
            return None
        if luma.horizontal % blue.horizontal or luma.vertical % blue.vertical:
            return None
        ratio = (luma.horizontal // blue.horizontal, luma.vertical // blue.vertical)
        return _RATIOS.get(ratio)


def parse_frame(payload: bytes, *, progressive: bool) -> Frame:
    """Parse a frame header.

    Args:
        payload: bytes after the length field.
        progressive: whether the marker was SOF2.

    Raises:
        Unsupported: damaged, or not 8-bit gray or YCbCr.
    """
    if len(payload) < 6 or len(payload) != 6 + 3 * payload[5]:
        raise Unsupported("frame header of wrong length")
    if payload[0] != 8:
        raise Unsupported("sample precision is not 8 bits")
    if payload[5] not in (1, 3):
        raise Unsupported("neither one nor three components")
    height = int.from_bytes(payload[1:3], "big")
    width = int.from_bytes(payload[3:5], "big")
    if not (width and height):
        raise Unsupported("width or height of 0")
    return Frame(width, height, progressive, _components(payload[6:]))


def _components(table: bytes) -> tuple[Component, ...]:
    ids = table[0::3]
    if ids in _RGB_IDS:
        raise Unsupported("components are red, green and blue")
    if len(set(ids)) != len(ids):
        raise Unsupported("component named twice")
    components = tuple(
        Component(id_, factors >> 4, factors & 15)
        for id_, factors in zip(ids, table[1::3], strict=True)
    )
    if any(not (1 <= c.horizontal <= 4 and 1 <= c.vertical <= 4) for c in components):
        raise Unsupported("sampling factor out of range")
    return components


class Scans:
    """Checks that the scans of a frame form a complete image."""

    def __init__(self, frame: Frame) -> None:
        self._frame = frame
        self._ids = frozenset(component.id for component in frame.components)
        self._started: set[int] = set()
        self._count = 0

    def add(self, payload: bytes) -> None:
        """Add a scan header.

        Args:
            payload: bytes after the length field.

        Raises:
            Unsupported: damaged, or inconsistent with the frame or earlier scans.
        """
        self._count += 1
        if self._count > _MAX_SCANS:
            raise Unsupported("too many scans")
        if not payload or len(payload) != 4 + 2 * payload[0]:
            raise Unsupported("scan header of wrong length")
        ids = payload[1:-3:2]
        if not ids or len(set(ids)) != len(ids) or not self._ids.issuperset(ids):
            raise Unsupported("scan of unknown components")
        self._spectrum(frozenset(ids), payload[-3], payload[-2], payload[-1])

    def check_complete(self) -> None:
        """Check that every component was transmitted.

        Raises:
            Unsupported: a component has no initial scan.
        """
        if self._started != self._ids:
            raise Unsupported("component without a scan")

    def _spectrum(self, ids: frozenset[int], first: int, last: int, approximation: int) -> None:
        if not self._frame.progressive:
            if (first, last, approximation) != (0, 63, 0):
                raise Unsupported("sequential scan of a part of the spectrum")
            if self._started & ids:
                raise Unsupported("component sent twice")
            self._started |= ids
        elif first == 0:
            if last != 0:
                raise Unsupported("progressive scan mixes dc and ac")
            self._started |= ids
        elif not first <= last <= 63 or len(ids) != 1 or not ids <= self._started:
            raise Unsupported("progressive scan out of order")
