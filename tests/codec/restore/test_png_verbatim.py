"""Tests of PNG files of every kind: stored without loss, with all else verbatim."""

import io
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, PngImagePlugin

from slimgate import models
from slimgate.codec import manifest, optimize
from slimgate.codec.containers import Malformed, png_parts
from slimgate.codec.containers.png_chunks import make
from slimgate.codec.containers.png_parts import Header
from slimgate.codec.image.pixels import Samples
from slimgate.codec.optimize import Optimized, Refused
from slimgate.codec.reasons import Reason
from slimgate.codec.restore import png_forms, png_samples
from slimgate.codec.restore.restore import DamagedRendition, DigestMismatch, restore
from slimgate.codec.search.allowed_steps import AllowedSteps
from slimgate.codec.search.omissions import Omission
from tests.codec.pictures import crop, optimize_options
from tests.codec.png_files import KINDS, PALETTE, any_png, picture, sized
from tests.config.builders import steady

_END = make(b"IEND", b"")
_SIDES = (150, 110)


def _optimized(data: bytes, **changes: Any) -> Optimized:
    asked: dict[str, Any] = {"tiers": ["exact", "lossless"], "min_saving": 0.0}
    return optimize.optimize(data, optimize_options(**asked | changes), models.restorer)


def _refused(data: bytes, **changes: Any) -> Refused:
    with pytest.raises(Refused) as raised:
        _optimized(data, **changes)
    return raised.value


def _served(made: Optimized) -> bytes:
    return restore(made.rendition, made.manifest, models.restorer)


def _name(header: Header) -> str:
    colour = {0: "gray", 2: "rgb", 3: "palette", 4: "gray alpha", 6: "rgba"}[header.colour]
    return f"{colour} {header.depth}{' interlaced' if header.interlaced else ''}"


def _large(header: Header) -> Header:
    # Images of few bits need many pixels before a manifest pays.
    return sized(header, *(_SIDES if header.depth > 2 else (700, 500)))


def _noisy(header: Header) -> Samples:
    """Make samples that compress badly, so that saving the manifest's room is possible."""
    samples = picture(header)
    noise = np.random.default_rng(3).integers(0, 2, samples.shape).astype(np.uint8)
    noisy = samples ^ noise
    return np.asarray(noisy, np.uint16) if header.depth == 16 else np.asarray(noisy, np.uint8)


@pytest.mark.parametrize("header", KINDS, ids=_name)
def test_files_of_every_kind_return_byte_for_byte(header: Header) -> None:
    """Every colour type, depth and interlacing that zlib compressed comes back exactly."""
    header = _large(header)
    data = any_png(header, samples=_noisy(header), coder=(1, 8, 0), chunk=5000)
    made = _optimized(data)
    assert made.manifest.stored.tier == "exact"
    assert _served(made) == data
    assert len(made.rendition) < len(data)


@pytest.mark.parametrize("header", KINDS, ids=_name)
def test_unknown_coders_leave_pixels_chunks_and_size(header: Header) -> None:
    """Image data that no coder reproduces come back with the same samples, chunks and size."""
    header = _large(header)
    text = make(b"tEXt", b"Comment\0x")
    data = any_png(header, samples=_noisy(header), coder=(1, 8, 0), before=text, strange=True)
    made = _optimized(data)
    served = _served(made)
    assert made.manifest.stored.tier == "lossless"
    assert (len(served), text in served) == (len(data), True)
    assert _decoded(served) == _decoded(data)
    assert _refused(data, tiers=["exact"]).reason is Reason.FLOOR


def _samples(data: bytes) -> tuple[bytes, list[bytes], Header]:
    """Return the pixels by another decoder, all bits of the samples, and the image header."""
    parts = png_parts.split(data)
    raw = png_samples.inflate(b"".join(parts.data), parts.header)
    passes = png_samples.unfilter(raw, parts.header)[1]
    palette = make(b"PLTE", PALETTE)
    clean = png_parts.join(replace(parts, before=palette, after=_END), len(data) + 2000)
    with Image.open(io.BytesIO(clean)) as image:
        return image.tobytes(), [each.tobytes() for each in passes], parts.header


def _decoded(data: bytes) -> tuple[str, tuple[int, int], bytes, object]:
    with Image.open(io.BytesIO(data)) as image:
        assert isinstance(image, PngImagePlugin.PngImageFile)
        return image.mode, image.size, image.tobytes(), image.info.get("transparency")


_RGB = Header(*_SIDES, 8, 2, interlaced=False)
_PALETTE = Header(*_SIDES, 8, 3, interlaced=False)
_WRONG = make(b"tEXt", b"Comment\0x")[:-1] + b"?"

_ODD = {
    "colour key": any_png(_RGB, before=make(b"tRNS", b"\0\1\0\2\0\3")),
    "palette with alpha": any_png(_PALETTE, before=make(b"tRNS", bytes(200))),
    "unsafe to copy": any_png(_RGB, before=make(b"vpAB", b"abc")),
    "reserved": any_png(_RGB, before=make(b"vpbg", b"abc")),
    "unknown critical": any_png(_RGB, before=make(b"VpAg", b"abc")),
    "wrong checksum": any_png(_RGB, before=_WRONG, after=_WRONG + _END),
    "twice": any_png(_RGB, before=make(b"gAMA", bytes(4)) * 2),
    "chunk behind": any_png(_RGB, after=make(b"gAMA", bytes(4)) + _END),
    "line break behind the end": any_png(_RGB, after=_END + b"\r\n"),
    "zeros behind the end": any_png(_RGB, after=_END + bytes(5000)),
    "another file behind the end": any_png(_RGB, after=_END + any_png(_PALETTE)),
    "no end": any_png(_RGB, after=b""),
    "half an end": any_png(_RGB, after=_END[:-3]),
    "apple's index": any_png(_RGB, before=make(b"iDOT", bytes(28)) + make(b"tRNS", bytes(6))),
    "animation": any_png(
        _RGB,
        before=make(b"acTL", b"\0\0\0\2\0\0\0\0") + make(b"fcTL", bytes(26)),
        after=make(b"fcTL", bytes(26)) + make(b"fdAT", b"\0\0\0\2abc") + _END,
    ),
}


@pytest.mark.parametrize("data", _ODD.values(), ids=_ODD.keys())
def test_oddities_return_byte_for_byte(data: bytes) -> None:
    """Whatever surrounds the image data comes back verbatim."""
    made = _optimized(data)
    assert (made.manifest.stored.tier, _served(made)) == ("exact", data)


@pytest.mark.parametrize("kind", [b"vpAB", b"VpAB"])
def test_chunks_that_may_depend_on_image_data_need_the_same(kind: bytes) -> None:
    """Beside unknown unsafe or critical chunks, image data never change."""
    found = _refused(any_png(_RGB, before=make(kind, b"abc"), strange=True))
    assert found.reason is Reason.FLOOR
    assert "unknown coder" in str(found)


def test_an_index_of_image_data_goes_with_them() -> None:
    """Apple's index is left out when image data are compressed anew."""
    index = make(b"iDOT", bytes(28))
    data = any_png(_PALETTE, before=index, coder=(1, 8, 0), strange=True)
    served = _served(_optimized(data))
    assert (index in served, len(served)) == (False, len(data))


def test_bytes_of_samples_are_stored_once() -> None:
    """16-bit samples made of 8-bit ones, and opaque alpha, cost nothing."""
    wide = Header(*_SIDES, 16, 6, interlaced=False)
    narrow = Header(*_SIDES, 8, 2, interlaced=False)
    few = _noisy(narrow)
    opaque = np.dstack([few, np.full(few.shape[:2], 255, np.uint8)])
    made = _optimized(any_png(wide, samples=opaque.astype(np.uint16) * 257))
    plain = _optimized(any_png(narrow._replace(interlaced=True), samples=few))
    assert made.manifest.stored.tier == "exact"
    assert len(made.rendition) < 1.1 * len(plain.rendition)


@pytest.mark.parametrize(
    "damage", [b"IDAT", b"IHDR", b"\x78\x01"], ids=["no data", "no header", "no stream"]
)
def test_damaged_image_data_are_refused(damage: bytes) -> None:
    """Without a sound header and sound image data, a file stays as it is."""
    data = any_png(_PALETTE, coder=(1, 8, 0))
    assert damage in data
    assert _refused(data.replace(damage, b"XX" * (len(damage) // 2))).reason in {
        Reason.UNSUPPORTED, Reason.FLOOR
    }  # fmt: skip


def test_image_data_longer_than_the_image_are_refused() -> None:
    """Image data are inflated no further than the header demands."""
    long = any_png(sized(_PALETTE, 150, 4000))
    short = any_png(_PALETTE)
    assert "not as long" in str(_refused(short[:33] + long[33:]))


def test_large_surroundings_are_refused() -> None:
    """What is kept beside the samples has a bound."""
    found = _refused(any_png(_PALETTE, after=_END + bytes(80 << 20)))
    assert found.reason is Reason.UNSUPPORTED


def test_memory_is_checked_before_anything_is_decoded() -> None:
    """An image that needs more memory than allowed is not begun."""
    options = optimize_options(tiers=["exact"])
    steps = AllowedSteps(memory=100_000)
    with pytest.raises(Refused, match="MiB of memory"):
        optimize.optimize(any_png(_PALETTE), replace(options, steps=steps), models.restorer)


def test_a_process_that_died_of_it_is_not_repeated() -> None:
    """If a process died storing it without loss, the next attempt says so."""
    options = optimize_options(tiers=["exact"])
    steps = AllowedSteps(ruled_out=frozenset({"lossless"}))
    with pytest.raises(Refused) as raised:
        optimize.optimize(any_png(_PALETTE), replace(options, steps=steps), models.restorer)
    assert {each.what: each.why for each in raised.value.omitted}["exact"] is Omission.LOST


@settings(steady, max_examples=300)
@given(
    st.sampled_from(KINDS),
    st.booleans(),
    st.lists(st.tuples(st.integers(0, 9000), st.integers(0, 255)), max_size=3),
    st.integers(0, 5000),
)
def test_mutated_files_never_come_back_altered(
    header: Header, strange: bool, changes: list[tuple[int, int]], cut: int
) -> None:
    """A damaged file is refused, or comes back with the same bytes or at least the same samples."""
    # Compressed badly, so that it pays to store them.
    parts: dict[str, Any] = {"before": _WRONG, "chunk": 999, "coder": (0, 8, 0)}
    data = bytearray(any_png(sized(header, 120, 80), strange=strange, **parts))
    for position, value in changes:
        data[position % len(data)] = value
    upload = bytes(data[: len(data) - max(0, cut - 4000)])
    try:
        made = _optimized(upload)
    except (Refused, OSError, ValueError, SyntaxError):
        return
    served = _served(made)
    if made.manifest.stored.tier == "exact":
        assert served == upload
    else:
        assert (len(served), _samples(served)) == (len(upload), _samples(upload))


@settings(steady, max_examples=150)
@given(st.binary(max_size=40), st.integers(0, 10_000), st.integers(1, 10_000))
def test_mutated_renditions_are_noticed(piece: bytes, at: int, width: int) -> None:
    """A damaged rendition, or one of another size, is an error, never other bytes."""
    made = _MADE
    place = at % len(made.rendition)
    changed = made.rendition[:place] + piece + made.rendition[place + len(piece) :]
    for rendition, note in (
        (changed, made.manifest),
        (made.rendition, made.manifest.model_copy(update={"width": width})),
    ):
        try:
            served = restore(rendition, note, models.restorer)
        except (DamagedRendition, DigestMismatch):
            continue
        assert served == _DATA


_DATA = any_png(Header(*_SIDES, 16, 4, interlaced=True), coder=(1, 8, 0))
_MADE = _optimized(_DATA)


def test_manifests_name_the_form() -> None:
    """The form is part of the manifest, and fits only PNG files without loss."""
    note = _MADE.manifest
    assert note.output is not None
    assert (note.output.verbatim, note.output.mode) == (True, "LA")
    for change in ('"f":"JPEG"', '"f":"WEBP"'):
        with pytest.raises(manifest.BrokenManifest):
            manifest.loads(note.dumps().replace('"f":"PNG"', change))
    with pytest.raises(manifest.BrokenManifest):
        manifest.loads(note.dumps().replace(',"v":true', ""))


_ORDER = bytes(index * 37 % 256 for index in range(256) for _ in range(3))
_DISORDER = np.argsort(np.arange(256) * 37 % 256).astype(np.uint8)


@pytest.mark.parametrize(
    "palette",
    [
        bytes(index for index in range(256) for _ in range(3)),
        bytes(index * 37 % 256 for index in range(256) for _ in range(3)),
        bytes(768),
        bytes(index // 2 * 2 for index in range(256) for _ in range(3)),
        bytes(range(30)),
        b"",
    ],
    ids=["ordered", "in disorder", "one colour", "each twice", "too short", "empty"],
)
def test_palettes_of_every_kind_return(palette: bytes) -> None:
    """Indices return exactly, whatever their colours, even where two have the same."""
    data = any_png(_PALETTE, samples=crop("L", *_SIDES), coder=(1, 8, 0), palette=palette)
    made = _optimized(data)
    assert (made.manifest.stored.tier, _served(made)) == ("exact", data)


def test_colours_of_a_palette_help() -> None:
    """Indices in disorder cost no more than their colours."""
    sizes = []
    gray = bytes(index for index in range(256) for _ in range(3))
    photo = crop("L", *_SIDES)
    for samples, palette in ((photo, gray), (_DISORDER[photo], _ORDER)):
        data = any_png(_PALETTE, samples=samples, coder=(1, 8, 0), palette=palette)
        sizes.append(len(_optimized(data).rendition))
    assert sizes[1] < 1.2 * sizes[0]


@pytest.mark.parametrize(
    ("form", "header"),
    [
        (png_forms.HALVED, _PALETTE),
        (png_forms.OPAQUE, _RGB),
        (png_forms.EXPANDED, _RGB),
        (png_forms.EXPANDED | png_forms.OPAQUE, _PALETTE),
        (8, _PALETTE),
    ],
)
def test_forms_that_do_not_fit_are_refused(form: int, header: Header) -> None:
    """A form is only accepted with an image header that it is for."""
    with pytest.raises(Malformed):
        png_forms.check(form, header)


def test_colours_that_no_palette_has_are_refused() -> None:
    """A rendition with other colours than its palette is damaged."""
    pixels = np.full((4, 4, 3), 9, np.uint8)
    for palette in (b"", bytes(30)):
        with pytest.raises(Malformed):
            png_forms.restored(pixels, png_forms.EXPANDED, palette)
