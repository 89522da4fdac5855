"""Read the directories of a TIFF file: sizes of its pictures, and where their data are.

Source: TIFF 6.0, sections 2 and 8 to 15; BigTIFF. Nothing is allocated by what a file says but by
what it has.
"""

import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from slimgate.codec.containers.errors import Unsupported

MAX_PAGES: Final = 4096
MAX_SEGMENTS: Final = 1 << 20
"""Maximum strips and tiles of all pictures."""

_MAX_ENTRIES: Final = 4096  # of a directory; real ones have 10 to 100
_MAX_ALL_ENTRIES: Final = 1 << 17  # of all directories, which may overlap in the file
_MAX_DEPTH: Final = 2  # a page, and its previews
_SIZES: Final = {1: 1, 3: 2, 4: 4, 7: 1, 13: 4, 16: 8, 18: 8}  # bytes of each integer type
_SUB: Final = 330
_DNG: Final = 50706
_USED: Final = frozenset(
    {256, 257, 258, 259, 262, 266, 273, 277, 278, 279, 284, 292, 293, 317, 347, *range(322, 326)}
    | {_SUB, _DNG}
)
"""The only tags whose numbers are read."""

_MOSAICS: Final = frozenset({32803, 34892})  # PhotometricInterpretation: CFA, LinearRaw
_CAMERAS: Final = frozenset({32767, 34713, 65535})  # Compression: Sony, Nikon, Pentax

Numbers = npt.NDArray[np.uint64]


@dataclass(frozen=True, slots=True)
class Page:
    """A directory: the numbers of its tags, as uint64 arrays.

    Attributes:
        tags: numbers by tag; tags that are not used, or not integers, are missing.
    """

    tags: Mapping[int, Numbers]

    def number(self, tag: int, default: int) -> int:
        """Return the first number of a tag."""
        found = self.tags.get(tag)
        return default if found is None or not found.size else int(found[0])

    @property
    def size(self) -> tuple[int, int]:
        """Return width and height, pixels; 0 if missing."""
        return self.number(256, 0), self.number(257, 0)


@dataclass(frozen=True, slots=True)
class Tiff:
    """A TIFF file.

    Attributes:
        order: byte order, ``<`` or ``>``, as :mod:`struct` writes it.
        pages: all directories, previews included, in order.
    """

    order: str
    pages: tuple[Page, ...]

    @property
    def is_raw(self) -> bool:
        """Return whether this is a camera's raw file."""
        return any(
            page.number(262, 0) in _MOSAICS or page.number(259, 1) in _CAMERAS or _DNG in page.tags
            for page in self.pages
        )

    @property
    def size(self) -> tuple[int, int]:
        """Return width and height of the largest picture, pixels."""
        sizes = [page.size for page in self.pages]
        return max(sizes, key=lambda size: size[0] * size[1], default=(0, 0))


def parse(data: bytes) -> Tiff:
    """Read all directories.

    Raises:
        Unsupported: not a TIFF file, damaged, or too many directories, tags or strips.
    """
    order = {b"II": "<", b"MM": ">"}.get(data[:2])
    if order is None or len(data) < 8:
        raise Unsupported("no TIFF file")
    try:
        reader = _Reader(data, order)
        pages = tuple(reader.pages())
    except struct.error as error:
        raise Unsupported("TIFF directory cut off") from error
    if not pages:
        raise Unsupported("TIFF file without a directory")
    return Tiff(order, pages)


class _Reader:
    """Reads directories, each at most once."""

    def __init__(self, data: bytes, order: str) -> None:
        self._data = data
        self._order = order
        self._big = struct.unpack_from(order + "H", data, 2)[0] == 43
        self._long = "Q" if self._big else "I"
        self._seen = set[int]()
        self._left = MAX_SEGMENTS * 2
        self._entries_left = _MAX_ALL_ENTRIES

    def pages(self) -> Iterator[Page]:
        yield from self._chain(self._number(8 if self._big else 4), depth=0)

    def _number(self, position: int) -> int:
        self._check(position)
        return int(struct.unpack_from(self._order + self._long, self._data, position)[0])

    def _check(self, position: int) -> None:
        if position >= len(self._data):  # may be too large for struct
            raise Unsupported("TIFF directory cut off")

    def _chain(self, position: int, *, depth: int) -> Iterator[Page]:
        while position and position not in self._seen:
            self._seen.add(position)
            if len(self._seen) > MAX_PAGES:
                raise Unsupported("too many TIFF directories")
            page, position = self._page(position)
            yield page
            if depth < _MAX_DEPTH:
                for start in page.tags.get(_SUB, np.zeros(0, np.uint64)):
                    yield from self._chain(int(start), depth=depth + 1)

    def _page(self, position: int) -> tuple[Page, int]:
        """Return a directory, and where the next one is; 0: nowhere."""
        self._check(position)
        head, entry = ("Q", 20) if self._big else ("H", 12)
        count = struct.unpack_from(self._order + head, self._data, position)[0]
        self._entries_left -= count
        if count > _MAX_ENTRIES or self._entries_left < 0:
            raise Unsupported("too many tags in TIFF directories")
        first = position + struct.calcsize(head)
        tags: dict[int, Numbers] = {}
        for start in range(first, first + count * entry, entry):
            tag, kind = struct.unpack_from(self._order + "HH", self._data, start)
            if tag in _USED and kind in _SIZES:
                tags.setdefault(tag, self._numbers(kind, start + 4))
        return Page(tags), self._number(first + count * entry)

    def _numbers(self, kind: int, position: int) -> Numbers:
        count, size = self._number(position), _SIZES[kind]
        start = position + struct.calcsize(self._long)
        if count * size > struct.calcsize(self._long):
            start = self._number(start)
        self._left -= count
        if self._left < 0 or start + count * size > len(self._data):
            raise Unsupported("a TIFF tag is longer than the file")
        found = np.frombuffer(self._data, f"{self._order}u{size}", count, start)
        return found.astype(np.uint64)
