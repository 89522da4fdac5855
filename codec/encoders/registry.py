"""Every codec that renditions are written with: an explicit list of frozen cards."""

from collections.abc import Callable
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, Literal, Protocol

from codec.containers import Mode, bmff, jpeg_payload, webp_payload
from codec.encoders import avif, jpeg, jxl, webp
from codec.image.pixels import Pixels

Tune = Literal["psnr", "ssim"]
"""Which measure an encoder spends its bits on."""


class Encode(Protocol):
    """Writes pixels as a rendition."""

    def __call__(  # noqa: PLR0913 - said by name
        self,
        pixels: Pixels,
        quality: int,
        *,
        subsampling: str,
        speed: int,
        tune: Tune = "ssim",
        icc: bytes | None = None,
        orientation: int = 1,
    ) -> bytes:
        """Encode uint8 pixels (height, width[, 3 or 4]) so that viewers show them as uploaded.

        Args:
            pixels: Within what :meth:`Codec.takes`.
            quality: 0 (smallest) to 100, on the codec's own scale.
            subsampling: ``4:4:4``, ``4:2:2`` or ``4:2:0``, where the codec has a choice.
            speed: 0 (smallest file) to 10 (fastest).
            tune: What bits are spent on, where the codec has a choice.
            icc: Colour profile to embed.
            orientation: EXIF orientation to embed; the pixels stay as they are.
        """
        ...


class Read(Protocol):
    """Decodes a rendition of which mode and size are known, in one thread."""

    def __call__(self, data: bytes, *, mode: str, width: int, height: int) -> Pixels:
        """Give uint8 pixels (height, width[, 3 or 4]).

        Raises:
            Undecodable: It is not what the manifest says; found before pixels are decoded.
            OSError, ValueError, SyntaxError: It is damaged.
        """
        ...


@dataclass(frozen=True, slots=True)
class Codec:
    """One codec.

    Attributes:
        name: What manifests and policies call it.
        mime: Media type of its files.
        max_side: Most pixels on a side.
        alpha: Whether it stores an alpha channel.
        described: Whether its files carry a colour profile and an orientation.
        installed: Tells whether its library is here.
        encode: Writes a rendition.
        read: Decodes one.
        icc_profile: Gives the profile that a rendition carries, or None.
        attach: Adds the kept header segments to a rendition that has none.
        extract: Gives them back; None when there are none.
    """

    name: str
    mime: str
    max_side: int
    alpha: bool
    described: bool
    installed: Callable[[], bool]
    encode: Encode
    read: Read
    icc_profile: Callable[[bytes], bytes | None]
    attach: Callable[[bytes, bytes], bytes]
    extract: Callable[[bytes], bytes | None]

    def takes(
        self, mode: Mode, size: tuple[int, int], *, icc: bytes | None, orientation: int
    ) -> bool:
        """Return whether a rendition of such an image would look like the upload in any viewer.

        Args:
            mode: ``L``, ``RGB`` or ``RGBA``.
            size: Width and height of the rendition.
            icc: The upload's colour profile.
            orientation: The upload's EXIF orientation.
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


def mime_of(name: str) -> str:
    """Give the media type of a codec's files, also when its library is not here.

    Raises:
        LookupError: There is no such codec.
    """
    return _BY_NAME[name].mime


def by_name(name: str) -> Codec:
    """Look a codec up by the name that manifests and policies use.

    Raises:
        LookupError: There is none of that name, or its library is not installed.
    """
    codec = _BY_NAME.get(name)
    if codec is None:
        raise LookupError(f"no codec is called {name!r}; known: {', '.join(sorted(NAMES))}")
    if not codec.installed():
        raise LookupError(
            f"the codec {name} is not installed here; reinstall pillow and imagecodecs"
        )
    return codec
