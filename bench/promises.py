"""Judge a served file by what its tier promises, without the code that made it.

Files are taken apart here by readers of their own, and decoded and scored by other packages.
"""

import io
import warnings
from collections.abc import Callable
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt
from imagecodecs import png_decode
from PIL import Image

from bench import reference
from bench.reference import Pixels
from slimgate.codec.containers import png_chunks, webp_layout

_PNG: Final = b"\x89PNG\r\n\x1a\n"
_COM: Final = b"\xfe"
_CODED: Final = frozenset({b"VP8 ", b"VP8L", b"VP8X", b"ALPH", webp_layout.PADDING})
_LOSSY: Final = frozenset({"recode", "downscale"})
_SMALLEST: Final = 8  # pixels, of an image with a score
_SLACK: Final = 0.01  # of SSIMULACRA2, between implementations
_BLENDED_SLACK: Final = 2.0  # the package scores pixels that are blended to 8 bits


class Unreadable(ValueError):
    """A file is not built as its format says."""


class Around(NamedTuple):
    """What surrounds the picture of a file.

    Attributes:
        fixed: positions and bytes of what keeps its place.
        kept: what is kept in order.
    """

    fixed: tuple[tuple[int, bytes], ...]
    kept: tuple[bytes, ...]


def broken(upload: bytes, served: bytes, tier: str, score: float) -> str:
    """Return which promise a served file breaks; an empty string if none.

    Args:
        upload: file as uploaded.
        served: file as served.
        tier: tier of its rendition; plain: it has none.
        score: SSIMULACRA2 score that a file with loss must have.
    """
    if served == upload:
        return ""
    if tier not in _LOSSY | {"lossless"}:
        return "other bytes"
    if len(served) != len(upload):
        return f"{len(served) - len(upload):+} bytes"
    if changed := _changed(upload, served):
        return changed
    if tier == "lossless":
        return "" if np.array_equal(_samples(upload), _samples(served)) else "other pixels"
    return _worse(_pixels(upload), _pixels(served), score)


def _changed(upload: bytes, served: bytes) -> str:
    try:
        before, after = around(upload), around(served)
    except Unreadable as error:
        return f"cannot be taken apart: {error}"
    if before == after:
        return ""
    return f"other {'places' if before.kept == after.kept else 'bytes'} around the picture"


def _samples(data: bytes) -> npt.NDArray[Any]:
    """Decode a file with all of its bits."""
    return png_decode(data) if data.startswith(_PNG) else reference.decoded(data)


def _worse(before: Pixels, after: Pixels, score: float) -> str:
    if before.shape != after.shape:
        return f"{after.shape} instead of {before.shape}"
    if min(before.shape[:2]) < _SMALLEST:
        return "too small for a score"
    found = reference.ssimulacra2(before, after)
    slack = _BLENDED_SLACK if before.shape[2:] == (4,) else _SLACK
    return "" if found >= score - slack else f"SSIMULACRA2 {found:.2f}"


def _pixels(data: bytes) -> Pixels:
    """Decode a file as readers show it, with 8 bits."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Pillow has something to say about mutated files
        with Image.open(io.BytesIO(data)) as image:
            if image.mode.startswith("I"):
                return np.asarray(np.asarray(image) >> 8, np.uint8)
        return reference.decoded_plainly(data)


def around(data: bytes) -> Around:
    """Take a JPEG, PNG or WebP file apart.

    Raises:
        Unreadable: it is none of these, or not built as its format says.
    """
    for start, reader in _READERS.items():
        if data.startswith(start):
            return reader(data)
    raise Unreadable("unknown format")


def _jpeg(data: bytes) -> Around:
    """Find the header segments, and what follows the first picture (ITU-T T.81, annex B).

    Segments may point behind the picture, so they keep their places if anything is there.
    """
    at, found, behind_scan = 2, list[tuple[int, bytes]](), False
    while True:
        start = at
        while data[at : at + 1] == b"\xff":
            at += 1
        marker = data[at : at + 1]
        at += 1
        if at == start + 1 or not marker:
            raise Unreadable(f"no marker at byte {start}")
        if marker == b"\xd9":
            fixed = [each for each in found if each[1][:1] != _COM] if data[at:] else []
            return Around((*fixed, (at, data[at:])), tuple(segment for _, segment in found))
        if marker == b"\x01":
            continue
        size = int.from_bytes(data[at : at + 2], "big")
        segment, at = marker + data[at : at + size], at + size
        if marker == _COM or 0xE0 <= marker[0] <= 0xEF:
            padding = behind_scan and marker == b"\xee" and not segment[3:].strip(b"\0")
            found += [] if padding else [(at - size, segment)]
        if marker == b"\xda":
            at, behind_scan = _end_of_scan(data, at), True


def _end_of_scan(data: bytes, at: int) -> int:
    while (at := data.find(b"\xff", at)) >= 0:
        following = data[at + 1 : at + 2]
        if following not in (b"\0", b"\xff") and not b"\xd0" <= following <= b"\xd7":
            return at
        at += 1 if following == b"\xff" else 2
    raise Unreadable("no end of a scan")


def _png(data: bytes) -> Around:
    """Find all chunks but those of the picture, and what follows the end."""
    at, kept, before = 8, list[bytes](), list[tuple[int, bytes]]()
    name, found = b"", False
    while name != b"IEND":
        size, name = int.from_bytes(data[at : at + 4], "big"), data[at + 4 : at + 8]
        if at + 12 + size > len(data):
            raise Unreadable(f"no chunk at byte {at}")
        chunk = data[at : at + 12 + size]
        found = found or name == b"IDAT"
        if not found:
            before.append((at, chunk))
        elif name not in (b"IDAT", png_chunks.PADDING):
            kept.append(chunk)
        at += 12 + size
    return Around((*before, (at, data[at:])), tuple(kept))


def _webp(data: bytes) -> Around:
    """Find all chunks but those of the picture, and what follows the file (RFC 9649)."""
    end, at, kept = 8 + int.from_bytes(data[4:8], "little"), 12, list[bytes]()
    while at + 8 <= end:
        size = int.from_bytes(data[at + 4 : at + 8], "little")
        if data[at : at + 4] not in _CODED:
            kept.append(data[at : at + 8 + size])
        at += 8 + size + size % 2
    if at < end:
        raise Unreadable(f"no chunk at byte {at}")
    return Around(((end, data[end:]),), tuple(kept))


_READERS: Final[dict[bytes, Callable[[bytes], Around]]] = {
    b"\xff\xd8": _jpeg,
    _PNG: _png,
    b"RIFF": _webp,
}
