"""The codecs of renditions, an explicit list of frozen cards."""

from collections.abc import Callable
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, Protocol

from slimgate.codec.containers import Mode, bmff, jpeg_payload, webp_payload
from slimgate.codec.encoders import avif, jpeg, jxl, lepton, webp, zstd
from slimgate.codec.encoders.settings import EncoderSettings
from slimgate.codec.image.pixels import Pixels


class Read(Protocol):
    """Decodes a rendition of known mode and size."""

    def __call__(
        self, data: bytes, *, mode: str, width: int, height: int, threads: int = 1
    ) -> Pixels:
        """Return uint8 pixels (height, width[, 3 or 4]).

        Args:
            data: rendition.
            mode: expected mode.
            width: expected width, pixels.
            height: expected height, pixels.
            threads: maximum number of threads; codecs that gain nothing ignore it.

        Raises:
            Undecodable: the rendition does not match the manifest; detected before decoding.
            OSError, ValueError, SyntaxError: the rendition is damaged.
        """
        ...


@dataclass(frozen=True, slots=True)
class Codec:
    """One codec.

    Attributes:
        name: name in manifests and policies.
        mime: media type of its files.
        max_side: maximum width and height, pixels.
        alpha: supports an alpha channel.
        described: its files carry colour profile and orientation.
        installed: returns whether its library is installed.
        encode: encodes uint8 pixels (height, width[, 3 or 4]) that the codec :meth:`takes`.
        read: decodes a rendition.
        icc_profile: returns the profile of a rendition, or None.
        attach: adds header segments to a rendition.
        extract: returns them, or None.
    """

    name: str
    mime: str
    max_side: int
    alpha: bool
    described: bool
    installed: Callable[[], bool]
    encode: Callable[[Pixels, EncoderSettings], bytes]
    read: Read
    icc_profile: Callable[[bytes], bytes | None]
    attach: Callable[[bytes, bytes], bytes]
    extract: Callable[[bytes], bytes | None]

    def takes(
        self, mode: Mode, size: tuple[int, int], *, icc: bytes | None, orientation: int
    ) -> bool:
        """Return whether a rendition of the image would look like the upload in any viewer.

        Args:
            mode: ``L``, ``RGB`` or ``RGBA``.
            size: width and height of the rendition.
            icc: colour profile of the upload.
            orientation: EXIF orientation of the upload.
        """
        plain = icc is None and orientation == 1
        return (
            max(size) <= self.max_side
            and (self.alpha or mode != "RGBA")
            and (self.described or plain)
        )


_CODECS: Final = (
    Codec(
        name="avif",
        mime=avif.MIME,
        max_side=avif.MAX_SIDE,
        alpha=True,
        described=True,
        installed=avif.installed,
        encode=avif.encode,
        read=avif.read,
        icc_profile=avif.icc_profile,
        attach=bmff.attach,
        extract=bmff.extract,
    ),
    Codec(
        name="webp",
        mime=webp.MIME,
        max_side=webp.MAX_SIDE,
        alpha=True,
        described=True,
        installed=webp.installed,
        encode=webp.encode,
        read=webp.read,
        icc_profile=webp.icc_profile,
        attach=webp_payload.attach,
        extract=webp_payload.extract,
    ),
    Codec(
        name="jxl",
        mime=jxl.MIME,
        max_side=jxl.MAX_SIDE,
        alpha=True,
        described=False,
        installed=jxl.installed,
        encode=jxl.encode,
        read=jxl.read,
        icc_profile=jxl.icc_profile,
        attach=bmff.attach,
        extract=bmff.extract,
    ),
    Codec(
        name="jpeg",
        mime=jpeg.MIME,
        max_side=jpeg.MAX_SIDE,
        alpha=False,
        described=True,
        installed=jpeg.installed,
        encode=jpeg.encode,
        read=jpeg.read,
        icc_profile=jpeg.icc_profile,
        attach=jpeg_payload.attach,
        extract=jpeg_payload.extract,
    ),
)

_BY_NAME: Final = MappingProxyType({codec.name: codec for codec in _CODECS})

NAMES: Final = frozenset(_BY_NAME)

_WHOLE: Final = MappingProxyType({"lepton": lepton.MIME, "zstd": zstd.MIME})
"""Media types of codecs that hold whole files only."""


def mime_of(name: str) -> str:
    """Return the media type of a codec's files, even if its library is not installed.

    Raises:
        LookupError: unknown codec.
    """
    return _WHOLE[name] if name in _WHOLE else _BY_NAME[name].mime


def by_name(name: str) -> Codec:
    """Return the codec of a name in manifests and policies.

    Raises:
        LookupError: unknown codec, or its library is not installed.
    """
    codec = _BY_NAME.get(name)
    if codec is None:
        raise LookupError(f"unknown codec {name!r}; choose one of {', '.join(sorted(NAMES))}")
    if not codec.installed():
        raise LookupError(f"the codec {name} is not installed: reinstall pillow and imagecodecs")
    return codec
