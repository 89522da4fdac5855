"""Tests of restoring: the file that was promised, or an error, and nothing in between."""

import hashlib

import numpy as np
import pytest

from slimgate import models
from slimgate.codec.containers import bmff, header, parse
from slimgate.codec.encoders import EncoderSettings, avif
from slimgate.codec.image.pixels import Pixels, decode
from slimgate.codec.image.resample import downscale
from slimgate.codec.manifest import Manifest, Output, Stored
from slimgate.codec.notes import Measured
from slimgate.codec.optimize import optimize
from slimgate.codec.restore import output
from slimgate.codec.restore.restore import (
    DamagedRendition,
    DigestMismatch,
    EncoderChanged,
    Upscaler,
    content_digest,
    enlarge,
    restore,
    verify,
)
from tests.codec.containers import samples
from tests.codec.pictures import LANCZOS, crop, optimize_options, save

_SIZE = 60_000
_KINDS = [
    ("JPEG", "L"), ("JPEG", "RGB"), ("PNG", "L"), ("PNG", "RGB"), ("PNG", "RGBA"),
    ("WEBP", "RGB"), ("WEBP", "RGBA"),
]  # fmt: skip
_TIERS = [(1, None), (1, LANCZOS), (2, LANCZOS), (3, LANCZOS), (4, LANCZOS)]
_SIDES = [(17, 23), (16, 16), (64, 48), (1, 9), (9, 1), (3, 5)]


def _stored(scale: int, restorer: str | None) -> Stored:
    return Stored(
        tier="downscale" if scale > 1 else "recode",
        codec="avif",
        quality=70,
        scale=scale,
        restorer=restorer,
    )


def _parameters(format_: str, mode: str) -> Output:
    return Output.model_validate(
        {
            "format": format_,
            "mode": mode,
            "quality": 6 if format_ == "PNG" else 95,
            "subsampling": "4:4:4" if (format_, mode) == ("JPEG", "RGB") else None,
            "progressive": False,
        }
    )


def _note(pixels: Pixels, format_: str, mode: str, stored: Stored) -> Manifest:
    return Manifest(
        version=1,
        size=_SIZE,
        md5="0" * 32,
        content_type="image/x",
        width=pixels.shape[1],
        height=pixels.shape[0],
        stored=stored,
        output=_parameters(format_, mode),
        sha256="0" * 64,
        content="0" * 32,
        measured=Measured(psnr_db=40, ssim=1, orb=1),
        policy="0" * 12,
        gateway="0.1.0",
    )


def _rendition(pixels: Pixels, scale: int) -> bytes:
    small = pixels if scale == 1 else downscale(pixels, scale)
    return avif.encode(small, EncoderSettings(quality=70, subsampling="4:4:4", speed=9))


def _sealed(note: Manifest, served: bytes, content: str) -> Manifest:
    sha256 = hashlib.sha256(served).hexdigest()
    return note.model_copy(update={"sha256": sha256, "content": content})


def _by_hand(rendition: bytes, pixels: Pixels, mode: str, scale: int) -> Pixels:
    """Decode and enlarge channel by channel, without the code under test."""
    height, width = pixels.shape[:2]
    small = decode(
        rendition, format_="AVIF", mode=mode, width=-(-width // scale), height=-(-height // scale)
    )
    channels = small[..., None] if mode == "L" else small
    lanczos = models.restorer(LANCZOS)
    full = [
        lanczos.upscale(np.ascontiguousarray(channels[..., index]), scale, level=0)[:height, :width]
        for index in range(channels.shape[2])
    ]
    return np.dstack(full).squeeze(axis=2) if mode == "L" else np.dstack(full)


@pytest.mark.parametrize(("format_", "mode"), _KINDS)
@pytest.mark.parametrize(("scale", "restorer"), _TIERS)
@pytest.mark.parametrize(("width", "height"), _SIDES)
def test_the_promised_file_is_restored(
    format_: str, mode: str, scale: int, restorer: str | None, width: int, height: int
) -> None:
    """Every tier, scale, format, mode and size restores to the file made step by step."""
    pixels = crop(mode, width, height)
    rendition = _rendition(pixels, scale)
    note = _note(pixels, format_, mode, _stored(scale, restorer))
    full = _by_hand(rendition, pixels, mode, scale)
    assert pixels.shape == full.shape
    served = output.encode(full, _parameters(format_, mode), metadata=b"", size=_SIZE)
    assert served == restore(
        rendition, _sealed(note, served, content_digest(b"", full)), models.restorer
    )


@pytest.mark.parametrize(("format_", "mode"), _KINDS)
@pytest.mark.parametrize(
    "tiers", [{"tiers": ["recode"]}] + [{"tiers": ["downscale"], "scales": [n]} for n in (2, 3, 4)]
)
def test_what_optimize_makes_restores(format_: str, mode: str, tiers: dict[str, object]) -> None:
    """A rendition and its note are all that is needed for the file of the recorded digest."""
    data = save(crop(mode, 101, 87), format_, quality=95)
    made = optimize(
        data, optimize_options(floor={"psnr_db": 15, "ssim": None}, **tiers), models.restorer
    )
    served = restore(made.rendition, made.manifest, models.restorer)
    assert made.manifest.sha256 == hashlib.sha256(served).hexdigest()
    assert len(data) == len(served)
    assert (
        parse(served).format, parse(served).mode, parse(served).width, parse(served).height
    ) == (format_, mode, 101, 87)  # fmt: skip


def _good() -> tuple[bytes, Manifest]:
    data = save(crop("RGB", 101, 87), "JPEG", quality=95, comment=b"kept", exif=samples.exif())
    policy = optimize_options(tiers=["downscale"], scales=[2], floor={"psnr_db": 15, "ssim": None})
    made = optimize(data, policy, models.restorer)
    return made.rendition, made.manifest


_NO_IMAGES = {"nothing": b"", "text": b"no image", "zeros": bytes(500), "PNG": b"\x89PNG\r\n\x1a\n"}


@pytest.mark.parametrize("stored", _NO_IMAGES.values(), ids=_NO_IMAGES.keys())
def test_other_files_are_damaged_renditions(stored: bytes) -> None:
    """Data other than a rendition is reported as damaged."""
    _, note = _good()
    with pytest.raises(DamagedRendition):
        restore(stored, note, models.restorer)


def test_truncated_renditions_are_never_served() -> None:
    """Wherever the stored bytes end too early, they are reported as damaged or different."""
    rendition, note = _good()
    for end in range(0, len(rendition), 23):
        with pytest.raises((DamagedRendition, DigestMismatch)):
            restore(rendition[:end], note, models.restorer)


def test_altered_renditions_are_never_served() -> None:
    """Whichever stored byte changes, the promised file is served or an error says why."""
    rendition, note = _good()
    for position in range(0, len(rendition), 11):
        altered = bytearray(rendition)
        altered[position] ^= 0x55
        try:
            served = restore(bytes(altered), note, models.restorer)
        except (DamagedRendition, DigestMismatch):
            continue
        assert note.sha256 == hashlib.sha256(served).hexdigest()


def test_a_missing_box_is_noticed() -> None:
    """Without the kept header segments the file is another one, and is not served."""
    rendition, note = _good()
    blob = bmff.extract(rendition)
    assert blob is not None
    bare = rendition[: -len(blob) - 24]
    assert bmff.extract(bare) is None
    with pytest.raises(DigestMismatch):
        restore(bare, note, models.restorer)


@pytest.mark.parametrize("blob", [b"\x01", b"\x09" * 40, header.pack(b"\xff\xfe\x00", None)])
def test_a_broken_box_is_noticed(blob: bytes) -> None:
    """A box that no gateway wrote is reported as damage."""
    pixels = crop("RGB", 20, 20)
    note = _note(pixels, "JPEG", "RGB", _stored(1, None))
    with pytest.raises(DamagedRendition):
        restore(bmff.attach(_rendition(pixels, 1), blob), note, models.restorer)


@pytest.mark.parametrize(
    "changes",
    [
        {"width": 103}, {"width": 99}, {"height": 89}, {"height": 1}, {"width": 87, "height": 101},
        {"stored": _stored(3, LANCZOS)}, {"stored": _stored(1, None)},
        {"output": _parameters("JPEG", "L")}, {"output": _parameters("WEBP", "RGBA")},
        {"output": _parameters("PNG", "RGB")}, {"size": 100},
    ],
)  # fmt: skip
def test_a_note_of_another_image_is_noticed(changes: dict[str, object]) -> None:
    """A manifest that does not match the stored bytes raises before anything is served."""
    rendition, note = _good()
    with pytest.raises((DamagedRendition, DigestMismatch)):
        restore(rendition, note.model_copy(update=changes), models.restorer)


def test_wrong_dimensions_are_damage() -> None:
    """Dimensions are compared before anything is decoded or enlarged."""
    rendition, note = _good()
    with pytest.raises(DamagedRendition, match="not as RGB"):
        restore(rendition, note.model_copy(update={"width": 60_000}), models.restorer)


def test_other_content_is_a_mismatch() -> None:
    """Valid bytes with other content are distinguished from damaged ones."""
    rendition, note = _good()
    changes = {"content": "0" * 32, "sha256": "0" * 64}
    with pytest.raises(DigestMismatch) as raised:
        restore(rendition, note.model_copy(update=changes), models.restorer)
    assert not isinstance(raised.value, EncoderChanged)


def test_verifying_compares_the_content_too() -> None:
    """A manifest whose content is not that of the recorded file fails before it is stored."""
    rendition, note = _good()
    verify(rendition, note, models.restorer)
    with pytest.raises(DigestMismatch) as raised:
        verify(rendition, note.model_copy(update={"content": "0" * 32}), models.restorer)
    assert not isinstance(raised.value, EncoderChanged)


def test_an_encoder_that_has_changed_is_told_apart() -> None:
    """The right content in another file than promised comes with that file."""
    rendition, note = _good()
    with pytest.raises(EncoderChanged) as raised:
        restore(rendition, note.model_copy(update={"sha256": "0" * 64}), models.restorer)
    assert restore(rendition, note, models.restorer) == raised.value.served


def test_an_unknown_restorer_is_a_lookup_error() -> None:
    """A restorer that is not installed is neither damage nor a mismatch."""
    rendition, note = _good()
    newer = note.stored.model_copy(update={"restorer": "0" * 16})
    with pytest.raises(LookupError, match="0000000000000000"):
        restore(rendition, note.model_copy(update={"stored": newer}), models.restorer)


class _Recorder:
    def __init__(self) -> None:
        self.shapes: list[tuple[int, ...]] = []
        self.levels: set[int] = set()

    def upscale(self, pixels: Pixels, scale: int, *, level: int) -> Pixels:
        assert pixels.flags.c_contiguous
        self.shapes.append(pixels.shape)
        self.levels.add(level)
        return pixels.repeat(scale, axis=0).repeat(scale, axis=1)

    def refine(self, small: Pixels, full: Pixels, scale: int) -> Pixels:
        raise AssertionError("reading shrinks nothing")


@pytest.mark.parametrize(
    ("mode", "shapes"), [("L", [(7, 9)]), ("RGB", [(7, 9, 3)]), ("RGBA", [(7, 9, 3), (7, 9)])]
)
def test_upscalers_see_planes(mode: str, shapes: list[tuple[int, ...]]) -> None:
    """An upscaler gets gray or RGB, contiguous, and the level; alpha apart, the rest is cut off."""
    recorder = _Recorder()

    def lookup(restorer: str) -> Upscaler:
        assert restorer == LANCZOS
        return recorder

    small = crop(mode, 9, 7)
    stored = _stored(3, LANCZOS).model_copy(update={"level": 77})
    full = enlarge(small, stored, size=(26, 20), upscalers=lookup)
    assert (recorder.shapes, recorder.levels) == (shapes, {77})
    np.testing.assert_array_equal(small.repeat(3, axis=0).repeat(3, axis=1)[:20, :26], full)
