from typing import Any, Final

import numpy as np
import pytest

from slimgate import models
from slimgate.codec.optimize import Optimized, optimize
from slimgate.codec.reasons import Reason, Refused
from slimgate.codec.search import obstacles
from slimgate.codec.search.obstacles import NOT_SMALLER, Obstacle
from slimgate.codec.search.omissions import Omission, Omitted
from tests.codec.pictures import crop, noise, optimize_options, save

_PHOTO: Final = crop("RGB", 160, 120)
_JPEG: Final = save(_PHOTO, "JPEG", quality=92)
_TIFF: Final = save(_PHOTO, "TIFF", compression="raw")


def _obstacle(data: bytes, **policy: Any) -> Obstacle | None:
    try:
        made: Optimized = optimize(data, optimize_options(**policy), models.restorer)
    except Refused as refused:
        return obstacles.of_refused(refused)
    return obstacles.of_stored(made.manifest.stored.tier, made.trials, made.omitted)


_LOW: Final = {
    "floor": {"psnr_db": 20}, "codecs": ["jpeg"], "tiers": ["exact", "recode"], "min_saving": 0,
}  # fmt: skip


@pytest.mark.parametrize(
    ("data", "policy", "expected"),
    [
        (_JPEG, _LOW, None),
        (_JPEG, {"tiers": ["exact"], "min_saving": 0},
         Obstacle("the policy does not allow tiers with loss")),
        (_JPEG, {**_LOW, "floor": {"psnr_db": 70}},
         Obstacle(NOT_SMALLER)),
        (_TIFF, _LOW, Obstacle("files of this type come back byte for byte (image/tiff)", True)),
        (b"text", _LOW, Obstacle(Reason.TYPE.text)),
        (save(noise(64, 64, 3), "PNG"), {"tiers": ["exact"]}, Obstacle(Reason.FLOOR.text)),
        (save(np.zeros((8, 8, 3), np.uint8), "PNG"), _LOW, Obstacle(Reason.SMALL.text)),
    ],
)  # fmt: skip
def test_each_file_says_what_kept_it_back(
    data: bytes, policy: dict[str, Any], expected: Obstacle | None
) -> None:
    """A file that is stored without loss, or as it came, names what kept it from less."""
    assert _obstacle(data, **policy) == expected


@pytest.mark.parametrize(
    ("refused", "expected"),
    [
        (Refused(Reason.UNSUPPORTED, "four components"), Obstacle("four components", True)),
        (Refused(Reason.KIND, "HEIC"), Obstacle(str(Refused(Reason.KIND, "HEIC")), True)),
        (Refused(Reason.MEMORY, "it needs 5,123 MiB"), Obstacle(Reason.MEMORY.text)),
        (
            Refused(Reason.FLOOR, "too big", (), (
                Omitted("lossy", Omission.UNSUPPORTED, "a gain map"),
            )),
            Obstacle("the file cannot be taken apart (a gain map)", True),
        ),
        (
            Refused(Reason.FLOOR, "too big", (), (Omitted("lossy", Omission.MEMORY, "9 MiB"),)),
            Obstacle(Omission.MEMORY.value),
        ),
    ],
)  # fmt: skip
def test_details_of_one_file_are_left_out(refused: Refused, expected: Obstacle) -> None:
    """Files that one thing keeps back have the same words, so that their bytes can be summed."""
    assert obstacles.of_refused(refused) == expected


def test_credentials_count_before_the_form() -> None:
    """A signed file stays byte for byte, whatever else there is about it."""
    omitted = [
        Omitted("recode", Omission.C2PA),
        Omitted("downscale", Omission.C2PA),
        Omitted("lossy", Omission.UNSUPPORTED, "an odd chunk"),
    ]
    assert obstacles.of_stored("exact", (), omitted) == Obstacle(Omission.C2PA.value, is_form=True)
