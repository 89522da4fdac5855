"""Small image files of every kind, made with Pillow."""

import io
import struct
from functools import cache
from typing import Any, Final

import numpy as np
from PIL import Image, ImageCms, PngImagePlugin

from slimgate.codec.containers import FormatName

SIZE: Final = (37, 29)
XMP: Final = b"<x:xmpmeta xmlns:x='adobe:ns:meta/'><rating>3</rating></x:xmpmeta>"

CHANNELS: Final = {"L": 1, "RGB": 3, "RGBA": 4}


@cache
def icc() -> bytes:
    """Return a colour profile other than sRGB."""
    return with_gamma(srgb(), 1.8)


@cache
def srgb() -> bytes:
    """Return the profile of sRGB with a fixed date, so that every run tests the same bytes."""
    profile = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    profile[24:36] = bytes(12)
    return bytes(profile)


def with_gamma(profile: bytes, gamma: float) -> bytes:
    """Replace the tone curves of a profile by a gamma (ICC.1:2010, 10.5)."""
    count = int.from_bytes(profile[128:132], "big")
    tags = [struct.unpack(">4sII", profile[132 + 12 * n : 144 + 12 * n]) for n in range(count)]
    curve = b"curv" + bytes(4) + struct.pack(">IH", 1, round(gamma * 256)) + bytes(2)
    found, changed = bytearray(profile + curve), len(profile)
    for number, (name, _, _) in enumerate(tags):
        if name in {b"rTRC", b"gTRC", b"bTRC"}:
            struct.pack_into(">II", found, 136 + 12 * number, changed, len(curve) - 2)
    struct.pack_into(">I", found, 0, len(found))
    return bytes(found)


def exif(orientation: int = 6) -> Image.Exif:
    """Make EXIF data with a few tags."""
    tags = Image.Exif()
    tags[0x0112] = orientation
    tags[0x010F] = "slim camera"
    return tags


def picture(mode: str, size: tuple[int, int] = SIZE, seed: int = 7) -> Image.Image:
    """Make a picture of smooth noise."""
    width, height = size
    rng = np.random.default_rng(seed)
    coarse = rng.integers(0, 256, (6, 8, CHANNELS[mode]), dtype=np.uint8)
    image = Image.fromarray(coarse.squeeze(), mode=None)
    return image.resize((width, height), Image.Resampling.BICUBIC)


def save(mode: str, format_: str, seed: int = 7, **parameters: Any) -> bytes:
    """Encode a picture."""
    target = io.BytesIO()
    picture(mode, seed=seed).save(target, format_, **parameters)
    return target.getvalue()


def text() -> PngImagePlugin.PngInfo:
    """Make text chunks of all three kinds and a private one behind the image data."""
    info = PngImagePlugin.PngInfo()
    info.add_text("Title", "a slim picture")
    info.add_text("Comment", "squeezed " * 20, zip=True)
    info.add_itxt("Author", "Zoë", lang="en", tkey="Author")
    info.add(b"prVt", b"anything", after_idat=True)
    return info


ALL: Final[dict[str, dict[str, Any]]] = {
    "exif": {"exif": exif()},
    "icc": {"icc_profile": icc()},
    "xmp": {"xmp": XMP},
}
EVERYTHING: Final[dict[str, Any]] = ALL["exif"] | ALL["icc"] | ALL["xmp"]


@cache
def files() -> dict[str, tuple[FormatName, str, bytes]]:
    """Return one file of every kind by name, with its format and mode."""
    jpeg = EVERYTHING | {"comment": b"made slim", "dpi": (300, 300)}
    png = ALL["exif"] | ALL["icc"] | {"pnginfo": text(), "dpi": (144, 144)}
    return {
        "jpeg bare": ("JPEG", "RGB", save("RGB", "JPEG")),
        "jpeg full": ("JPEG", "RGB", save("RGB", "JPEG", **jpeg)),
        "jpeg 4:4:4": ("JPEG", "RGB", save("RGB", "JPEG", subsampling="4:4:4", dpi=(72, 72))),
        "jpeg 4:2:2": ("JPEG", "RGB", save("RGB", "JPEG", subsampling="4:2:2", comment=b"c")),
        "jpeg progressive": ("JPEG", "RGB", save("RGB", "JPEG", progressive=True, **jpeg)),
        "jpeg gray": ("JPEG", "L", save("L", "JPEG", comment=b"gray", exif=exif(3))),
        "jpeg gray progressive": ("JPEG", "L", save("L", "JPEG", progressive=True)),
        "jpeg restarts": ("JPEG", "RGB", save("RGB", "JPEG", restart_marker_blocks=1)),
        "png gray": ("PNG", "L", save("L", "PNG", pnginfo=text())),
        "png rgb": ("PNG", "RGB", save("RGB", "PNG", **png)),
        "png rgba": ("PNG", "RGBA", save("RGBA", "PNG", dpi=(96, 96))),
        "png bare": ("PNG", "RGB", save("RGB", "PNG")),
        "webp lossy": ("WEBP", "RGB", save("RGB", "WEBP")),
        "webp lossy full": ("WEBP", "RGB", save("RGB", "WEBP", **EVERYTHING)),
        "webp lossy alpha": ("WEBP", "RGBA", save("RGBA", "WEBP", **ALL["exif"])),
        "webp lossless": ("WEBP", "RGB", save("RGB", "WEBP", lossless=True, **ALL["icc"])),
        "webp lossless alpha": ("WEBP", "RGBA", save("RGBA", "WEBP", lossless=True)),
        "webp lossless alpha full": (
            "WEBP",
            "RGBA",
            save("RGBA", "WEBP", lossless=True, **EVERYTHING),
        ),
    }


def read(data: bytes) -> tuple[bytes, dict[str, Any]]:
    """Decode a file: its pixels, and the metadata that a user would miss."""
    with Image.open(io.BytesIO(data)) as image:
        image.load()
        info = {key: image.info.get(key) for key in ("exif", "icc_profile", "xmp", "dpi")}
        # A file that never had a comment shows the padding, which is zeros, as one.
        info["comment"] = image.info.get("comment", b"").strip(b"\0")
        info["text"] = getattr(image, "text", {})
        return image.tobytes(), info
