"""Under ``fidelity: standard`` images survive that lower floors had destroyed.

What is left is judged by the package ``ssimulacra2``, by the worst region, and by detail that no
floor measures.
"""

from pathlib import Path
from typing import Final

import numpy as np
import pytest

from bench import reference
from slimgate import models
from slimgate.codec.image.pixels import Pixels
from slimgate.codec.optimize import Refused, optimize
from slimgate.codec.restore.restore import restore
from slimgate.config.floor import PRESETS
from slimgate.eval.demo import sample_images
from tests.codec import smooth_images
from tests.codec.measures.details import false_steps, kept
from tests.codec.pictures import opened, optimize_options, photo, save

_EVAL: Final = Path(__file__).parents[3] / "../shared/data/eval"
_EVERYTHING: Final = {
    "tiers": ["downscale", "exact", "lossless", "recode"],
    "codecs": ["avif", "jpeg", "jxl", "webp"],
}


def _restored(data: bytes, fidelity: str = "standard") -> bytes:
    asked = optimize_options(fidelity=fidelity, **_EVERYTHING)
    try:
        made = optimize(data, asked, models.restorer)
    except Refused:
        return data
    assert len(made.rendition) < len(data)
    return restore(made.rendition, made.manifest, models.restorer)


def _survives(data: bytes) -> None:
    before, after = opened(data), opened(_restored(data))
    assert list(reference.shortfalls(PRESETS["standard"], before, after)) == []
    assert kept(before, after) > 0.97


@pytest.mark.slow  # the package takes seconds
def test_a_fundus_photograph_keeps_its_vessels() -> None:
    """The vessels of the demo's retina are there after a GET."""
    (recipe,) = sample_images.chosen(["retina.jpg"])
    _survives(sample_images.make(recipe).data)


@pytest.mark.parametrize("contrast", [6, 14])
def test_a_faint_xray_keeps_its_lines(contrast: float) -> None:
    """Thin lines of little contrast survive on smooth ground."""
    pixels: Pixels = smooth_images.faint_xray(320, 400, contrast=contrast)
    _survives(save(pixels, "PNG"))


@pytest.mark.slow  # large images
@pytest.mark.parametrize(
    "name",
    [
        "xray/xray-d9eeef01.png",
        "photo_hires_clic/clic--validation__60430844748882ff66b9a5598ef06dd6.png",
        "screenshot_ui/msterm--frosted-glass-theme.png",
    ],
)
def test_images_that_were_destroyed_survive(name: str) -> None:
    """An X-ray, a photograph and a screenshot of smooth areas keep what they show."""
    path = _EVAL / name
    if not path.exists():
        pytest.skip(f"needs {path}")
    _survives(path.read_bytes())


@pytest.mark.parametrize("fidelity", ["standard", "economy"])
def test_a_sky_gets_no_bands(fidelity: str) -> None:
    """A smooth sky above a photograph stays smooth, though the photograph has many key points."""
    down = np.linspace(0, 1, 480)[:, None, None]
    sky = np.rint([70.0, 120.0, 190.0] + down * [120.0, 90.0, 45.0]).astype(np.uint8)
    pixels = np.repeat(sky, 640, axis=1)
    pixels[280:, :512] = photo("astronaut.png")[150:350]
    served = opened(_restored(save(pixels, "PNG"), fidelity))
    assert false_steps(pixels[:270], served[:270]) < 5


def test_a_word_in_a_smooth_image_is_not_averaged_away() -> None:
    """The only word on a large gradient can be read after a GET."""
    pixels = smooth_images.gradient(480, 640)
    word = np.s_[200:216, 300:380]
    pixels[word] = np.where(np.indices((16, 80)).sum(axis=0)[..., None] // 3 % 2, 20, 230)
    served = opened(_restored(save(pixels, "PNG")))
    assert reference.ssimulacra2(pixels, served) >= 70
    around = np.s_[190:226, 290:390]
    assert kept(pixels[around], served[around]) > 0.97
