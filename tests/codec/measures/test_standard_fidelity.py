"""Under ``fidelity: standard`` images survive that lower floors had destroyed.

What is left is judged by the package ``ssimulacra2``, and by detail that no floor measures.
"""

import io
from pathlib import Path
from typing import Final

import numpy as np
import pytest
from PIL import Image
from ssimulacra2 import compute_ssimulacra2

import models
from codec.image.pixels import Pixels
from codec.optimize import Refused, optimize
from codec.restore.restore import restore
from eval.demo import sample_images
from tests.codec import smooth_images
from tests.codec.measures.details import kept
from tests.codec.pictures import opened, optimize_options, save

_EVAL: Final = Path(__file__).parents[3] / "../shared/data/eval"
_EVERYTHING: Final = {
    "tiers": ["downscale", "exact", "lossless", "recode"],
    "codecs": ["avif", "jpeg", "jxl", "webp"],
}


def _restored(data: bytes) -> bytes:
    asked = optimize_options(fidelity="standard", **_EVERYTHING)
    try:
        made = optimize(data, asked, models.restorer)
    except Refused:
        return data
    assert len(made.rendition) < len(data)
    return restore(made.rendition, made.manifest, models.restorer)


def _score(folder: Path, before: bytes, after: bytes) -> float:
    paths = [str(folder / name) for name in ("before.png", "after.png")]
    for path, data in zip(paths, (before, after), strict=True):
        with Image.open(io.BytesIO(data)) as image:
            image.convert("RGB").save(path, compress_level=1)
    return float(compute_ssimulacra2(*paths))


def _survives(folder: Path, data: bytes) -> None:
    served = _restored(data)
    assert _score(folder, data, served) >= 70
    assert kept(opened(data), opened(served)) > 0.97


@pytest.mark.slow  # the package takes seconds
def test_a_fundus_photograph_keeps_its_vessels(tmp_path: Path) -> None:
    """The vessels of the demo's retina are there after a GET."""
    (recipe,) = sample_images.chosen(["retina.jpg"])
    _survives(tmp_path, sample_images.make(recipe).data)


@pytest.mark.parametrize("contrast", [6, 14])
def test_a_faint_xray_keeps_its_lines(tmp_path: Path, contrast: float) -> None:
    """Thin lines of little contrast survive on smooth ground."""
    pixels: Pixels = smooth_images.faint_xray(320, 400, contrast=contrast)
    _survives(tmp_path, save(pixels, "PNG"))


@pytest.mark.slow  # large images
@pytest.mark.parametrize(
    "name",
    [
        "xray/xray-d9eeef01.png",
        "photo_hires_clic/clic--validation__60430844748882ff66b9a5598ef06dd6.png",
        "screenshot_ui/msterm--frosted-glass-theme.png",
    ],
)
def test_images_that_were_destroyed_survive(tmp_path: Path, name: str) -> None:
    """An X-ray, a photograph and a screenshot of smooth areas keep what they show."""
    path = _EVAL / name
    if not path.exists():
        pytest.skip(f"needs {path}")
    _survives(tmp_path, path.read_bytes())


def test_a_word_in_a_smooth_image_is_not_averaged_away(tmp_path: Path) -> None:
    """The only word on a large gradient can be read after a GET."""
    pixels = smooth_images.gradient(480, 640)
    word = np.s_[200:216, 300:380]
    pixels[word] = np.where(np.indices((16, 80)).sum(axis=0)[..., None] // 3 % 2, 20, 230)
    data = save(pixels, "PNG")
    served = _restored(data)
    assert _score(tmp_path, data, served) >= 70
    around = np.s_[190:226, 290:390]
    assert kept(pixels[around], opened(served)[around]) > 0.97
