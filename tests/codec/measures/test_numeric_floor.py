"""A floor without SSIMULACRA2 keeps images recognizable whose averages hide what is lost.

What is left is judged by measures that no floor uses.
"""

import io
from pathlib import Path
from typing import Final

import numpy as np
import pytest
from PIL import Image

from slimgate import models
from slimgate.codec.image.pixels import Pixels
from slimgate.codec.optimize import OptimizeOptions, Refused, optimize
from slimgate.codec.restore.restore import restore
from slimgate.config import Policy
from slimgate.eval.demo import sample_images
from tests.codec import smooth_images
from tests.codec.measures.details import false_steps, kept
from tests.codec.pictures import RESTORERS, optimize_options, save

_XRAYS: Final = Path(__file__).parents[3] / "../shared/data/eval/xray"
_EFFORTS: Final = ("fast", "balanced")


def _terms(effort: str) -> OptimizeOptions:
    plain = {"name": "p", "bucket": "*", "mode": "optimize"}
    policy = {**plain, "fidelity": None, "effort": effort}
    policy_terms = optimize_options()
    return OptimizeOptions(
        Policy.model_validate(policy), "image/x", RESTORERS, policy_terms.gateway,
        policy_terms.work_s,
    )  # fmt: skip


def _restored(data: bytes, effort: str = "balanced") -> Pixels:
    try:
        made = optimize(data, _terms(effort), models.restorer)
    except Refused:
        return _opened(data)
    return _opened(restore(made.rendition, made.manifest, models.restorer))


def _opened(data: bytes) -> Pixels:
    with Image.open(io.BytesIO(data)) as image:
        return np.asarray(image)


@pytest.mark.parametrize("effort", _EFFORTS)
def test_a_fundus_photograph_keeps_its_vessels(effort: str) -> None:
    """The vessels of the demo's retina are there after a GET (0.905 without ORB and block)."""
    (recipe,) = sample_images.chosen(["retina.jpg"])
    data = sample_images.make(recipe).data
    assert kept(_opened(data), _restored(data, effort)) > 0.985


@pytest.mark.parametrize("effort", _EFFORTS)
def test_an_xray_keeps_its_ribs(effort: str) -> None:
    """An X-ray does not become a mosaic (0.651 without ORB and block)."""
    found = sorted(_XRAYS.glob("xray-d9eeef01*"))
    if not found:
        pytest.skip(f"needs an X-ray in {_XRAYS}")
    data = found[0].read_bytes()
    assert kept(_opened(data), _restored(data, effort)) > 0.985


@pytest.mark.parametrize("contrast", [6, 10, 14, 24])
@pytest.mark.parametrize("format_", ["PNG", "JPEG"])
def test_faint_thin_structures_are_kept(contrast: float, format_: str) -> None:
    """Lines of any contrast that people see survive on smooth ground (below 0.4 otherwise)."""
    pixels = smooth_images.faint_xray(480, 640, contrast=contrast)
    data = save(pixels, format_, **({"quality": 95} if format_ == "JPEG" else {}))
    assert kept(_opened(data), _restored(data)) > 0.95


_GRADIENTS: Final[dict[str, tuple[Pixels, str]]] = {
    "colours, PNG": (smooth_images.gradient(), "PNG"),
    "colours, JPEG": (smooth_images.gradient(), "JPEG"),
    "gray": (smooth_images.gradient()[..., 1].copy(), "JPEG"),
    "tiny": (smooth_images.gradient(48, 60), "JPEG"),
    "palette": (smooth_images.gradient() // 16 * 16, "PNG"),
}


@pytest.mark.parametrize("effort", _EFFORTS)
@pytest.mark.parametrize(("pixels", "format_"), _GRADIENTS.values(), ids=_GRADIENTS.keys())
def test_gradients_get_no_bands(pixels: Pixels, format_: str, effort: str) -> None:
    """A gradient without any key point stays smooth (7 to 11 levels off otherwise)."""
    data = save(pixels, format_, **({"quality": 95} if format_ == "JPEG" else {}))
    assert false_steps(_opened(data), _restored(data, effort)) < 5
