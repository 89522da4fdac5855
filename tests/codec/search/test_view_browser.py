"""Chromium shows renditions as it shows the restored files."""

from pathlib import Path
from typing import Any, Final

from PIL import Image, ImageOps

from slimgate import models
from slimgate.codec.optimize import optimize
from slimgate.codec.restore.restore import restore
from tests.codec.pictures import crop, optimize_options, save
from tests.codec.png_files import png_file
from tests.codec.profiles import red_as_green
from tests.servers.browser import Browser
from tests.servers.pages import pages

_PAGE: Final = """<!doctype html><html lang="en"><title>Compare</title>
<link rel="icon" href="data:,">
<script>
async function pixels(name) {
  const image = new Image()
  image.src = name
  await image.decode()
  const canvas = document.createElement("canvas")
  canvas.width = image.naturalWidth
  canvas.height = image.naturalHeight
  const context = canvas.getContext("2d")
  context.fillStyle = "#2a8"  // so that colours of transparent pixels do not count
  context.fillRect(0, 0, canvas.width, canvas.height)
  context.drawImage(image, 0, 0)
  const data = context.getImageData(0, 0, canvas.width, canvas.height).data
  return [canvas.width, canvas.height, data]
}
async function compare(first, second) {
  const [width, height, one] = await pixels(first)
  const [otherWidth, otherHeight, other] = await pixels(second)
  let sum = 0
  for (let at = 0; at < one.length; at++) sum += Math.abs(one[at] - other[at])
  return [width, height, otherWidth, otherHeight, sum / one.length]
}
</script></html>"""
_COMPARE: Final = """compare(...arguments)
    .catch(error => [String(error)]).then(result => { window.result = result })"""


def _exif(orientation: int) -> bytes:
    exif = Image.Exif()
    exif[0x112] = orientation
    return exif.tobytes()


_PHOTO: Final = crop("RGB", 160, 120)
_UPLOADS: Final = {
    "photo.jpg": (save(_PHOTO, "JPEG", quality=92), "webp"),
    "turned.jpg": (save(_PHOTO, "JPEG", quality=92, exif=_exif(6)), "avif"),
    "mirrored.jpg": (save(_PHOTO, "JPEG", quality=92, exif=_exif(5)), "avif"),
    "profile.jpg": (save(_PHOTO, "JPEG", quality=92, icc_profile=red_as_green()), "avif"),
    "profile-webp.jpg": (save(_PHOTO, "JPEG", quality=92, icc_profile=red_as_green()), "webp"),
    "gray.jpg": (save(crop("L", 160, 120), "JPEG", quality=92), "avif"),
    "alpha.png": (png_file(crop("RGBA", 160, 120)), "avif"),
    "alpha-webp.png": (png_file(crop("RGBA", 160, 120)), "webp"),
}


def _store(folder: Path, name: str, data: bytes, codec: str) -> None:
    changes: dict[str, Any] = {
        "tiers": ["recode"], "min_saving": 0.01, "codecs": [codec],
        "floor": {"psnr_db": 30, "ssim": None}, "serve": {"negotiate": [codec]},
    }  # fmt: skip
    made = optimize(data, optimize_options(**changes), models.restorer)
    assert made.manifest.view is not None
    (folder / name).write_bytes(restore(made.rendition, made.manifest, models.restorer))
    (folder / f"{name}.{codec}").write_bytes(made.rendition)


def test_a_browser_sees_no_difference(browser: Browser, tmp_path: Path) -> None:
    """Orientation, colour profile, gray and alpha of AVIF and WebP are shown."""
    (tmp_path / "index.html").write_text(_PAGE)
    for name, (data, codec) in _UPLOADS.items():
        _store(tmp_path, name, data, codec)
    with pages(tmp_path) as address:
        browser.open(address)
        for name, (_, codec) in _UPLOADS.items():
            browser.script("delete window.result")
            browser.script(_COMPARE, f"{name}.{codec}", name)
            browser.until("window.result")
            *sides, difference = browser.script("return window.result")
            with Image.open(tmp_path / name) as image:
                expected = ImageOps.exif_transpose(image).size
            assert sides == [*expected, *expected], name
            assert difference < 2, name
