import io
import zlib

import pytest
from PIL import Image

from slimgate.codec.containers import DoesNotFit, Unsupported, png
from slimgate.codec.containers.png_chunks import PADDING, make, walk
from tests.codec.containers.samples import icc, save, text

_BARE = save("RGB", "PNG")
_SIGNATURE, _IHDR, _IEND = _BARE[:8], _BARE[8:33], _BARE[-12:]
_DATA = _BARE[33:-12]
_PIXELS = b"".join(chunk.payload(_BARE) for chunk in walk(_BARE, 8) if chunk.type == b"IDAT")


def _file(
    *,
    before: bytes = b"",
    after: bytes = b"",
    head: bytes = _IHDR,
    data: bytes = _DATA,
    end: bytes = _IEND,
) -> bytes:
    return _SIGNATURE + head + before + data + after + end


def _header(*fields: int, width: int = 37, height: int = 29) -> bytes:
    sides = width.to_bytes(4, "big") + height.to_bytes(4, "big")
    return make(b"IHDR", sides + bytes(fields))


def _profile(stream: bytes, name: bytes = b"icc", method: bytes = b"\0") -> bytes:
    return make(b"iCCP", name + b"\0" + method + stream)


_GAMMA = make(b"gAMA", (45455).to_bytes(4, "big"))

_RED = make(b"PLTE", b"\xff\0\0")


def _indexed(before: bytes, after: bytes = b"") -> bytes:
    return _file(head=_header(8, 3, 0, 0, 0), before=before, after=after)


_REFUSED = {
    "signature": (b"\x89PNG\n\r\x1a\n" + _BARE[8:], "no png signature"),
    "nothing": (_SIGNATURE, "no image header at the start"),
    "late header": (_file(head=_GAMMA + _IHDR), "no image header at the start"),
    "short header": (_file(head=make(b"IHDR", bytes(12))), "no image header at the start"),
    "two headers": (_file(before=_IHDR), "image header or end in the wrong place"),
    "no end": (_file(end=b""), "image header or end in the wrong place"),
    "end with data": (_file(end=make(b"IEND", b"x")), "image end with data"),
    "long tail": (_BARE + bytes(65 << 20), "too many bytes after the end of the image"),
    "checksum": (_BARE[:-1] + b"\0", "chunk with a wrong checksum"),
    "no data": (_file(data=b""), "no image data"),
    "data apart": (_file(after=_GAMMA + make(b"IDAT", b"")), "image data in two places"),
    "width 0": (_file(head=_header(8, 2, 0, 0, 0, width=0)), "width or height out of range"),
    "wide": (_file(head=_header(8, 2, 0, 0, 0, width=1 << 31)), "width or height out of range"),
    "1 bit": (_file(head=_header(1, 0, 0, 0, 0)), "sample depth is neither 8 nor 16 bits"),
    "no palette": (_file(head=_header(8, 3, 0, 0, 0)), "not one palette"),
    "two palettes": (_indexed(_RED * 2), "not one palette"),
    "late palette": (_indexed(b"", after=_RED), "not one palette"),
    "cut palette": (_indexed(make(b"PLTE", b"abcd")), "malformed palette"),
    "empty palette": (_indexed(make(b"PLTE", b"")), "malformed palette"),
    "long palette": (_indexed(make(b"PLTE", bytes(771))), "malformed palette"),
    "early alpha": (_indexed(make(b"tRNS", b"a") + _RED), "malformed palette"),
    "long alpha": (_indexed(_RED + make(b"tRNS", b"ab")), "malformed palette"),
    "alpha twice": (_indexed(_RED + make(b"tRNS", b"a") * 2), "not one palette"),
    "4 bits": (_file(head=_header(4, 3, 0, 0, 0)), "palette of fewer than 256 colours"),
    "histogram": (
        _indexed(_RED + make(b"hIST", b"ab")),
        "unknown chunk that is not safe to copy",
    ),
    "gray with alpha": (_file(head=_header(8, 4, 0, 0, 0)), "neither gray nor rgb nor rgba"),
    "colour type 7": (_file(head=_header(8, 7, 0, 0, 0)), "neither gray nor rgb nor rgba"),
    "interlaced": (_file(head=_header(8, 2, 0, 0, 1)), "interlaced"),
    "compression": (_file(head=_header(8, 2, 1, 0, 0)), "unknown compression or filter method"),
    "filter": (_file(head=_header(8, 2, 0, 64, 0)), "unknown compression or filter method"),
    "suggested palette": (_file(before=make(b"PLTE", b"abc")), "palette"),
    "transparent": (_file(before=make(b"tRNS", bytes(6))), "transparent colour"),
    "animation": (_file(before=make(b"acTL", bytes(8))), "animation"),
    "frame control": (_file(before=make(b"fcTL", bytes(26))), "animation"),
    "frame data": (_file(after=make(b"fdAT", bytes(8))), "animation"),
    "critical": (_file(before=make(b"CgBI", bytes(4))), "unknown critical chunk"),
    "unsafe": (_file(before=make(b"wxYZ", bytes(28))), "unknown chunk that is not safe to copy"),
    "credentials": (_file(before=make(b"caBX", b"x")), "unknown chunk that is not safe to copy"),
    "reserved": (_file(before=make(b"abcd", b"")), "chunk of a reserved kind"),
    "late gamma": (_file(after=_GAMMA), "chunk behind the image data"),
    "gamma twice": (_file(before=_GAMMA * 2), "chunk given twice"),
    "exif twice": (
        _file(before=make(b"eXIf", b"MM"), after=make(b"eXIf", b"MM")),
        "chunk given twice",
    ),
    "letters": (_file(before=make(b"ab1d", b"")), "chunk type is not four letters"),
    "long chunk": (_SIGNATURE + b"\xff\xff\xff\xff" + _IHDR[4:], "chunk longer than the file"),
    "many chunks": (_file(data=make(b"IDAT", b"") * 70_000), "too many chunks"),
    "much metadata": (_file(before=make(b"teXt", bytes(4 << 20))), "too much metadata"),
    "no profile name": (_file(before=_profile(b"", name=b"")), "malformed colour profile"),
    "long profile name": (_file(before=_profile(b"", name=b"n" * 80)), "malformed colour profile"),
    "profile method": (
        _file(before=_profile(zlib.compress(b"p"), method=b"\1")),
        "malformed colour profile",
    ),
    "profile stream": (_file(before=_profile(b"rubbish")), "malformed colour profile"),
    "cut profile": (
        _file(before=_profile(zlib.compress(icc())[:-1])),
        "malformed colour profile",
    ),
    "profile and more": (
        _file(before=_profile(zlib.compress(icc()) + b"x")),
        "malformed colour profile",
    ),
    "empty profile": (_file(before=_profile(zlib.compress(b""))), "malformed colour profile"),
    "profile bomb": (
        _file(before=_profile(zlib.compress(bytes(5 << 20)))),
        "colour profile too long",
    ),
}


@pytest.mark.parametrize("case", _REFUSED)
def test_what_is_not_surely_restored_is_refused(case: str) -> None:
    """Each feature and each damage is refused with its own reason."""
    data, reason = _REFUSED[case]
    with pytest.raises(Unsupported) as caught:
        png.parse(data)
    assert reason == str(caught.value)


@pytest.mark.parametrize("kind", [b"IHDR", b"iCCP"])
def test_damaged_payloads_with_right_checksums(kind: bytes) -> None:
    """A wrong byte that the checksum agrees with is parsed or refused, nothing else."""
    data = _file(before=_GAMMA + _profile(zlib.compress(icc())))
    chunk = next(chunk for chunk in walk(data, 8) if chunk.type == kind)
    refused = 0
    for position in range(len(chunk.payload(data))):
        for value in (0, 1, 0xFF):
            damaged = bytearray(chunk.payload(data))
            damaged[position] = value
            new = make(chunk.type, bytes(damaged))
            try:
                png.parse(data[: chunk.start] + new + data[chunk.end :])
            except Unsupported:
                refused += 1
    assert refused > 0


def test_kept_chunks_are_verbatim_on_their_side() -> None:
    """Chunks stay in order, before or behind the image data, private ones safe to copy too."""
    before = _GAMMA + make(b"vpAg", bytes(9)) + make(b"tEXt", b"Title\0a")
    after = make(b"tEXt", b"Title\0b") + make(b"tIME", bytes(7)) + make(b"prVt", b"x")
    found = png.parse(_file(before=before, after=after))
    assert (found.before, found.after) == (before, after)
    size = len(_BARE) + len(before) + len(after)
    assert _file(before=before, after=after) == png.assemble(_BARE, found.metadata, size)


@pytest.mark.parametrize(
    ("before", "after"), [(b"", b""), (_GAMMA, b""), (b"", make(b"tEXt", b"a\0b"))]
)
def test_one_side_may_be_empty(before: bytes, after: bytes) -> None:
    """Chunks return to their side of the image data when the other side has none."""
    data = _file(before=before, after=after)
    assert data == png.assemble(_BARE, png.parse(data).metadata, len(data))


@pytest.mark.parametrize("tail", [b"\r\n", b"\0", bytes(5000), _GAMMA, _BARE, _IEND])
@pytest.mark.parametrize("chunks", [b"", _GAMMA])
def test_bytes_behind_the_end_return_there(tail: bytes, chunks: bytes) -> None:
    """Whatever follows the end of the image returns as far from both ends of the file."""
    data = _file(before=chunks, after=chunks and make(b"tEXt", b"a\0b")) + tail
    found = png.parse(data)
    assert (found.tail, found.before) == (tail, chunks)
    assert png.assemble(_BARE, found.metadata, len(data)) == data
    padded = png.assemble(_BARE, found.metadata, len(data) + 50)
    assert padded.endswith(_IEND + tail)
    assert png.parse(padded) == found
    assert png.overhead(found.metadata) == len(data) - len(_BARE)


def test_what_must_not_be_copied_is_left_out() -> None:
    """Apple's chunk about the old image data does not return; its neighbours do."""
    text, more = make(b"tEXt", b"Author\0x"), make(b"pHYs", bytes(9))
    parsed = png.parse(_file(before=text + make(b"iDOT", bytes(28)) + more))
    assert text + more == parsed.before


def test_data_in_many_chunks() -> None:
    """Image data may come in pieces as long as they are neighbours."""
    pieces = b"".join(make(b"IDAT", _PIXELS[i : i + 9]) for i in range(0, len(_PIXELS), 9))
    assert png.parse(_file(data=pieces)).channels == 3


def test_padding_is_one_private_chunk_before_the_end() -> None:
    """The padding is ancillary, private, not reserved and safe to copy (PNG, 5.4)."""
    data = png.assemble(_BARE, b"", len(_BARE) + 100)
    assert data == _BARE[:-12] + make(PADDING, bytes(88)) + _IEND
    assert tuple(letter >= 0x61 for letter in PADDING) == (True, True, False, True)
    assert png.parse(data).metadata == b""


def test_a_padding_chunk_of_other_bytes_is_kept() -> None:
    """Only zeros are taken for padding."""
    foreign = make(PADDING, b"not zero")
    assert foreign == png.parse(_file(after=foreign)).after


def test_the_encoders_own_chunks_are_dropped() -> None:
    """Nothing but critical chunks is taken from the encoder."""
    encoded = save("RGB", "PNG", icc_profile=icc(), pnginfo=text(), dpi=(72, 72))
    data = png.assemble(encoded, b"", len(_BARE))
    assert [chunk.type for chunk in walk(data, 8)] == [b"IHDR", b"IDAT", b"IEND"]


@pytest.mark.parametrize("gap", [-1, *range(1, 12)])
def test_gaps_without_a_chunk_do_not_fit(gap: int) -> None:
    """Gaps smaller than an empty chunk cannot be filled."""
    with pytest.raises(DoesNotFit):
        png.assemble(_BARE, b"", len(_BARE) + gap)


@pytest.mark.parametrize(
    "metadata",
    [
        b"\0",
        b"\0\0\0\1",
        b"\0\0\0\0" + _GAMMA,
        len(_GAMMA).to_bytes(4, "big") + _GAMMA[:-1],
        b"\0\0\0\0" + make(b"IDAT", b""),
        len(_IHDR).to_bytes(4, "big") + _IHDR,
        b"\x80\0\0\0",
        b"\x80\0\0\1\0\0\0\0",
        b"\x80\0\0\0\0\0\0\1x",
        b"\x80\0\0\0\0\0\0\x0c" + _IEND,
    ],
)
def test_damaged_kept_chunks_are_refused(metadata: bytes) -> None:
    """Only whole ancillary chunks are put into a file, each on its side."""
    with pytest.raises(Unsupported):
        png.assemble(_BARE, metadata, 10_000)
    with pytest.raises(Unsupported):
        png.overhead(metadata)


@pytest.mark.parametrize("encoded", [b"", _SIGNATURE, _BARE[:-12], b"x"])
def test_damaged_encodings_are_refused(encoded: bytes) -> None:
    """Data other than a complete PNG file is not assembled into one."""
    with pytest.raises(Unsupported):
        png.assemble(encoded, b"", 10_000)


def test_palette_files_of_pillow_are_parsed() -> None:
    """Their colours have three channels, or four if any is transparent; the rest are opaque."""
    for alpha, colours in ((None, b"abcdef"), (b"\x07", b"abc\x07def\xff")):
        image, target = Image.new("P", (4, 4)), io.BytesIO()
        image.putpalette(b"abcdef" + bytes(762))
        options = {} if alpha is None else {"transparency": alpha}
        image.save(target, "PNG", bits=8, **options)
        found = png.parse(target.getvalue())
        assert (found.channels, found.palette[: len(colours)]) == (3 + bool(alpha), colours)
        assert png.palette(found.metadata) == found.palette
