"""Test how the trials of an image are displayed."""

import numpy as np
import pytest

from slimgate import models
from slimgate.codec.image.pixels import Pixels
from slimgate.codec.optimize import Refused, optimize
from slimgate.gateway.jobs.explain import _guard, _stored, _table, _tried
from tests.codec import smooth_images
from tests.codec.pictures import crop, noise, optimize_options, save

_WITHOUT_LOSS = {"tiers": ["exact", "lossless"], "codecs": ["avif"], "min_saving": 0}


def _drawing() -> Pixels:
    pixels = np.full((120, 160, 3), 250, np.uint8)
    pixels[:, 100:] = 40
    pixels[20:40, 20:60] = noise(20, 40, 3) // 8
    return pixels


@pytest.mark.parametrize(
    ("data", "codecs"),
    [
        (save(crop("RGB", 300, 250), "JPEG", quality=92), ["jxl"]),
        (save(_drawing(), "PNG", compress_level=1), ["jxl", "webp"]),
    ],
)
def test_trials_without_loss_are_listed(data: bytes, codecs: list[str]) -> None:
    """What was tried without loss has a line each, and the one that is stored has won."""
    made = optimize(data, optimize_options(**_WITHOUT_LOSS), models.restorer)
    assert sorted(trial.candidate.codec for trial in made.trials) == codecs
    head, *lines = _table(made.trials, made.manifest.stored)
    assert head.split()[:3] == ["tier", "codec", "scale"]
    won = [line.split() for line in lines if line.endswith("holds <- won")]
    assert [["exact", made.manifest.stored.codec]] == [words[:2] for words in won]
    assert f"{len(made.rendition):,}" == won[0][4]


@pytest.mark.parametrize(("floor", "shown"), [({}, False), ({"ssimulacra2": 30}, True)])
def test_scores_are_shown_where_they_were_measured(floor: dict[str, float], *, shown: bool) -> None:
    """The table has columns for SSIMULACRA2 where the floor demands it, and lines up with them."""
    made = optimize(
        save(crop("RGB", 300, 250), "PNG"), optimize_options(floor=floor), models.restorer
    )
    head, *lines = _table(made.trials, made.manifest.stored)
    assert ("SSIMULACRA2 worst region" in head) is shown
    assert {line.index("  holds") for line in lines if "  holds" in line} == {
        head.index("  verdict")
    }


def test_trials_without_loss_that_were_in_vain_are_listed() -> None:
    """A file that does not get smaller without loss says with what that was tried."""
    data = save(noise(64, 64, 3), "PNG")
    with pytest.raises(Refused) as caught:
        optimize(data, optimize_options(**_WITHOUT_LOSS), models.restorer)
    assert {trial.verdict for trial in caught.value.trials} == {"too big"}
    assert [line for line in _table(caught.value.trials, None) if "won" in line] == []


def test_each_tier_is_told() -> None:
    """Below the trials there is a line for each tier: what won, lost, or was not tried."""
    data = save(crop("RGB", 300, 250), "JPEG", quality=92)
    made = optimize(data, optimize_options(**_WITHOUT_LOSS), models.restorer)
    lines = list(_tried(made.trials, made.omitted, made.manifest.stored))
    assert lines[-4:] == [
        "     exact  won",
        "  lossless  not tried: this tier is not for files of the format (image/jpeg)",
        "    recode  not tried: the policy does not allow the tier",
        " downscale  not tried: the policy does not allow the tier",
    ]


def test_long_names_of_codecs_stay_apart() -> None:
    """The longest name of a codec does not touch the tier beside it."""
    pytest.importorskip("lepton_jpeg_python", reason="lepton-jpeg-python is not installed")
    data = save(crop("RGB", 300, 250), "JPEG", quality=92)
    options = optimize_options(tiers=["exact"], exact_codec="lepton", min_saving=0)
    made = optimize(data, options, models.restorer)
    assert [line.split()[:2] for line in _table(made.trials, made.manifest.stored)] == [
        ["tier", "codec"], ["exact", "lepton"]
    ]  # fmt: skip


def test_the_guard_is_told() -> None:
    """A line says for which kind of image the floor was raised, and to what, if it was."""
    asked = optimize_options(fidelity="economy")
    data = save(smooth_images.faint_xray(240, 320, contrast=30), "PNG")
    made = optimize(data, asked, models.restorer)
    lines = list(_guard(asked.policy, made.manifest.guard))
    assert lines == ["medical image: floor of high"]
    stored = "\n".join(_stored(made.manifest, len(made.rendition)))
    assert stored.endswith(", guarded as medical image")
    assert list(_guard(asked.policy, None)) == []
