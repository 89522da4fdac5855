"""Photographs as phones take them, made from smaller ones.

Phones save large JPEG files with grain, turn pictures by an EXIF orientation rather than by their
pixels, and append videos and gain maps. The pictures are enlarged, so grain is added: without it
they would be softer than any phone's, and would flatter the result.
"""

import io
import struct
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final, Literal

import cv2
import numpy as np
from PIL import ExifTags, Image

_QUALITY: Final = 93
_GRAIN: Final = 3.0  # standard deviation of 8-bit samples
_XMP: Final = b"http://ns.adobe.com/xap/1.0/\0"
_GAIN_MAP: Final = (
    'xmlns:hdrgm="http://ns.adobe.com/hdr-gain-map/1.0/" hdrgm:Version="1.0"'
    ' hdrgm:GainMapMin="0" hdrgm:GainMapMax="2"'
)
_CAMERA: Final = 'xmlns:GCamera="http://ns.google.com/photos/1.0/camera/"'


@dataclass(frozen=True, slots=True)
class Phone:
    """How a phone saves a picture.

    Attributes:
        size: width and height of the stored pixels.
        orientation: EXIF orientation, 1 to 8.
        appended: what follows the picture in the file.
    """

    size: tuple[int, int]
    orientation: int = 1
    appended: Literal["nothing", "video", "gain map"] = "nothing"


def photograph(path: Path, phone: Phone) -> bytes:
    """Return a JPEG file of an image.

    Args:
        path: RGB image; its middle is used.
        phone: how to save it.
    """
    with Image.open(path) as image:
        picture = _saved(_enlarged(image, phone), phone.orientation)
    if phone.appended == "video":
        video = _video()
        described = f'{_CAMERA} GCamera:MicroVideo="1" GCamera:MicroVideoOffset="{len(video)}"'
        return _with_xmp(picture, described) + video
    if phone.appended == "gain map":
        return _with_xmp(picture, _GAIN_MAP) + _with_xmp(_gain_map(phone), _GAIN_MAP)
    return picture


def _enlarged(image: Image.Image, phone: Phone) -> Image.Image:
    """Return the middle of an image, enlarged, with grain, turned as the sensor saw it."""
    upright = phone.size[::-1] if phone.orientation > 4 else phone.size
    share = min(image.width / upright[0], image.height / upright[1])
    width, height = (share * side for side in upright)
    left, top = (image.width - width) / 2, (image.height - height) / 2
    resampling = Image.Resampling.LANCZOS
    large = image.resize(upright, resampling, box=(left, top, left + width, top + height))
    noise = np.random.default_rng(0).normal(0, _GRAIN, (*upright[::-1], 1))
    grainy = Image.fromarray(np.clip(np.asarray(large) + noise, 0, 255).astype(np.uint8))
    return grainy.rotate(_TURNED[phone.orientation], expand=True)


_TURNED: Final = {1: 0, 3: 180, 6: 90, 8: 270}
"""Angle to turn an upright picture by, counter-clockwise, by EXIF orientation."""


def _saved(image: Image.Image, orientation: int) -> bytes:
    exif = Image.Exif()
    exif[ExifTags.Base.Make] = "Example"
    exif[ExifTags.Base.Model] = "Phone"
    exif[ExifTags.Base.Orientation] = orientation
    file = io.BytesIO()
    image.save(file, "JPEG", quality=_QUALITY, exif=exif)
    return file.getvalue()


def _gain_map(phone: Phone) -> bytes:
    """Return a gain map of a quarter of the sides, from none to all of it."""
    width, height = (side // 4 for side in phone.size)
    ramp = np.broadcast_to(np.linspace(0, 255, width).astype(np.uint8), (height, width))
    file = io.BytesIO()
    Image.fromarray(ramp).save(file, "JPEG", quality=_QUALITY)
    return file.getvalue()


def _video() -> bytes:
    """Return an MP4 file of a moving square."""
    with TemporaryDirectory(prefix="slimgate-") as folder:
        path = Path(folder, "video.mp4")
        writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"mp4v"), 10, (64, 48))
        for number in range(6):
            frame = np.full((48, 64, 3), 90, np.uint8)
            frame[8:24, 4 * number : 4 * number + 16] = 200
            writer.write(frame)
        writer.release()
        return path.read_bytes()


def _with_xmp(picture: bytes, attributes: str) -> bytes:
    """Insert an XMP segment with properties of one description (XMP part 1, 7.9.2.2)."""
    rdf = 'xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"'
    described = f'<rdf:Description rdf:about="" {attributes}/>'
    body = f'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF {rdf}>{described}</rdf:RDF></x:xmpmeta>'
    payload = _XMP + body.encode()
    return picture[:2] + b"\xff\xe1" + struct.pack(">H", len(payload) + 2) + payload + picture[2:]
