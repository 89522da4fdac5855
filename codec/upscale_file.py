"""Enlarge an image file: decode, upscale, encode."""

import io
from types import MappingProxyType
from typing import Final, Literal, NamedTuple

import numpy as np
from PIL import ExifTags, Image

from slimgate.codec.containers import Container, Unsupported, parse
from slimgate.codec.image.pixels import Pixels, decode_as, orientation
from slimgate.codec.image.resample import join_planes, split_planes
from slimgate.codec.restore.restore import Upscaler

FileFormat = Literal["png", "jpeg", "webp"]


class NotEnlarged(ValueError):
    """The file cannot be enlarged; the message says why."""


class TooLarge(NotEnlarged):
    """The result would exceed the limit of pixels or sides."""


class _Format(NamedTuple):
    name: str
    max_side: int  # in pixels, by format or library
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
    """Enlarge an image file, keeping its colour profile and orientation.

    Args:
        data: a JPEG, PNG or WebP file, untrusted.
        upscaler: upscaler to use.
        scale: integer factor, 2 or more.
        format_: format of the result.
        max_pixels: maximum pixels of the result.

    Raises:
        NotEnlarged: the file is damaged or unsupported, or the result is impossible.
        LookupError: the restorer is not installed.
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
