"""Files with content credentials come back byte for byte, or stay as they are."""

from typing import Any

import pytest

from slimgate import models
from slimgate.codec import optimize
from slimgate.codec.containers import parse
from slimgate.codec.optimize import Optimized, Refused
from slimgate.codec.reasons import Reason
from slimgate.codec.restore.restore import restore
from slimgate.codec.search.omissions import LOSSY, Omission
from tests.codec.containers.credentials import in_jpeg, in_png, in_webp, superbox
from tests.codec.pictures import crop, optimize_options, save
from tests.codec.png_files import png_file

_TIERS = ["exact", "lossless", "recode", "downscale"]
_BOX = superbox(b"c2pa")
_JPEG = save(crop("RGB", 300, 250), "JPEG", quality=92)
_PNG = png_file(crop("RGB", 200, 150))
_EASY = {"psnr_db": 25, "ssim": None}


def _optimized(data: bytes, **changes: Any) -> Optimized:
    asked: dict[str, Any] = {"tiers": _TIERS, "min_saving": 0.05, "floor": _EASY}
    options = optimize_options(**asked | changes)
    made = optimize.optimize(data, options, models.restorer)
    assert made.manifest.policy == options.policy.digest
    return made


@pytest.mark.parametrize("data", [in_jpeg(_JPEG, _BOX), in_png(_PNG, _BOX)], ids=["jpeg", "png"])
def test_signed_files_are_exact(data: bytes) -> None:
    """Where a lossy rendition would be much smaller, a signed file is exact still."""
    made = _optimized(data)
    assert made.manifest.stored.tier == "exact"
    assert restore(made.rendition, made.manifest, models.restorer) == data
    why = {each.what: each.why for each in made.omitted}
    assert {why[tier] for tier in LOSSY} == {Omission.C2PA}
    assert why["lossless"] in (Omission.C2PA, Omission.FORMAT)


@pytest.mark.parametrize(
    ("data", "changes"),
    [
        (in_jpeg(_JPEG, _BOX), {"tiers": ["recode"]}),
        (in_jpeg(_JPEG, _BOX), {"min_saving": 0.9}),
        (in_png(save(crop("RGB", 200, 150), "PNG", compress_level=6), _BOX), {"min_saving": 0.9}),
        (in_webp(save(crop("RGB", 200, 150), "WEBP"), _BOX), {}),
    ],
    ids=["no exact tier", "too big", "large png", "webp"],
)
def test_signed_files_that_cannot_be_exact_stay(data: bytes, changes: dict[str, Any]) -> None:
    """Otherwise they stay as they are, and the reason is their signature."""
    with pytest.raises(Refused) as raised:
        _optimized(data, **changes)
    assert raised.value.reason is Reason.C2PA


def test_other_boxes_are_kept_like_any_segment() -> None:
    """A JPEG with a JUMBF box of another label may be lossy, and keeps it."""
    data = in_jpeg(_JPEG, superbox(b"SamsungTag"))
    made = _optimized(data)
    assert made.manifest.stored.tier in LOSSY
    served = restore(made.rendition, made.manifest, models.restorer)
    assert parse(served).metadata == parse(data).metadata
    assert superbox(b"SamsungTag") in served
