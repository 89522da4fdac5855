"""One face for the three formats: tell them apart, parse, assemble."""

from collections.abc import Callable
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, Literal, NamedTuple

from codec.containers import jpeg, png, webp
from codec.containers.errors import Unsupported

FormatName = Literal["JPEG", "PNG", "WEBP"]
Mode = Literal["L", "RGB", "RGBA"]

_SNIFFED: Final = 32
_PNG_MODES: Final[dict[int, Mode]] = {1: "L", 3: "RGB", 4: "RGBA"}


@dataclass(frozen=True, slots=True)
class Container:
    """An image file as far as slimgate has to know it.

    Attributes:
        mime: Media type by its magic bytes.
        format: Pillow's name of the format.
        width: In pixels.
        height: In pixels.
        mode: Pillow's name for what it decodes to.
        kept: Header segments, opaque; :func:`assemble` puts them back verbatim.
        icc: The colour profile.
        progressive: Whether a JPEG is progressive.
        subsampling: ``4:4:4``, ``4:2:2``, ``4:2:0``; None for gray, other ratios, other formats.
        lossless: Whether the file holds its pixels without loss.
    """

    mime: str
    format: FormatName
    width: int
    height: int
    mode: Mode
    kept: bytes
    icc: bytes | None
    progressive: bool
    subsampling: str | None
    lossless: bool


class _Format(NamedTuple):
    mime: str
    matches: Callable[[bytes], bool]
    parse: Callable[[bytes], Container]
    assemble: Callable[[bytes, bytes, int], bytes]
    overhead: Callable[[bytes], int]


def sniff(head: bytes) -> str | None:
    """Tell the media type by magic bytes; None when it is not one of ours.

    Args:
        head: Start of the file; at most the first 32 bytes are looked at.
    """
    name = _name(head)
    return _FORMATS[name].mime if name else None


def parse(data: bytes) -> Container:
    """Read the structure of an image file up to its last byte; pixels are not decoded.

    Raises:
        Unsupported: The file is damaged, of another format, or has a feature that is not restored.
    """
    name = _name(data)
    if name is None:
        raise Unsupported("neither jpeg nor png nor webp")
    return _FORMATS[name].parse(data)


def assemble(format: FormatName, encoded: bytes, kept: bytes, size: int) -> bytes:  # noqa: A002 - Pillow's word
    """Give a freshly encoded file the header segments and the size of the upload.

    Args:
        format: ``JPEG``, ``PNG`` or ``WEBP``.
        encoded: A complete file of that format; its own metadata are dropped.
        kept: From :class:`Container`.
        size: Wanted length in bytes.

    Raises:
        DoesNotFit: No such file has that length.
        Unsupported: ``encoded`` or ``kept`` is damaged.
    """
    return _FORMATS[format].assemble(encoded, kept, size)


def overhead(format: FormatName, kept: bytes) -> int:  # noqa: A002 - Pillow's word
    """Count the bytes that kept segments add to a file that has no metadata of its own.

    Raises:
        Unsupported: ``kept`` is damaged.
    """
    return _FORMATS[format].overhead(kept)


def _name(head: bytes) -> FormatName | None:
    start = head[:_SNIFFED]
    return next((name for name, entry in _FORMATS.items() if entry.matches(start)), None)


def _parse_jpeg(data: bytes) -> Container:
    file = jpeg.parse(data)
    return Container(
        mime="image/jpeg",
        format="JPEG",
        width=file.width,
        height=file.height,
        mode="L" if file.components == 1 else "RGB",
        kept=file.kept,
        icc=file.icc,
        progressive=file.progressive,
        subsampling=file.subsampling,
        lossless=False,
    )


def _parse_png(data: bytes) -> Container:
    file = png.parse(data)
    return Container(
        mime="image/png",
        format="PNG",
        width=file.width,
        height=file.height,
        mode=_PNG_MODES[file.channels],
        kept=file.kept,
        icc=file.icc,
        progressive=False,
        subsampling=None,
        lossless=True,
    )


def _parse_webp(data: bytes) -> Container:
    file = webp.parse(data)
    return Container(
        mime="image/webp",
        format="WEBP",
        width=file.width,
        height=file.height,
        mode="RGBA" if file.alpha else "RGB",
        kept=file.kept,
        icc=file.icc,
        progressive=False,
        subsampling=None,
        lossless=file.lossless,
    )


_FORMATS: Final = MappingProxyType[FormatName, _Format](
    {
        "JPEG": _Format(
            "image/jpeg",
            lambda head: head.startswith(b"\xff\xd8\xff"),
            _parse_jpeg,
            jpeg.assemble,
            jpeg.overhead,
        ),
        "PNG": _Format(
            "image/png",
            lambda head: head.startswith(b"\x89PNG\r\n\x1a\n"),
            _parse_png,
            png.assemble,
            png.overhead,
        ),
        "WEBP": _Format(
            "image/webp",
            lambda head: head.startswith(b"RIFF") and head[8:12] == b"WEBP",
            _parse_webp,
            webp.assemble,
            webp.overhead,
        ),
    }
)
