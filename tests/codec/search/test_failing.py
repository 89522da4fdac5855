"""A candidate that fails loses: others are stored instead."""

import errno
from collections.abc import Callable
from typing import Any, Final

import cv2
import pytest

from bench import mosaics
from slimgate import models
from slimgate.codec import optimize
from slimgate.codec.encoders import pillow
from slimgate.codec.image.pixels import Pixels
from slimgate.codec.optimize import OptimizeOptions, Refused
from slimgate.codec.restore.restore import restore, verify
from slimgate.codec.search import memory_needs, seal
from slimgate.codec.search.allowed_steps import DECODE, LOSSY_STEPS, AllowedSteps
from slimgate.models.engine.network import EngineError
from tests.codec.pictures import FOREVER, RESTORERS, policy

_SIDE: Final = 1000
_PHOTO: Final = mosaics.jpeg(_SIDE * _SIDE / 1e6)
_CODECS: Final = ["avif", "jpeg", "jxl", "webp"]
_EASY: Final = {"floor": {"psnr_db": 28, "ssim": 0.7, "orb": None, "block_psnr_db": None}}


def _optimized(data: bytes = _PHOTO, steps: AllowedSteps | None = None, **changes: Any) -> Any:
    chosen = policy(**{**_EASY, "codecs": _CODECS, "min_saving": 0.05, **changes})
    optimize_options = OptimizeOptions(
        chosen, "image/jpeg", RESTORERS, "0.1.0", FOREVER, steps=steps or AllowedSteps()
    )
    return optimize.optimize(data, optimize_options, models.restorer)


_ERRORS: Final[list[Exception]] = [
    MemoryError(),
    RuntimeError("Encoding of color planes failed"),
    OSError(errno.ENOMEM, "Cannot allocate memory"),
    cv2.error("(-4) Insufficient memory"),
    EngineError("the engine has gone"),
    ZeroDivisionError("a bug"),
]


@pytest.fixture
def break_encoder(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Break Pillow's encoders of some formats."""
    save = pillow.save

    def broken(error: Exception, *formats: str) -> None:
        def failing(pixels: Pixels, format_: str, **options: Any) -> bytes:
            if format_ in formats:
                raise error
            return save(pixels, format_, **options)

        monkeypatch.setattr(pillow, "save", failing)

    return broken


@pytest.mark.parametrize("error", _ERRORS, ids=lambda error: type(error).__name__)
@pytest.mark.parametrize("effort", ["fast", "balanced"])
def test_other_codecs_take_the_place_of_one_that_fails(
    break_encoder: Callable[..., None], error: Exception, effort: str
) -> None:
    """When AVIF cannot be written, another codec is stored, and the trial says why."""
    break_encoder(error, "AVIF")
    made = _optimized(effort=effort, tiers=["recode"])
    assert made.manifest.stored.codec in {"jxl", "webp"}
    assert len(restore(made.rendition, made.manifest, models.restorer)) == len(_PHOTO)
    failed = [t for t in made.trials if t.verdict == "failed"]
    assert {t.candidate.codec for t in failed} == {"avif"}
    assert all(t.note for t in failed)


def test_exact_is_stored_when_everything_with_loss_fails(
    break_encoder: Callable[..., None],
) -> None:
    """The upload returns byte for byte when no lossy encoder works."""
    break_encoder(MemoryError(), "AVIF", "WEBP", "JPEG")
    made = _optimized(codecs=["avif", "webp"], tiers=["downscale", "recode", "exact"])
    assert made.manifest.stored.tier == "exact"
    assert restore(made.rendition, made.manifest, models.restorer) == _PHOTO


def test_the_reason_names_the_failure(break_encoder: Callable[..., None]) -> None:
    """When nothing is left, the upload stays as it is, and the reason says what failed."""
    break_encoder(MemoryError(), "AVIF")
    with pytest.raises(Refused, match="failed: out of memory"):
        _optimized(codecs=["avif"], tiers=["recode"])


def test_a_rendition_that_does_not_restore_makes_room_for_the_next(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """When the proof of the winner fails, the next smallest is stored."""
    proven: list[str] = []

    def failing(rendition: bytes, manifest: Any, upscalers: Any, threads: int) -> None:
        proven.append(manifest.stored.tier)
        if manifest.stored.tier == "recode":
            raise MemoryError
        verify(rendition, manifest, upscalers, threads)

    monkeypatch.setattr(seal, "verify", failing)
    made = _optimized(tiers=["recode", "exact"])
    assert (made.manifest.stored.tier, proven) == ("exact", ["recode", "exact"])


@pytest.mark.parametrize(
    ("ruled_out", "tiers"),
    [
        ({"avif"}, {"recode"}),
        (LOSSY_STEPS, {"exact"}),
        ({DECODE}, {"exact"}),
        ({"avif", "exact"}, {"recode"}),
    ],
)
def test_steps_that_are_ruled_out_are_left_out(ruled_out: set[str], tiers: set[str]) -> None:
    """A step that killed a process is not tried again."""
    began: list[str] = []
    made = _optimized(
        steps=AllowedSteps(frozenset(ruled_out), None, began.append), tiers=["recode", "exact"]
    )
    assert made.manifest.stored.tier in tiers
    assert not ruled_out & set(began)


def _per_pixel(count: float) -> AllowedSteps:
    return AllowedSteps(memory=round(count * _SIDE * _SIDE))


@pytest.mark.parametrize(
    ("per_pixel", "stored"),
    [
        (200, ("recode", "avif")),
        (45, ("recode", "avif")),  # enough for 4:2:0
        (30, ("recode", "jxl")),
        (24.5, ("recode", "jxl")),
    ],
)
def test_memory_decides_what_is_tried(per_pixel: float, stored: tuple[str, str]) -> None:
    """The less memory there is, the more is left out, and nothing is begun in vain."""
    made = _optimized(steps=_per_pixel(per_pixel), tiers=["recode", "exact"])
    assert (made.manifest.stored.tier, made.manifest.stored.codec) == stored


def test_exact_needs_no_pixels() -> None:
    """Where memory suffices for nothing with loss, a JPEG file is transcoded, undecoded."""
    began: list[str] = []
    size = memory_needs.to_transcode(_SIDE * _SIDE)
    made = _optimized(
        steps=AllowedSteps(memory=round(1.01 * size), mark=began.append), codecs=["avif"],
        tiers=["recode", "exact"],
    )  # fmt: skip
    assert made.manifest.stored.tier == "exact"
    with pytest.raises(Refused, match=r"needs more memory: needs 23 MiB of memory, not 20"):
        _optimized(steps=_per_pixel(20), tiers=["recode", "exact"])
