"""Small files of every kind that may be stored small, for mutation by :mod:`bench.fuzz`."""

import io
from collections.abc import Iterator
from typing import Any, Final

import numpy as np
from PIL import Image

from slimgate.codec.containers import webp_chunks
from slimgate.codec.containers.png_chunks import make
from slimgate.codec.containers.png_parts import Header
from tests.codec import gain_maps, png_files
from tests.codec.containers import credentials, samples
from tests.codec.containers.jpeg_parts import INDEX, XMP_HEAD, segment_of
from tests.codec.pictures import crop, save
from tests.codec.recipes import files

_SIZE: Final = (160, 120)
_APPLE: Final = XMP_HEAD + b'<x xmlns:HDRGainMap="http://ns.apple.com/HDRGainMap/" />'
_SEFT: Final = b"\0\0\1\n\x0e\0\0\0Image_UTC_Data1700000000000SEFHj\0\0\0\1\0\0\0SEFT"
_VIDEO: Final = b"\0\0\0\x18ftypmp42\0\0\0\0isommp42" + bytes(range(256)) * 4
_PALETTE: Final = Header(*_SIZE, 8, 3, interlaced=False)
_RGB: Final = Header(*_SIZE, 8, 2, interlaced=False)
_BOX: Final = credentials.superbox(b"c2pa")


def seeds() -> dict[str, bytes]:
    """Return the files by name, the kind of file first."""
    return dict([*_jpegs(), *_pngs(), *_webps(), *files.files().items(), *_others()])


def _jpeg(mode: str = "RGB", **parameters: Any) -> bytes:
    return save(crop(mode, *_SIZE), "JPEG", **{"quality": 92, **parameters})


def _jpegs() -> Iterator[tuple[str, bytes]]:
    picture, gray = _jpeg(), _jpeg("L")
    described = {**samples.EVERYTHING, "comment": b"a comment", "dpi": (300, 300)}
    yield "jpeg", picture
    yield "jpeg gray", gray
    yield "jpeg progressive", _jpeg(progressive=True, **described)
    yield "jpeg restarts", _jpeg(restart_marker_blocks=3, **samples.ALL["exif"])
    yield "jpeg 4:4:4", _jpeg(subsampling="4:4:4", **described)
    yield "jpeg line break", picture + b"\r\n"
    yield "jpeg zeros", picture + bytes(1000)
    yield "jpeg trailer", picture + _SEFT
    yield "jpeg motion photo", picture + _VIDEO
    yield "jpeg preview", picture + gray
    yield "jpeg cut", picture[:-200]
    yield "jpeg without end", picture[:-2]
    yield "jpeg several", _several()
    yield "jpeg credentials", credentials.in_jpeg(picture, _BOX)
    yield "jpeg other box", credentials.in_jpeg(picture, credentials.superbox(b"other"))
    yield from _with_gain_maps(picture)
    yield "jpeg cmyk", _cmyk()
    yield "jpeg cmyk 4:2:0", _cmyk(subsampling="4:2:0")


def _several() -> bytes:
    target = io.BytesIO()
    first = Image.fromarray(crop("RGB", *_SIZE))
    first.save(target, "MPO", quality=92, save_all=True, append_images=[first.rotate(180)])
    return target.getvalue()


def _with_gain_maps(picture: bytes) -> Iterator[tuple[str, bytes]]:
    small = gain_maps.ramp(30, 24)
    announced = picture[:2] + gain_maps.xmp({"Version": "1.0"}) + picture[2:]
    for name, segment in {
        "xmp": gain_maps.xmp(gain_maps.VALUES),
        "iso": gain_maps.iso(common=False),
        "iso common": gain_maps.iso(common=True, channels=3),
        "apple": segment_of(0xE1, _APPLE),
    }.items():
        yield f"jpeg gain map {name}", announced + gain_maps.behind(segment, pixels=small)
    indexed = picture[:2] + INDEX + picture[2:]
    yield "jpeg index", indexed + gain_maps.behind(pixels=small)


def _cmyk(**parameters: Any) -> bytes:
    image = Image.fromarray(gain_maps.ramp(*_SIZE)).convert("CMYK")
    return files.pillow(image, format="JPEG", quality=92, **parameters)


def _pngs() -> Iterator[tuple[str, bytes]]:
    for kind in png_files.KINDS:
        name = f"png {kind.colour} {kind.depth}{' interlaced' if kind.interlaced else ''}"
        yield (
            name,
            png_files.any_png(png_files.sized(kind, *_SIZE), samples=png_files.photograph(kind)),
        )
    photograph = {mode: save(crop(mode, *_SIZE), "PNG") for mode in samples.CHANNELS}
    for mode, file in photograph.items():
        yield f"png {mode}", file
    rgb = photograph["RGB"]
    yield "png line break", rgb + b"\r\n"
    yield "png unknown chunk", rgb[:33] + make(b"abCd", bytes(30)) + rgb[33:]
    yield "png unsafe chunk", rgb[:33] + make(b"abCD", bytes(30)) + rgb[33:]
    yield "png wrong checksum", rgb[:33] + make(b"abCd", bytes(30))[:-1] + b"?" + rgb[33:]
    yield "png credentials", credentials.in_png(rgb, _BOX)
    yield "png text", save(crop("RGB", *_SIZE), "PNG", pnginfo=samples.text(), **samples.ALL["icc"])
    yield "png transparent", rgb[:33] + make(b"tRNS", bytes(6)) + rgb[33:]
    palette, strange = png_files.sized(_PALETTE, *_SIZE), png_files.sized(_RGB, *_SIZE)
    alpha = make(b"tRNS", bytes(range(9)))
    yield (
        "png palette",
        png_files.any_png(palette, samples=png_files.photograph(palette), before=alpha),
    )
    few = Image.fromarray(crop("RGB", *_SIZE)).quantize(256)
    yield "png few colours", files.pillow(few, format="PNG", transparency=bytes(range(128, 256)))
    flushed: dict[str, Any] = {"strange": True, "chunk": 500}
    yield (
        "png strange",
        png_files.any_png(strange, samples=png_files.photograph(strange), **flushed),
    )
    yield "png deep", _deep()
    frames = [Image.fromarray(crop("RGB", 60, 48)).rotate(angle) for angle in (0, 90)]
    more = {"save_all": True, "append_images": frames[1:]}
    yield "png animated", files.pillow(frames[0], format="PNG", **more)


def _deep() -> bytes:
    """Make a file of 16 bits whose samples are bytes given twice."""
    header = png_files.sized(_RGB._replace(depth=16), *_SIZE)
    return png_files.any_png(header, samples=crop("RGB", *_SIZE).astype(np.uint16) * 257)


def _webps() -> Iterator[tuple[str, bytes]]:
    lossy = save(crop("RGB", *_SIZE), "WEBP", quality=95)
    still = webp_chunks.Still(*_SIZE, alpha=False)
    unknown = webp_chunks.make(b"PSAI", b"photoshop")
    yield "webp", lossy
    yield "webp alpha", save(crop("RGBA", *_SIZE), "WEBP", quality=95)
    yield "webp lossless", save(crop("RGB", *_SIZE), "WEBP", lossless=True)
    yield "webp lossless alpha", save(crop("RGBA", *_SIZE), "WEBP", lossless=True)
    yield "webp described", save(crop("RGB", *_SIZE), "WEBP", quality=95, **samples.EVERYTHING)
    yield "webp tail", lossy + b"\n"
    for name, flags, chunks in (
        ("unknown chunk", 0, (lossy[12:], unknown)),
        ("flag of alpha", 0x10, (lossy[12:],)),
        ("flag of a profile", 0x20, (lossy[12:],)),
    ):
        header = webp_chunks.extended_header(still, flags)
        yield f"webp {name}", webp_chunks.make_file(header + b"".join(chunks))
    header = webp_chunks.extended_header(still, 0)
    extended = webp_chunks.make_file(header + lossy[12:])
    yield "webp credentials", credentials.in_webp(extended, _BOX)
    frames = [Image.fromarray(crop("RGB", 60, 48)).rotate(angle) for angle in (0, 90)]
    more = {"save_all": True, "append_images": frames[1:]}
    yield "webp animated", files.pillow(frames[0], format="WEBP", **more)


def _others() -> Iterator[tuple[str, bytes]]:
    yield "avif", save(crop("RGB", *_SIZE), "AVIF", quality=80)
    yield "jpeg xl", b"\0\0\0\x0cJXL \r\n\x87\n" + bytes(range(256)) * 4
