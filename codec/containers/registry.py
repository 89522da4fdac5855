"""Recognize image files, and a common interface to the three that are parsed: parse, assemble."""

from collections.abc import Callable
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, Literal, NamedTuple

from slimgate.codec.containers import jpeg, kinds, png, webp
from slimgate.codec.containers.errors import Unsupported
from slimgate.codec.containers.gain_map import GainMap
from slimgate.codec.containers.jpeg import Padding

FormatName = Literal["JPEG", "PNG", "WEBP"]
Mode = Literal["L", "RGB", "RGBA"]

_PNG_MODES: Final[dict[int, Mode]] = {1: "L", 3: "RGB", 4: "RGBA"}


@dataclass(frozen=True, slots=True)
class Container:
    """The parsed properties of an image file.

    Attributes:
        mime: media type by magic bytes.
        format: format, as Pillow names it.
        width: width, pixels.
        height: height, pixels.
        mode: mode of the decoded image, as Pillow names it.
        metadata: header segments, opaque; :func:`assemble` restores them verbatim.
        icc: colour profile.
        progressive: progressive JPEG.
        subsampling: ``4:4:4``, ``4:2:2``, ``4:2:0``; None for gray, other ratios, other formats.
        lossless: the file codes its pixels without loss.
        gain_map: gain map from which readers compute an HDR picture.
        deep: samples have 16 bits; they are decoded only if each is a byte twice.
        palette: colours of a PNG file with indices, a byte for each channel of the mode.
    """

    mime: str
    format: FormatName
    width: int
    height: int
    mode: Mode
    metadata: bytes
    icc: bytes | None
    progressive: bool
    subsampling: str | None
    lossless: bool
    gain_map: GainMap | None = None
    deep: bool = False
    palette: bytes = b""


class _Format(NamedTuple):
    mime: str
    matches: Callable[[bytes], bool]
    parse: Callable[[bytes], Container]
    assemble: Callable[[bytes, bytes, int, Padding], bytes]
    overhead: Callable[[bytes], int]


def sniff(head: bytes) -> str | None:
    """Return the media type by magic bytes; None if unsupported.

    Args:
        head: start of the file; at most the first ``kinds.SNIFFED`` bytes matter.
    """
    name = _name(head)
    return _FORMATS[name].mime if name else kinds.whole_type(head)


def parse(data: bytes) -> Container:
    """Parse an image file up to its last byte, without decoding pixels.

    Raises:
        Unsupported: the file is damaged, of another format, or has an unsupported feature.
    """
    name = _name(data)
    if name is None:
        raise Unsupported("neither jpeg nor png nor webp")
    return _FORMATS[name].parse(data)


def assemble(
    format: FormatName,  # noqa: A002 - Pillow's word
    encoded: bytes,
    metadata: bytes,
    size: int,
    *,
    padding: Padding = "end",
) -> bytes:
    """Return an encoded file with the header segments and the size of the upload.

    Args:
        format: ``JPEG``, ``PNG`` or ``WEBP``.
        encoded: a complete file of that format; its own metadata is dropped.
        metadata: header segments from :class:`Container`.
        size: required size, bytes.
        padding: where the padding of a JPEG goes.

    Raises:
        DoesNotFit: the file cannot have that size.
        Unsupported: ``encoded`` or ``metadata`` is damaged.
    """
    return _FORMATS[format].assemble(encoded, metadata, size, padding)


def overhead(format: FormatName, metadata: bytes) -> int:  # noqa: A002 - Pillow's word
    """Return the bytes that kept segments add to a file without metadata.

    Raises:
        Unsupported: ``metadata`` is damaged.
    """
    return _FORMATS[format].overhead(metadata)


def _name(head: bytes) -> FormatName | None:
    start = head[: kinds.SNIFFED]
    return next((name for name, entry in _FORMATS.items() if entry.matches(start)), None)


def _parse_jpeg(data: bytes) -> Container:
    file = jpeg.parse(data)
    return Container(
        mime="image/jpeg",
        format="JPEG",
        width=file.width,
        height=file.height,
        mode="L" if file.components == 1 else "RGB",
        metadata=file.metadata,
        icc=file.icc,
        progressive=file.progressive,
        subsampling=file.subsampling,
        lossless=False,
        gain_map=file.gain_map,
    )


def _parse_png(data: bytes) -> Container:
    file = png.parse(data)
    return Container(
        mime="image/png",
        format="PNG",
        width=file.width,
        height=file.height,
        mode=_PNG_MODES[file.channels],
        metadata=file.metadata,
        icc=file.icc,
        progressive=False,
        subsampling=None,
        lossless=True,
        deep=file.deep,
        palette=file.palette,
    )


def _parse_webp(data: bytes) -> Container:
    file = webp.parse(data)
    return Container(
        mime="image/webp",
        format="WEBP",
        width=file.width,
        height=file.height,
        mode="RGBA" if file.alpha else "RGB",
        metadata=file.metadata,
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
            lambda file, metadata, size, padding: jpeg.assemble(
                file, metadata, size, padding=padding
            ),
            jpeg.overhead,
        ),
        "PNG": _Format(
            "image/png",
            lambda head: head.startswith(b"\x89PNG\r\n\x1a\n"),
            _parse_png,
            lambda file, metadata, size, _: png.assemble(file, metadata, size),
            png.overhead,
        ),
        "WEBP": _Format(
            "image/webp",
            lambda head: head.startswith(b"RIFF") and head[8:12] == b"WEBP",
            _parse_webp,
            lambda file, metadata, size, _: webp.assemble(file, metadata, size),
            webp.overhead,
        ),
    }
)
