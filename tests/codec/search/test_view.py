"""Renditions that are served as they are look like the upload, to decoders that know nothing."""

import hashlib
import io
import shutil
import subprocess
from pathlib import Path
from typing import Any, Final

import numpy as np
import pytest
from PIL import Image, ImageCms, ImageOps

from slimgate import models
from slimgate.codec import manifest
from slimgate.codec.containers.png_chunks import make
from slimgate.codec.image.pixels import Pixels
from slimgate.codec.optimize import Optimized, optimize
from slimgate.codec.restore.restore import restore
from tests.codec.containers.credentials import in_jpeg, superbox
from tests.codec.gain_maps import ultra_hdr
from tests.codec.pictures import crop, optimize_options, save
from tests.codec.png_files import png_file
from tests.codec.profiles import red_as_green

_ALL: Final = {"negotiate": ["avif", "webp", "jxl"]}
_EASY: Final = {"psnr_db": 30, "ssim": None}
_PHOTO: Final = crop("RGB", 160, 120)
_JPEG: Final = save(_PHOTO, "JPEG", quality=92)
_PNG: Final = png_file(_PHOTO)
_HEADER: Final = 33  # bytes of a PNG before its second chunk


def _optimized(data: bytes, **changes: Any) -> Optimized:
    asked = {"tiers": ["recode"], "min_saving": 0.01, "floor": _EASY, "serve": _ALL}
    return optimize(data, optimize_options(**asked | changes), models.restorer)


def _exif(orientation: int) -> bytes:
    exif = Image.Exif()
    exif[0x112] = orientation
    return exif.tobytes()


def _seen(data: bytes, folder: Path) -> Pixels:
    """Decode a file by a decoder of its own: turned, in sRGB, opaque gray if it has no colours."""
    is_jxl = data[4:8] == b"JXL "
    if is_jxl:
        data = _by_djxl(data, folder)
    with Image.open(io.BytesIO(data)) as image:
        # djxl turns images, and writes what Exif says besides.
        turned = image if is_jxl else ImageOps.exif_transpose(image)
        return np.asarray(_in_srgb(turned).convert("RGBA"), np.uint8)


def _in_srgb(image: Image.Image) -> Image.Image:
    profile = image.info.get("icc_profile")
    if not profile or image.mode != "RGB":
        return image
    source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
    shown = ImageCms.profileToProfile(image, source, ImageCms.createProfile("sRGB"))
    assert shown is not None
    return shown


def _by_djxl(data: bytes, folder: Path) -> bytes:
    if shutil.which("djxl") is None:
        pytest.skip("djxl is not installed (Debian: libjxl-tools)")
    source, target = folder / "in.jxl", folder / "out.png"
    source.write_bytes(data)
    subprocess.run(["djxl", "--quiet", str(source), str(target)], check=True, timeout=30)
    return target.read_bytes()


_UPLOADS: Final = {
    "jpeg": _JPEG,
    "gray": save(crop("L", 160, 120), "JPEG", quality=92),
    "turned": save(_PHOTO, "JPEG", quality=92, exif=_exif(6)),
    "mirrored": save(_PHOTO, "JPEG", quality=92, exif=_exif(2)),
    "profile": save(_PHOTO, "JPEG", quality=92, icc_profile=red_as_green()),
    "png": _PNG,
    "alpha": png_file(crop("RGBA", 160, 120)),
    "webp": save(_PHOTO, "WEBP", quality=95),
}
_EXACT: Final = {"tiers": ["exact", "lossless"], "scales": []}


@pytest.mark.parametrize(
    ("upload", "codec"),
    [
        ("jpeg", "avif"),
        ("gray", "webp"),
        ("gray", "avif"),
        ("turned", "avif"),
        ("turned", "exact"),
        ("mirrored", "avif"),
        ("mirrored", "exact"),
        ("profile", "avif"),
        ("profile", "webp"),
        ("profile", "exact"),
        ("png", "avif"),
        ("png", "exact"),
        ("alpha", "avif"),
        ("alpha", "webp"),
        ("alpha", "jxl"),
        ("webp", "avif"),
    ],
)
def test_what_is_served_looks_like_the_restored_file(
    upload: str, codec: str, tmp_path: Path
) -> None:
    """Shape, orientation, colours and alpha are those of the restored file, up to coding loss."""
    changes: dict[str, Any] = _EXACT if codec == "exact" else {"codecs": [codec]}
    made = _optimized(_UPLOADS[upload], **changes)
    assert made.manifest.view == hashlib.sha256(made.rendition).hexdigest()[:32]
    assert manifest.loads(made.manifest.dumps()).view == made.manifest.view
    served = restore(made.rendition, made.manifest, models.restorer)
    bare, restored = _seen(made.rendition, tmp_path), _seen(served, tmp_path)
    assert bare.shape == restored.shape
    assert np.abs(bare.astype(int) - restored).mean() < 1


def test_orientation_and_profile_can_be_told_by_these_decoders(tmp_path: Path) -> None:
    """The uploads that have them look unlike the one that has none."""
    bare, *others = (
        _seen(_UPLOADS[n], tmp_path) for n in ("jpeg", "turned", "mirrored", "profile")
    )
    assert others[0].shape != bare.shape
    assert all(np.abs(bare.astype(int) - each).mean() > 10 for each in others[1:])


def _with_chunk(kind: bytes, payload: bytes) -> bytes:
    return _PNG[:_HEADER] + make(kind, payload) + _PNG[_HEADER:]


@pytest.mark.parametrize(
    ("data", "changes"),
    [
        (_JPEG, {"serve": {}}),
        (_JPEG, {"serve": {"negotiate": ["webp"]}}),
        (_UPLOADS["turned"], {"codecs": ["webp"]}),
        (save(_PHOTO, "WEBP", quality=95, exif=_exif(6)), {}),
        (save(crop("L", 160, 120), "JPEG", icc_profile=red_as_green()), {}),
        (ultra_hdr(), {"floor": {"psnr_db": 20, "ssim": None}}),
        (in_jpeg(_JPEG, superbox(b"c2pa")), _EXACT),
        (_with_chunk(b"gAMA", (100_000).to_bytes(4, "big")), {}),
        (_with_chunk(b"cICP", bytes([9, 16, 0, 1])), _EXACT),
    ],
    ids=["unasked", "other codec", "turned webp", "of webp", "gray profile", "gain map", "signed",
         "linear", "hdr"],
)  # fmt: skip
def test_what_may_look_different_is_not_served(data: bytes, changes: dict[str, Any]) -> None:
    """An object is optimized all the same, and its manifest says nothing of serving."""
    made = _optimized(data, **changes)
    assert made.manifest.view is None
    assert '"vd"' not in made.manifest.dumps()


def test_what_a_profile_overrides_does_not_matter() -> None:
    """A gamma beside sRGB changes nothing."""
    data = _with_chunk(b"gAMA", (100_000).to_bytes(4, "big"))
    data = data[:_HEADER] + make(b"sRGB", b"\0") + data[_HEADER:]
    assert _optimized(data).manifest.view is not None


def test_palettes_are_not_served() -> None:
    """Between the colours of a palette, the decoded rendition has others."""
    image = Image.fromarray(_PHOTO).quantize(32, dither=Image.Dither.NONE)
    target = io.BytesIO()
    image.save(target, "PNG")
    made = _optimized(target.getvalue(), floor={"psnr_db": 20, "ssim": None})
    assert made.manifest.output is not None
    assert made.manifest.output.indexed
    assert made.manifest.view is None


def test_a_rendition_with_a_restorer_is_recorded() -> None:
    """Whether shrunk ones are served is decided when they are read."""
    made = _optimized(_JPEG, tiers=["downscale"], floor={"psnr_db": 15, "ssim": None})
    assert (made.manifest.stored.tier, made.manifest.view is not None) == ("downscale", True)
