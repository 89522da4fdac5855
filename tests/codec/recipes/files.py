"""Files of raster formats, small, by the libraries that write most of them."""

import io
from collections.abc import Iterator
from functools import cache
from typing import Any

import numpy as np
import tifffile
from imagecodecs import packbits_encode
from PIL import Image

from slimgate.codec.image.pixels import Pixels
from tests.codec.pictures import crop, save

_SIZE = (150, 110)
RGB = crop("RGB", *_SIZE)
GRAY = crop("L", *_SIZE)
WIDE = RGB.astype(np.uint16) * 251
BITS = Image.fromarray(crop("L", 360, 470)).convert("1")


def pillow(image: Image.Image, **parameters: Any) -> bytes:
    """Save an image by Pillow and libtiff."""
    target = io.BytesIO()
    image.save(target, **{"format": "TIFF", **parameters})
    return target.getvalue()


def by_tifffile(samples: Any, **parameters: Any) -> bytes:
    """Save samples by tifffile."""
    target = io.BytesIO()
    tifffile.imwrite(target, samples, **parameters)
    return target.getvalue()


def _planes(samples: Any) -> Any:
    return np.ascontiguousarray(np.moveaxis(samples, 2, 0))


def psd(pixels: Pixels, *, packed: bool) -> bytes:
    """Make a Photoshop file without layers."""
    height, width, channels = pixels.shape
    sizes = channels.to_bytes(2, "big") + height.to_bytes(4, "big") + width.to_bytes(4, "big")
    head: bytes = b"8BPS\0\1" + bytes(6) + sizes + b"\0\x08\0\3" + bytes(12)
    lines: list[bytes] = [
        _planes(pixels)[c, y].tobytes() for c in range(channels) for y in range(height)
    ]
    if not packed:
        return head + b"\0\0" + b"".join(lines)
    rows = [bytes(packbits_encode(line)) for line in lines]
    return head + b"\0\1" + b"".join(len(row).to_bytes(2, "big") for row in rows) + b"".join(rows)


def _tiff() -> Iterator[tuple[str, bytes]]:
    image = Image.fromarray(RGB)
    for name in ("raw", "tiff_lzw", "tiff_adobe_deflate", "packbits"):
        yield f"libtiff {name}", pillow(image, compression=name)
        yield f"libtiff CMYK {name}", pillow(image.convert("CMYK"), compression=name)
    for name in ("tiff_lzw", "tiff_adobe_deflate"):
        yield f"libtiff {name}, differences", pillow(image, compression=name, tiffinfo={317: 2})
    for name in ("raw", "group3", "group4", "tiff_ccitt", "tiff_lzw"):
        yield f"libtiff bits {name}", pillow(BITS, compression=name)
    yield "libtiff palette", pillow(image.quantize(32), compression="tiff_lzw")
    yield "libtiff alpha", pillow(image.convert("RGBA"), compression="tiff_lzw")
    pages = [Image.fromarray(GRAY), image.rotate(180)]
    more = {"save_all": True, "append_images": pages, "compression": "tiff_lzw"}
    yield "libtiff pages", pillow(image, **more)
    for codec in (None, "lzw", "zlib", "packbits"):
        yield f"tifffile {codec}", by_tifffile(RGB, photometric="rgb", compression=codec)
    tiled: dict[str, Any] = {"photometric": "rgb", "tile": (64, 64), "compression": "lzw"}
    yield "tifffile tiles", by_tifffile(RGB, **tiled)
    yield "tifffile tiles, differences", by_tifffile(RGB, predictor=True, **tiled)
    yield "tifffile 16 bits", by_tifffile(WIDE, photometric="rgb")
    big: dict[str, Any] = {"byteorder": ">", "bigtiff": True, "predictor": True}
    yield "tifffile 16 bits big", by_tifffile(WIDE, photometric="rgb", compression="lzw", **big)
    planar: dict[str, Any] = {"photometric": "rgb", "planarconfig": "separate"}
    yield "tifffile planes", by_tifffile(_planes(RGB), compression="zlib", **planar)


def _jpeg() -> Iterator[tuple[str, bytes]]:
    image, options = Image.fromarray(RGB), {"compression": "jpeg", "quality": 90}
    yield "libtiff jpeg", pillow(image, **options)
    yield "libtiff jpeg gray", pillow(Image.fromarray(crop("L", 400, 300)), **options)
    yield "libtiff jpeg strip", pillow(image, tiffinfo={278: 1000}, **options)
    pages = [image.rotate(180), image.resize((90, 70)).convert("L")]
    yield "libtiff jpeg pages", pillow(image, save_all=True, append_images=pages, **options)
    tiled: dict[str, Any] = {"tile": (32, 32), "compression": "jpeg"}
    yield "tifffile jpeg tiles", by_tifffile(RGB, photometric="ycbcr", subsampling=(2, 2), **tiled)
    big: dict[str, Any] = {"byteorder": ">", "bigtiff": True}
    yield "tifffile jpeg big", by_tifffile(RGB, photometric="rgb", **tiled, **big)
    level: dict[str, Any] = {"compressionargs": {"level": 80}, "planarconfig": "separate"}
    planes: dict[str, Any] = {"photometric": "rgb", "compression": "jpeg", **level}
    yield "tifffile jpeg planes", by_tifffile(_planes(crop("RGB", 300, 240)), **planes)


def _others() -> Iterator[tuple[str, bytes]]:
    yield "bmp", save(RGB, "BMP")
    yield "bmp alpha", pillow(Image.fromarray(RGB).convert("RGBA"), format="BMP")
    yield "bmp gray", save(GRAY, "BMP")
    yield "bmp bits", pillow(BITS, format="BMP")
    yield "ppm", save(RGB, "PPM")
    yield "pgm", save(GRAY, "PPM")
    yield "pgm 16 bits", pillow(Image.fromarray(WIDE[..., 0]), format="PPM")
    yield "pbm", pillow(BITS, format="PPM")
    head = f"P7\nWIDTH {_SIZE[0]}\nHEIGHT {_SIZE[1]}\nDEPTH 3\nMAXVAL 255\nENDHDR\n"
    yield "pam", head.encode() + RGB.tobytes()
    drawing = Image.fromarray(GRAY // 32 * 32)
    yield "gif", pillow(drawing.quantize(8), format="GIF", interlace=False)
    yield "gif, interlaced", pillow(drawing.quantize(8), format="GIF", interlace=True)
    moved = [drawing.rotate(angle).quantize(8) for angle in (5, 10, 15)]
    yield "gif frames", pillow(moved[0], format="GIF", save_all=True, append_images=moved[1:])
    yield "psd", psd(RGB, packed=False)
    yield "psd packed", psd(RGB, packed=True)


@cache
def files() -> dict[str, bytes]:
    """Return the files by name."""
    return dict([*_tiff(), *_jpeg(), *_others()])
