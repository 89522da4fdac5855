import io

import pytest
from PIL import Image

from slimgate.codec.containers import DoesNotFit, Unsupported, webp
from slimgate.codec.containers.webp_chunks import Still, extended_header, make, walk
from tests.codec.containers.samples import EVERYTHING, SIZE, icc, save

_LOSSY = save("RGB", "WEBP")
_LOSSLESS = save("RGB", "WEBP", lossless=True)
_ALPHA = save("RGBA", "WEBP")
_LOSSLESS_ALPHA = save("RGBA", "WEBP", lossless=True)
_VP8, _VP8L = _LOSSY[12:], _LOSSLESS[12:]
_ALPH = next(_ALPHA[c.start : c.end] for c in walk(_ALPHA, 12) if c.type == b"ALPH")
_STILL = Still(*SIZE, alpha=False)
_ICCP, _EXIF, _XMP = make(b"ICCP", icc()), make(b"EXIF", b"MM\0*x"), make(b"XMP ", b"<x/>")
_ANIM = make(b"ANIM", bytes(6))


def _file(*chunks: bytes) -> bytes:
    body = b"WEBP" + b"".join(chunks)
    return b"RIFF" + len(body).to_bytes(4, "little") + body


def _extended(flags: int, *chunks: bytes, still: Still = _STILL) -> bytes:
    return _file(extended_header(still, flags), *chunks)


def _coded(chunk: bytes, position: int, value: int) -> bytes:
    """Change a byte of a chunk's payload."""
    return chunk[: 8 + position] + bytes([value]) + chunk[9 + position :]


def _animated() -> bytes:
    target = io.BytesIO()
    frames = [Image.new("RGB", SIZE, colour) for colour in ("red", "blue")]
    frames[0].save(target, "WEBP", save_all=True, append_images=frames[1:])
    return target.getvalue()


_REFUSED = {
    "riff": (b"RIFX" + _LOSSY[4:], "no webp signature"),
    "wave": (_LOSSY[:8] + b"WAVE" + _LOSSY[12:], "no webp signature"),
    "odd size": (_file(b"VP8L\1\0\0\0/"), "stated size is not the size of the file"),
    "empty": (_file(), "chunks out of order"),
    "cut": (_LOSSY[:-2], "stated size is not the size of the file"),
    "two headers": (
        _extended(0, extended_header(_STILL, 0), _VP8),
        "chunks out of order",
    ),
    "alpha apart": (_extended(0x10, _ALPH, _XMP, _VP8), "separate alpha where none belongs"),
    "flag without lossless alpha": (_extended(0x10, _VP8L), "flags and chunks disagree"),
    "long tail": (_LOSSY + bytes(65 << 20), "too many bytes after the end of the image"),
    "cut header": (_file(_VP8, b"EXIF"), "chunk longer than the file"),
    "long chunk": (_file(b"VP8 \xff\xff\xff\xff"), "chunk longer than the file"),
    "padding byte": (_extended(8, _VP8, _EXIF[:-1] + b"x"), "padding byte is not 0"),
    "animation": (_animated(), "animation"),
    "animation flag": (_extended(2, _VP8), "animation"),
    "animation chunk": (_extended(2, _ANIM, _VP8), "animation"),
    "two pictures": (_extended(0, _VP8, _VP8L), "chunks out of order"),
    "no picture": (_extended(8, _EXIF), "chunks out of order"),
    "late header": (_file(_VP8, extended_header(_STILL, 0)), "chunks out of order"),
    "alpha and lossless": (_extended(0x10, _ALPH, _VP8L), "separate alpha where none belongs"),
    "alpha in simple": (_file(_ALPH, _VP8), "separate alpha where none belongs"),
    "canvas": (
        _extended(0, _VP8, still=Still(38, 29, alpha=False)),
        "canvas and picture differ in size",
    ),
    "alpha without flag": (_extended(0, _LOSSLESS_ALPHA[12:]), "flags and chunks disagree"),
    "reserved flag": (_extended(0x40, _VP8), "malformed extended header"),
    "short header": (_file(make(b"VP8X", bytes(8)), _VP8), "malformed extended header"),
    "inter frame": (_file(_coded(_VP8, 0, _VP8[8] | 1)), "malformed lossy picture"),
    "hidden frame": (_file(_coded(_VP8, 0, _VP8[8] & ~0x10)), "malformed lossy picture"),
    "lossy version": (_file(_coded(_VP8, 0, _VP8[8] | 0x0E)), "malformed lossy picture"),
    "long partition": (_file(_coded(_VP8, 2, 0xFF)), "malformed lossy picture"),
    "start code": (_file(_coded(_VP8, 3, 0)), "malformed lossy picture"),
    "no width": (_file(_coded(_VP8, 6, 0)), "width or height of 0"),
    "short lossy": (_file(make(b"VP8 ", bytes(8))), "malformed lossy picture"),
    "lossless signature": (_file(_coded(_VP8L, 0, 0)), "malformed lossless picture"),
    "lossless version": (_file(_coded(_VP8L, 4, 0xFF)), "malformed lossless picture"),
    "short lossless": (_file(make(b"VP8L", b"/\0\0\0")), "malformed lossless picture"),
    "many chunks": (_file(*[make(b"EXIF", b"")] * 300), "too many chunks"),
    "much metadata": (_extended(8, _VP8, make(b"EXIF", bytes(4 << 20))), "too much metadata"),
}


@pytest.mark.parametrize("case", _REFUSED)
def test_what_is_not_surely_restored_is_refused(case: str) -> None:
    """Each feature and each damage is refused with its own reason."""
    data, reason = _REFUSED[case]
    with pytest.raises(Unsupported) as caught:
        webp.parse(data)
    assert reason == str(caught.value)


@pytest.mark.parametrize(
    ("data", "alpha", "lossless"),
    [
        (_LOSSY, False, False),
        (_LOSSLESS, False, True),
        (_ALPHA, True, False),
        (_LOSSLESS_ALPHA, True, True),
        (_extended(0, _VP8), False, False),
        (_extended(0, _VP8L), False, True),
        (_extended(0x10, _ALPH, _VP8), True, False),
    ],
)
def test_pictures_of_all_kinds(data: bytes, alpha: bool, lossless: bool) -> None:
    """Size, alpha and kind are read from simple and extended files."""
    found = webp.parse(data)
    assert (found.width, found.height, found.alpha, found.lossless) == (*SIZE, alpha, lossless)


@pytest.mark.parametrize(
    ("flags", "before", "after"),
    [
        (0x2C, _ICCP, _EXIF + _XMP),
        (0x2C, _ICCP, _XMP + _EXIF),
        (0x20, _ICCP, b""),
        (0x08, b"", _EXIF),
        (0x04, b"", _XMP),
    ],
)
def test_kept_chunks_are_verbatim_and_in_order(flags: int, before: bytes, after: bytes) -> None:
    """Metadata chunks go back to where they were, with their flags."""
    data = _extended(flags, before, _VP8, after)
    found = webp.parse(data)
    assert found.metadata == before + after
    assert found.icc == (icc() if before else None)
    assert data == webp.assemble(_LOSSY, found.metadata, len(data))


_UNKNOWN = make(b"abcd", b"odd")
_ODD = {
    "line break behind the end": _LOSSY + b"\r\n",
    "byte behind the end": _extended(8, _VP8, _EXIF) + b"x",
    "another file behind the end": _extended(0x10, _ALPH, _VP8) + _LOSSY,
    "unknown behind": _extended(0, _VP8, _UNKNOWN),
    "unknown before": _extended(0x24, _UNKNOWN, _ICCP, _UNKNOWN, _VP8, _XMP),
    "unknown with alpha": _extended(0x10, _UNKNOWN, _ALPH, _VP8, _UNKNOWN),
    "full padding": _extended(0, _VP8, make(b"SLIM", b"xx")),
    "early padding": _extended(8, _VP8, make(b"SLIM", b""), _EXIF),
    "exif twice": _extended(8, _VP8, _EXIF, _EXIF),
    "late profile": _extended(0x20, _VP8, _ICCP),
    "early exif": _extended(8, _EXIF, _VP8),
    "simple with more": _file(_VP8, _EXIF),
    "simple lossless with more": _file(_VP8L, _UNKNOWN) + b"tail",
    "flag without exif": _extended(8, _VP8),
    "exif without flag": _extended(0, _VP8, _EXIF),
    "flag without alpha": _extended(0x10, _VP8),
}


@pytest.mark.parametrize("data", _ODD.values(), ids=_ODD.keys())
@pytest.mark.parametrize("gap", [0, 26, 28, 1000])
def test_oddities_are_kept_verbatim(data: bytes, gap: int) -> None:
    """Unknown chunks, wrong flags, odd orders and bytes behind the end return with the picture."""
    found = webp.parse(data)
    lossy = _extended(0x10, _ALPH, _VP8) if b"ALPH" in data else _LOSSY
    encoded = _LOSSLESS if found.lossless else lossy
    again = webp.assemble(encoded, found.metadata, len(data) + gap)
    assert len(again) == len(data) + gap
    if not gap:
        assert again == data
    assert webp.parse(again) == found
    with Image.open(io.BytesIO(data)) as before, Image.open(io.BytesIO(again)) as after:
        assert (before.mode, before.tobytes()) == (after.mode, after.tobytes())
        assert before.info == after.info


def test_simple_files_stay_simple() -> None:
    """Without anything to keep or to pad, the encoder's file is the result."""
    assert webp.assemble(_LOSSY, b"", len(_LOSSY)) == _LOSSY
    assert webp.assemble(_LOSSLESS_ALPHA, b"", len(_LOSSLESS_ALPHA)) == _LOSSLESS_ALPHA


@pytest.mark.parametrize("encoded", [_LOSSY, _LOSSLESS, _LOSSLESS_ALPHA])
@pytest.mark.parametrize("gap", [18, 26, 28, 1000])
def test_simple_files_become_extended_ones(encoded: bytes, gap: int) -> None:
    """A file with padding keeps the mode that it had, by the flag for alpha."""
    data = webp.assemble(encoded, b"", len(encoded) + gap)
    assert len(data) == len(encoded) + gap
    assert webp.parse(data) == webp.parse(encoded)
    with Image.open(io.BytesIO(encoded)) as before, Image.open(io.BytesIO(data)) as after:
        assert (before.mode, before.tobytes()) == (after.mode, after.tobytes())


@pytest.mark.parametrize("gap", [-2, -1, 1, 2, 8, 16, 17, 19, 20, 22, 24, 25, 27])
def test_gaps_without_a_chunk_do_not_fit(gap: int) -> None:
    """Gaps smaller than the two headers, and odd ones, cannot be filled."""
    with pytest.raises(DoesNotFit):
        webp.assemble(_LOSSY, b"", len(_LOSSY) + gap)


def test_the_encoders_own_chunks_are_dropped() -> None:
    """Nothing but the picture is taken from the encoder."""
    encoded = save("RGB", "WEBP", **EVERYTHING)
    assert webp.assemble(encoded, b"", len(_LOSSY)) == _LOSSY


@pytest.mark.parametrize(
    "metadata",
    [
        b"\0",
        bytes(12),
        b"\0" + bytes(4) + b"\0\0\0\1" + bytes(4),
        b"\0" + bytes(4) + len(_VP8).to_bytes(4, "big") + bytes(4) + _VP8,
        _EXIF[:-1],
        _EXIF + _EXIF,
        _EXIF + _ICCP,
        _VP8,
        make(b"abcd", b""),
    ],
)
def test_damaged_kept_chunks_are_refused(metadata: bytes) -> None:
    """Only whole metadata chunks are put into a file."""
    with pytest.raises(Unsupported):
        webp.assemble(_LOSSY, metadata, 10_000)


@pytest.mark.parametrize("encoded", [b"", _LOSSY[:-2], _extended(8, _EXIF), _animated()])
def test_damaged_encodings_are_refused(encoded: bytes) -> None:
    """Data other than a still WebP file is not assembled into one."""
    with pytest.raises(Unsupported):
        webp.assemble(encoded, b"", 10_000)
