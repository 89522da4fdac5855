"""Enlarge an image file as it is, for whoever asks: decode, upscale, encode."""

import io
from types import MappingProxyType
from typing import Final, Literal, NamedTuple

import numpy as np
from PIL import ExifTags, Image

from codec.containers import Container, Unsupported, parse
from codec.image.pixels import Pixels, decode_as, orientation
from codec.image.resample import join_planes, split_planes
from codec.restore.restore import Upscaler

FileFormat = Literal["png", "jpeg", "webp"]


class NotEnlarged(ValueError):
    """The file cannot be enlarged like this; the message says why."""


class TooLarge(NotEnlarged):
    """The result would have more pixels, or a longer side, than is allowed."""


class _Format(NamedTuple):
    name: str
    max_side: int  # in pixels, as the format can express or its library writes
    options: dict[str, object]


FORMATS: Final = MappingProxyType[FileFormat, _Format](
    {
        "png": _Format("PNG", 2**31 - 1, {}),
        "jpeg": _Format("JPEG", 65_500, {"quality": 95, "subsampling": "4:4:4"}),
        "webp": _Format("WEBP", 16_383, {"quality": 95}),
    }
)


def enlarge_file(
    data: bytes, upscaler: Upscaler, *, scale: int, format_: FileFormat, max_pixels: int
) -> bytes:
    """Enlarge an image file; its colour profile and orientation are kept.

    Args:
        data: A JPEG, PNG or WebP file, untrusted.
        upscaler: What enlarges.
        scale: Whole factor, 2 or more.
        format_: Of the result.
        max_pixels: That the result may have.

    Raises:
        NotEnlarged: The file is damaged or of a kind that is not handled, or the result is not
            possible.
        LookupError: The restorer is not installed here.
    """
    try:
        upload = parse(data)
        _check(upload, scale, format_, max_pixels)
        pixels = decode_as(upload, data)
    except Unsupported as error:
        raise NotEnlarged(f"this file is not handled: {error}") from error
    except NotEnlarged:
        raise
    except (OSError, ValueError, SyntaxError) as error:
        raise NotEnlarged(f"this file cannot be decoded: {error}") from error
    planes = [upscaler.upscale(plane, scale, level=0) for plane in split_planes(pixels)]
    return _encoded(join_planes(planes), upload, orientation(data, upload), format_)


def _check(upload: Container, scale: int, format_: FileFormat, max_pixels: int) -> None:
    width, height = upload.width * scale, upload.height * scale
    if width * height > max_pixels:
        raise TooLarge(f"{width}x{height} pixels are more than the {max_pixels:,} allowed")
    if max(width, height) > FORMATS[format_].max_side:
        raise TooLarge(f"{format_} cannot hold {width}x{height} pixels: ask for format=png")
    if format_ == "jpeg" and upload.mode == "RGBA":
        raise NotEnlarged("JPEG has no transparency: ask for format=png or format=webp")


def _encoded(pixels: Pixels, upload: Container, turned: int, format_: FileFormat) -> bytes:
    file, target = io.BytesIO(), FORMATS[format_]
    options = dict(target.options)
    if upload.icc is not None:
        options["icc_profile"] = upload.icc
    if turned != 1:
        exif = Image.Exif()
        exif[ExifTags.Base.Orientation] = turned
        options["exif"] = exif
    Image.fromarray(np.ascontiguousarray(pixels)).save(file, target.name, **options)
    return file.getvalue()
