"""Tests of turning uploads into renditions, and of refusing to."""

import hashlib
import pickle
import warnings
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from PIL import Image

from bench import reference
from slimgate import models
from slimgate.codec import manifest, optimize
from slimgate.codec.containers import bmff, parse
from slimgate.codec.encoders import avif
from slimgate.codec.image.pixels import Pixels, decode_as
from slimgate.codec.optimize import Optimized, Refused
from slimgate.codec.reasons import Reason
from slimgate.codec.restore.restore import Upscaler, restore, verify
from slimgate.codec.search import seal
from slimgate.codec.threads import Threads
from tests.codec.containers import samples
from tests.codec.pictures import crop, noise, optimize_options, save

_JPEG = {"quality": 95}


def _optimized(data: bytes, **changes: Any) -> Optimized:
    return optimize.optimize(data, optimize_options(**changes), models.restorer)


def _served(made: Optimized) -> bytes:
    return restore(made.rendition, made.manifest, models.restorer)


def _refusal(data: bytes, **changes: Any) -> str:
    with pytest.raises(Refused) as raised:
        _optimized(data, **changes)
    return str(raised.value)


def test_the_note_describes_the_upload() -> None:
    """The manifest holds what clients will be told, as it was uploaded."""
    data = save(crop("RGB", 150, 110), "JPEG", **_JPEG, progressive=True, subsampling="4:2:2")
    asked = replace(
        optimize_options(min_saving=0.2), content_type="image/jpeg; x=y", gateway="1.2.3"
    )
    made = optimize.optimize(data, asked, models.restorer)
    note = made.manifest
    assert note.output is not None
    assert (1, len(data), 150, 110) == (note.version, note.size, note.width, note.height)
    assert hashlib.md5(data, usedforsecurity=False).hexdigest() == note.md5
    assert (note.content_type, note.gateway) == ("image/jpeg; x=y", "1.2.3")
    assert asked.policy.digest == note.policy
    assert (
        note.output.format, note.output.mode, note.output.subsampling, note.output.progressive
    ) == ("JPEG", "RGB", "4:2:2", True)  # fmt: skip
    assert hashlib.sha256(_served(made)).hexdigest() == note.sha256
    assert len(made.rendition) in {trial.size for trial in made.trials}


def test_idle_cores_do_not_change_what_is_stored() -> None:
    """Rendition, manifest and trials are the same, however many threads there are."""
    data = save(np.tile(crop("RGB", 250, 210), (6, 7, 1)), "JPEG", quality=90)
    alone = _optimized(data, effort="fast", fidelity="standard", tiers=["recode"])
    asked = optimize_options(effort="fast", fidelity="standard", tiers=["recode"])
    with Threads(3) as threads:
        steps = replace(asked.steps, threads=threads)
        made = optimize.optimize(data, replace(asked, steps=steps), models.restorer)
    assert (made.rendition, made.manifest) == (alone.rendition, alone.manifest)
    found, expected = ([replace(t, seconds=0.0) for t in each.trials] for each in (made, alone))
    assert found == expected


def test_scales_without_a_restorer_are_left_out() -> None:
    """A restorer that knows one factor is no reason to fail where the policy allows three."""
    data = save(crop("RGB", 150, 110), "JPEG", **_JPEG)
    asked = optimize_options(floor={"psnr_db": 20, "ssim": None})
    asked = replace(asked, restorers={2: asked.restorers[2]})
    made = optimize.optimize(data, asked, models.restorer)
    assert {trial.candidate.scale for trial in made.trials} == {1, 2}


def test_the_content_type_is_a_mere_label() -> None:
    """The bytes of an upload decide its type; the client's type is only recorded."""
    data = save(crop("RGB", 150, 110), "JPEG", **_JPEG)
    asked = replace(optimize_options(), content_type="text/plain")
    note = optimize.optimize(data, asked, models.restorer).manifest
    assert note.output is not None
    assert (note.content_type, note.output.format) == ("text/plain", "JPEG")


def test_results_travel_between_processes() -> None:
    """Results and refusals can be sent from a worker to its gateway."""
    made = _optimized(save(crop("RGB", 150, 110), "JPEG", **_JPEG))
    assert made == pickle.loads(pickle.dumps(made))  # noqa: S301  # made on the line before
    refused = pickle.loads(pickle.dumps(Refused(Reason.FAILED, "why", made.trials)))  # noqa: S301  # as here
    assert ("why", made.trials) == (str(refused), refused.trials)


_METADATA: dict[str, tuple[str, str, dict[str, Any]]] = {
    "jpeg": (
        "JPEG", "RGB",
        _JPEG | samples.EVERYTHING | {"comment": b"made slim", "dpi": (300, 300)},
    ),
    "gray jpeg": ("JPEG", "L", _JPEG | {"comment": b"gray", "exif": samples.exif(3)}),
    "png": (
        "PNG", "RGB",
        {"exif": samples.exif(), "icc_profile": samples.icc(), "pnginfo": samples.text(),
         "dpi": (144, 144)},
    ),
    "rgba png": ("PNG", "RGBA", {"pnginfo": samples.text(), "dpi": (96, 96)}),
    "webp": ("WEBP", "RGB", _JPEG | samples.EVERYTHING),
    "rgba webp": ("WEBP", "RGBA", _JPEG | samples.EVERYTHING),
}  # fmt: skip


@pytest.mark.parametrize(
    ("format_", "mode", "parameters"), _METADATA.values(), ids=_METADATA.keys()
)
def test_metadata_survive(format_: str, mode: str, parameters: dict[str, Any]) -> None:
    """EXIF, profile, XMP, comment, resolution and text of the served file are the upload's."""
    data = save(crop(mode, 170, 130), format_, **parameters)
    served = _served(_optimized(data, floor={"psnr_db": 28, "ssim": None}))
    assert len(data) == len(served)
    assert samples.read(data)[1] == samples.read(served)[1]
    assert parse(data).metadata == parse(served).metadata


@pytest.mark.parametrize("format_", ["JPEG", "PNG", "WEBP"])
@pytest.mark.parametrize("orientation", [1, 3, 6, 8])
def test_renditions_look_turned_but_pixels_are_not(format_: str, orientation: int) -> None:
    """Viewers turn the rendition as they turned the upload; restoring turns nothing."""
    pixels = crop("RGB", 170, 130)
    data = save(pixels, format_, **_JPEG, exif=samples.exif(orientation))
    made = _optimized(data)
    assert _turned(made.rendition) == orientation
    served = _served(made)
    assert _turned(served) == orientation
    assert (parse(served).width, parse(served).height) == (170, 130)


def _turned(data: bytes) -> int:
    info = samples.read(data)[1]
    exif = Image.Exif()
    exif.load(info["exif"] or b"")
    return int(exif.get(0x0112, 1))


@pytest.mark.parametrize("exif", [b"no TIFF at all", b"MM\x00\x2a\xff\xff\xff\xff", b"II", b"\0"])
def test_damaged_exif_does_not_matter(exif: bytes) -> None:
    """An upload with unreadable EXIF is optimized, and keeps its EXIF."""
    plain = save(crop("RGB", 170, 130), "WEBP", **_JPEG, exif=samples.exif())
    chunk = parse(plain).metadata
    damaged = b"EXIF" + len(exif).to_bytes(4, "little") + exif + b"\0" * (len(exif) % 2)
    data = plain.replace(chunk, damaged)
    data = data[:4] + (len(data) - 8).to_bytes(4, "little") + data[8:]
    assert damaged == parse(data).metadata
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Pillow tells of the damage
        made = _optimized(data)
        assert damaged == parse(_served(made)).metadata


def test_nothing_kept_costs_no_box() -> None:
    """A rendition of an upload without metadata is a bare AVIF file."""
    made = _optimized(save(crop("RGB", 150, 110), "PNG"))
    assert bmff.extract(made.rendition) is None


@pytest.mark.parametrize("min_saving", [0, 0.5, 0.7])
def test_the_saving_is_kept(min_saving: float) -> None:
    """A rendition is smaller by the demanded share, the room for its manifest included."""
    data = save(crop("RGB", 150, 110), "JPEG", quality=98)
    made = _optimized(data, min_saving=min_saving, floor={"psnr_db": 30, "ssim": None})
    assert len(made.rendition) + len(made.manifest.dumps()) <= len(data) * (1 - min_saving) + 50


def test_the_manifest_is_part_of_the_price() -> None:
    """A rendition that saves enough only without its manifest is not stored."""
    data = save(crop("RGB", 150, 110), "JPEG", quality=98)
    floor = {"psnr_db": 34, "ssim": None}
    changes: dict[str, Any] = {"tiers": ["recode"], "floor": floor, "effort": "best"}
    made = _optimized(data, min_saving=0, **changes)
    needed, price = len(made.rendition), len(made.manifest.dumps())
    assert needed < len(data) * (1 - 0.1)
    enough = 1 - (needed + price + 100) / len(data)
    assert needed == len(_optimized(data, min_saving=enough, **changes).rendition)
    without_manifest = 1 - (needed + price // 2) / len(data)
    assert "too big" in _refusal(data, min_saving=without_manifest, **changes)


def test_too_small_a_saving_is_refused() -> None:
    """When nothing saves the demanded share the upload stays as it is."""
    data = save(crop("RGB", 150, 110), "JPEG", quality=60)
    assert "too big" in _refusal(data, min_saving=0.95, floor={"psnr_db": 30, "ssim": None})


@pytest.mark.parametrize(("format_", "mode"), [("JPEG", "L"), ("JPEG", "RGB"), ("PNG", "RGB")])
@pytest.mark.parametrize("psnr_db", [20, 30, 38])
def test_recorded_fidelity_is_true(format_: str, mode: str, psnr_db: float) -> None:
    """Recorded measures hold the floor, and never exceed those of scikit-image."""
    data = save(crop(mode, 150, 110), format_, quality=97)
    made = _optimized(data, floor={"psnr_db": psnr_db, "ssim": 0.5}, min_saving=0)
    upload = parse(data)
    original, served = decode_as(upload, data), decode_as(upload, _served(made))
    found = made.manifest.measured
    psnr = reference.psnr(original, served)
    assert psnr_db <= found.psnr_db <= psnr < found.psnr_db + 0.011
    ssim = reference.ssim(reference.luma(original), reference.luma(served))
    assert 0.5 <= found.ssim <= ssim + 1e-12 < found.ssim + 0.0003


@pytest.mark.parametrize(
    ("value", "steps", "expected"),
    [(34.999, 100, 34.99), (0.93456, 10_000, 0.9345), (-0.12341, 10_000, -0.1235), (1.0, 1000, 1)],
)
def test_rounding_is_downwards(value: float, steps: int, expected: float) -> None:
    """Dropped digits make no value greater, a negative one neither."""
    assert seal.rounded_down(value, steps) == expected


def _flipped(data: bytes, position: int) -> bytes:
    return data[:position] + bytes([data[position] ^ 0xFF]) + data[position + 1 :]


_PHOTO = save(crop("RGB", 60, 50), "JPEG", **_JPEG)
_REFUSED: dict[str, tuple[bytes, dict[str, Any], str]] = {
    "nothing": (b"", {}, "type that the policy names"),
    "text": (b"no image" * 100, {}, "type that the policy names"),
    "another type": (_PHOTO, {"types": ["image/png"]}, "type that the policy names"),
    "gif": (save(crop("L", 60, 50), "GIF"), {"tiers": ["recode"]}, "needs the tier exact"),
    "heic": (b"\0\0\0\x18ftypheic\0\0\0\0", {}, "kind that is stored as it came: HEIC"),
    "head only": (_PHOTO[:200], {}, ""),
    "cut off": (_PHOTO[:-2], {}, ""),
    "more behind": (_PHOTO + b"x", {}, ""),
    "narrow": (save(crop("RGB", 15, 100), "PNG"), {}, "too small"),
    "low": (save(crop("RGB", 100, 15), "PNG"), {}, "too small"),
    "many pixels": (_PHOTO, {"limits": {"max_pixels": 2999}}, "more pixels"),
    "long side": (save(np.zeros((16, 65_536), np.uint8), "PNG"), {}, "side longer"),
    "few bytes": (save(np.zeros((40, 40), np.uint8), "PNG"), {}, "too big"),
}


@pytest.mark.parametrize(("data", "changes", "reason"), _REFUSED.values(), ids=_REFUSED.keys())
def test_unfit_uploads_are_refused(data: bytes, changes: dict[str, Any], reason: str) -> None:
    """Uploads that are not handled are refused with a reason, without an attempt to decode."""
    assert reason in _refusal(data, **changes)


def test_pixels_at_the_limit_are_taken() -> None:
    """An image with exactly the pixels that the policy allows is optimized."""
    data = save(crop("RGB", 150, 110), "JPEG", quality=98)
    made = _optimized(data, limits={"max_pixels": 150 * 110})
    assert made.manifest.width * made.manifest.height == 150 * 110


def test_pillows_own_limit_does_not_count(monkeypatch: pytest.MonkeyPatch) -> None:
    """Images above Pillow's global pixel limit are optimized and restored like others."""
    data = save(crop("RGB", 150, 110), "JPEG", **_JPEG, icc_profile=samples.icc())
    expected = _optimized(data)
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 10)
    made = _optimized(data)
    assert (made.rendition, made.manifest) == (expected.rendition, expected.manifest)
    assert made.manifest.size == len(_served(made))


@pytest.mark.parametrize("format_", ["JPEG", "PNG", "WEBP"])
def test_noise_is_refused(format_: str) -> None:
    """Noise that no smaller rendition can hold stays as it was uploaded."""
    reason = _refusal(save(noise(64, 64, 3), format_, quality=60), floor={"psnr_db": 45})
    assert "nothing smaller holds the floor" in reason


def test_a_refusal_tells_what_was_tried() -> None:
    """Where nothing holds, the trials say by how much."""
    asked = optimize_options(floor={"psnr_db": 45})
    with pytest.raises(Refused) as refusal:
        optimize.optimize(save(noise(64, 64, 3), "JPEG", quality=60), asked, models.restorer)
    assert refusal.value.trials
    assert "holds" not in {trial.verdict for trial in refusal.value.trials}


def test_no_work_left_is_a_reason() -> None:
    """An upload for which no work may be done is refused, and the reason says so."""
    late = replace(optimize_options(), work_s=0.0)
    with pytest.raises(Refused, match=r"no work left: see limits\.timeout_s"):
        optimize.optimize(_PHOTO, late, models.restorer)


def test_work_that_ends_before_the_first_trial_is_a_reason() -> None:
    """Little work is spent on the sample, and the search ends in order."""
    for work_s in (0.01, 0.02, 0.05):
        short = replace(optimize_options(fidelity="economy"), work_s=work_s)
        with pytest.raises(Refused):
            optimize.optimize(_PHOTO, short, models.restorer)


def test_damaged_pixels_raise_what_is_documented() -> None:
    """An upload that looks sound but cannot be decoded raises a documented error."""
    data = save(crop("RGB", 60, 50), "PNG")
    for position in range(60, len(data) - 20, 97):
        with pytest.raises((Refused, OSError, ValueError, SyntaxError)):
            _optimized(_flipped(data, position))


class _Drifting:
    """Enlarges a little differently each time."""

    def __init__(self) -> None:
        self._calls = 0

    def upscale(self, pixels: Pixels, scale: int, *, level: int) -> Pixels:
        del level
        self._calls += 1
        full = pixels.repeat(scale, axis=0).repeat(scale, axis=1)
        full[: self._calls] ^= 1
        return full

    def refine(self, small: Pixels, full: Pixels, scale: int) -> Pixels:
        del full, scale
        return small


class _Marking:
    """Shrinks with a bright upper half."""

    def upscale(self, pixels: Pixels, scale: int, *, level: int) -> Pixels:
        del level
        return pixels.repeat(scale, axis=0).repeat(scale, axis=1)

    def refine(self, small: Pixels, full: Pixels, scale: int) -> Pixels:
        assert full.shape[0] == small.shape[0] * scale
        marked = small.copy()
        marked[: len(small) // 2] = 255
        return marked


def test_restorers_shrink_what_is_stored() -> None:
    """A rendition holds what its restorer made of the shrunk image."""
    asked = optimize_options(
        tiers=["downscale"], scales=[2], codecs=["avif"],
        floor={"psnr_db": 3, "ssim": None, "orb": None, "ssimulacra2": None},
    )  # fmt: skip
    data = save(crop("RGB", 150, 110), "PNG")
    found = optimize.optimize(data, asked, lambda _: _Marking())
    stored = avif.read(found.rendition, mode="RGB", width=75, height=55)
    assert stored[:20].min() > 200
    assert stored[30:].mean() < 200


def test_what_does_not_restore_is_refused() -> None:
    """A restorer that does not repeat itself is found out before anything is stored."""
    drifting: Upscaler = _Drifting()
    asked = optimize_options(tiers=["downscale"], scales=[2], floor={"psnr_db": 10, "ssim": None})
    data = save(crop("RGB", 150, 110), "PNG")
    with pytest.raises(Refused, match="does not restore"):
        optimize.optimize(data, asked, lambda _: drifting)


def test_what_is_proved_is_what_will_be_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """The proof is made from the written manifest and rendition alone."""
    seen: list[tuple[bytes, str]] = []

    def remember(rendition: bytes, note: manifest.Manifest, lookup: Any, threads: int) -> None:
        seen.append((rendition, note.dumps()))
        verify(rendition, note, lookup, threads)

    monkeypatch.setattr(seal, "verify", remember)
    made = _optimized(_PHOTO, floor={"psnr_db": 28, "ssim": None})
    assert [(made.rendition, made.manifest.dumps())] == seen


@pytest.mark.parametrize("format_", ["JPEG", "PNG"])
def test_a_profile_of_srgb_is_kept_for_the_served_file_alone(format_: str) -> None:
    """Viewers take a rendition without a profile for sRGB; the served file has it as before."""
    data = save(crop("RGB", 300, 200), format_, icc_profile=samples.srgb())
    made = _optimized(data, tiers=["recode"])
    other = _optimized(save(crop("RGB", 300, 200), format_), tiers=["recode"])
    assert samples.read(made.rendition)[1].get("icc_profile") is None
    assert samples.read(_served(made))[1]["icc_profile"] == samples.srgb()
    assert len(made.rendition) < len(other.rendition) + len(samples.srgb()) + 100
