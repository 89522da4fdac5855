"""What is said of tiers and codecs that lost or were not tried."""

from typing import Any, Final

import numpy as np
import pytest

from slimgate import models
from slimgate.codec.optimize import Optimized, OptimizeOptions, Refused, optimize
from slimgate.codec.search.allowed_steps import DECODE, LOSSY_STEPS, AllowedSteps
from slimgate.codec.search.omissions import Omission, Omitted
from slimgate.config import Policy
from slimgate.gateway.optimize import byte_exact
from slimgate.gateway.optimize.summary import fates
from tests.codec.pictures import FOREVER, RESTORERS, crop, noise, policy, save
from tests.e2e import images

_PHOTO: Final = save(crop("RGB", 300, 250), "JPEG", quality=92)
_PNG: Final = save(crop("RGB", 200, 150), "PNG", compress_level=1)
_WEBP: Final = save(crop("RGB", 200, 150), "WEBP", quality=90)
_TRAILED: Final = _PHOTO.replace(b"\xff\xda", b"\xff\xdc\x00\x04\x00\x10\xff\xda", 1)
_EVERYTHING: Final = ["downscale", "recode", "lossless", "exact"]
_EASY: Final = {"psnr_db": 25, "ssim": None, "orb": None, "block_psnr_db": None}


def _page() -> bytes:
    """Draw something that looks like a document."""
    pixels = np.full((600, 800), 250, np.uint8)
    pixels[20:580:20, 40:760:6] = 10
    pixels[24:580:20, 42:760:5] = 10
    return save(np.stack([pixels] * 3, axis=2), "PNG", compress_level=1)


def _told(data: bytes, steps: AllowedSteps | None = None, **changes: Any) -> dict[str, str]:
    """Let candidates compete; return what is said of each tier and codec."""
    chosen = policy(**{"tiers": _EVERYTHING, "floor": _EASY, "min_saving": 0.05, **changes})
    optimize_options = OptimizeOptions(
        chosen, "image/jpeg", RESTORERS, "0.1.0", FOREVER, steps=steps or AllowedSteps()
    )
    found: Optimized | Refused
    try:
        found = optimize(data, optimize_options, models.restorer)
    except Refused as refused:
        found = refused
    winner = found.manifest.stored if isinstance(found, Optimized) else None
    return dict(fates(found.trials, found.omitted, winner))


_SKIPPED: Final = "not tried: "
_NO_CODEC: Final = "not tried with loss: "
_NOISE: Final = save(noise(64, 64, 3), "PNG")
_PALETTE: Final = images.saved(images.photo().quantize(16), "PNG", bits=4)
_NO_LOSSY: Final = AllowedSteps(LOSSY_STEPS)
_SMALL_MEMORY: Final = AllowedSteps(memory=1_000_000)


@pytest.mark.parametrize(
    ("what", "data", "changes", "expected"),
    [
        ("lossless", _PHOTO, {}, f"{_SKIPPED}{Omission.FORMAT} (image/jpeg)"),
        ("exact", _WEBP, {}, f"{_SKIPPED}{Omission.FORMAT} (image/webp)"),
        ("exact", _PHOTO, {}, f"{_SKIPPED}{Omission.WITHOUT_LOSS_IS_LARGER}"),
        ("exact", _PHOTO, {"tiers": ["exact"]}, "won"),
        ("recode", _PHOTO, {"tiers": ["exact"]}, f"{_SKIPPED}{Omission.TIER}"),
        ("recode", _PHOTO, {"effort": "fast"}, "won"),
        ("downscale", _PHOTO, {"effort": "fast"}, f"{_SKIPPED}{Omission.NOT_WORTH}"),
        ("jxl, webp, jpeg", _PHOTO, {"effort": "fast"}, f"{_NO_CODEC}{Omission.EFFORT} (fast)"),
        ("jxl, webp, jpeg", _PHOTO, {"codecs": ["avif"]}, f"{_NO_CODEC}{Omission.CODEC}"),
        ("with loss", _TRAILED, {}, f"{_SKIPPED}{Omission.UNSUPPORTED} (height defined"),
        (
            "with loss",
            _PHOTO,
            {"steps": _SMALL_MEMORY},
            f"{_SKIPPED}{Omission.MEMORY} (needs",
        ),
        (
            "with loss",
            _PHOTO,
            {"steps": AllowedSteps(frozenset({DECODE}))},
            f"{_SKIPPED}{Omission.LOST}",
        ),
        ("with loss", _PNG, {"steps": _NO_LOSSY}, f"{_SKIPPED}{Omission.NO_CODEC}"),
        (
            "avif, jxl, webp, jpeg",
            _PNG,
            {"steps": _NO_LOSSY},
            f"{_NO_CODEC}{Omission.LOST}",
        ),
        ("recode", _NOISE, {"floor": {"psnr_db": 60}}, "lost: below floor"),
        ("exact", _NOISE, {"floor": {"psnr_db": 60}}, "lost: too big"),
        ("lossless", _NOISE, {"floor": {"psnr_db": 60}}, "lost: too big"),
        (
            "with loss",
            _PALETTE,
            {},
            f"{_SKIPPED}{Omission.UNSUPPORTED} (palette of fewer than 256 colours)",
        ),
        ("lossless", _PALETTE, {}, "lost: the very bytes return, which is exact"),
        ("recode", b"GIF88a", {}, f"{_SKIPPED}the file was refused before it"),
    ],
)
def test_fates(what: str, data: bytes, changes: dict[str, Any], expected: str) -> None:
    """Each tier says why it lost or was not tried, and so do codecs that were left out."""
    told = _told(data, **{"codecs": ["avif", "jxl", "webp", "jpeg"], **changes})
    assert told[what].startswith(expected)


def test_codecs_do_not_matter_where_nothing_may_be_lost() -> None:
    """A policy without a tier with loss is told of tiers alone."""
    told = _told(_PHOTO, tiers=["exact", "lossless"])
    assert list(told) == ["exact", "lossless", "recode", "downscale"]


def test_protected_images_say_what_protects_them() -> None:
    """Where nothing with loss may touch a document, that is the reason."""
    kinds = ["document", "screenshot", "chart", "illustration"]
    told = _told(_page(), protect=kinds, protect_with="lossless")
    assert told["with loss"].startswith(f"{_SKIPPED}{Omission.PROTECTED} (")
    assert told["recode"] == told["downscale"] == told["with loss"]


def test_bytes_that_count_are_the_reason() -> None:
    """What an upload asks for by its headers is not put down to the policy."""
    chosen = Policy(name="p", bucket="b", mode="optimize", tiers=("recode", "lossless"))
    with pytest.raises(Refused) as caught:
        byte_exact.narrowed(chosen, byte_exact.ByteExact.NO_TRANSFORM)
    assert caught.value.omitted == (
        Omitted("exact", Omission.TIER),
        Omitted("lossless", Omission.BYTES),
        Omitted("recode", Omission.BYTES),
        Omitted("downscale", Omission.TIER),
    )
