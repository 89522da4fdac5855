"""Tests of telling kinds of files by their first bytes."""

import contextlib
import io
import struct

import numpy as np
import pytest
import tifffile

from slimgate.codec.containers import SNIFFED, WHOLE, Unsupported, kinds, named, sides, sniff, tiff
from tests.codec.pictures import crop, save

_GRAY = crop("L", 40, 30)
_RGB = crop("RGB", 40, 30)


def _big_tiff() -> bytes:
    target = io.BytesIO()
    tifffile.imwrite(target, _RGB, bigtiff=True, byteorder=">", photometric="rgb")
    return target.getvalue()


_PAM = b"P7\nWIDTH 40\nHEIGHT 30\nDEPTH 1\nMAXVAL 255\nTUPLTYPE GRAYSCALE\nENDHDR\n"
_PSD_HEADER = b"8BPS\0\1" + bytes(6) + b"\0\3" + b"\0\0\0\x1e" + b"\0\0\0\x28" + b"\0\x08\0\3"

_FILES = {
    "bmp": (kinds.BMP, save(_RGB, "BMP")),
    "bmp of OS/2": (
        kinds.BMP,
        b"BM" + bytes(12) + b"\x0c\0\0\0" + b"\x28\0\x1e\0" + b"\1\0\x18\0",
    ),
    "gif": (kinds.GIF, save(_GRAY, "GIF")),
    "pgm": (kinds.PNM, save(_GRAY, "PPM")),
    "ppm": (kinds.PNM, save(_RGB, "PPM")),
    "ppm with comments": (kinds.PNM, b"P6\n# a scan\n40 # wide\n30\n255\n" + _RGB.tobytes()),
    "pam": (kinds.PNM, _PAM + _GRAY.tobytes()),
    "psd": (kinds.PSD, _PSD_HEADER),
    "tiff": (kinds.TIFF, save(_RGB, "TIFF")),
    "BigTIFF": (kinds.TIFF, _big_tiff()),
}


@pytest.mark.parametrize(("mime", "data"), _FILES.values(), ids=_FILES)
def test_types_are_told_by_magic_bytes(mime: str, data: bytes) -> None:
    """The first bytes determine the type, and the header the size."""
    assert sniff(data[:SNIFFED]) == mime
    assert mime in WHOLE
    assert named(data[:SNIFFED]) is None
    assert sides.read(data, mime) == (40, 30)


@pytest.mark.parametrize(("mime", "data"), _FILES.values(), ids=_FILES)
def test_files_cut_anywhere_have_a_size_or_none(mime: str, data: bytes) -> None:
    """A file that ends early has its size, or is refused; never another error."""
    for end in range(2, min(len(data), 300)):
        with contextlib.suppress(Unsupported):
            assert sides.read(data[:end], mime)


@pytest.mark.parametrize(
    ("name", "head"),
    [
        ("HEIC", b"\0\0\0\x18ftypheic\0\0\0\0"),
        ("HEIC", b"\0\0\0\x18ftypmif1\0\0\0\0"),
        ("AVIF", b"\0\0\0\x18ftypavif\0\0\0\0"),
        ("JPEG XL", b"\xff\x0a\x7f"),
        ("JPEG XL", b"\0\0\0\x0cJXL \r\n\x87\n"),
        ("JPEG 2000", b"\xff\x4f\xff\x51"),
        ("DICOM", bytes(128) + b"DICM"),
        ("RAW", b"II*\0\x10\0\0\0CR\2\0"),
        ("RAW", b"\0\0\0\x18ftypcrx \0\0\0\0"),
        ("RAW", b"FUJIFILMCCD-RAW 0201"),
        ("RAW", b"IIU\0\x18\0\0\0"),
        (None, b"\0\0\0\x18ftypmp42\0\0\0\0"),
        (None, b"P8\n40 30\n"),
        (None, b""),
    ],
)
def test_other_kinds_have_a_name(name: str | None, head: bytes) -> None:
    """What is stored as it came is named, and has no type."""
    assert named(head) == name
    assert sniff(head) is None


@pytest.mark.parametrize(
    ("tag", "value"), [(262, 32803), (259, 34713), (50706, 0x01040000)], ids=["CFA", "NEF", "DNG"]
)
def test_raw_files_are_told_from_other_tiff(tag: int, value: int) -> None:
    """Cameras write TIFF files, too; their tags say so."""
    entry = tag.to_bytes(2, "little") + b"\4\0\1\0\0\0" + value.to_bytes(4, "little")
    data = b"II*\0\x08\0\0\0" + b"\1\0" + entry + bytes(4)
    assert tiff.parse(data).is_raw
    assert not tiff.parse(save(_RGB, "TIFF")).is_raw


def test_the_largest_picture_counts() -> None:
    """A TIFF file has the size of its largest picture, wherever that is."""
    target = io.BytesIO()
    with tifffile.TiffWriter(target) as file:
        file.write(np.zeros((20, 20), np.uint8))
        file.write(np.zeros((300, 200), np.uint8), subifds=1)
        file.write(np.zeros((20, 400), np.uint8))
    assert sides.read(target.getvalue(), kinds.TIFF) == (200, 300)


@pytest.mark.parametrize(
    "data",
    [
        b"II*\0\x08\0\0\0\xff\xff",
        b"II*\0\x08\0\0\0" + b"\1\0" + b"\x11\1\4\0\xff\xff\xff\xff\x08\0\0\0" + bytes(4),
        b"II*\0\0\0\0\0",
        b"II*\0\xff\xff\xff\x7f",
        b"II+\0\x08\0\0\0" + b"\xff" * 8,
    ],
    ids=["many tags", "many numbers", "no directory", "far away", "far away, BigTIFF"],
)
def test_impossible_directories_are_refused(data: bytes) -> None:
    """A directory that the file cannot have is refused before anything is allocated."""
    with pytest.raises(Unsupported):
        tiff.parse(data)


def test_circles_of_directories_end() -> None:
    """A directory that names itself as the next one is read once."""
    entry = b"\0\1\3\0\1\0\0\0\x10\0\0\0"
    data = b"II*\0\x08\0\0\0" + b"\1\0" + entry + b"\x08\0\0\0"
    assert len(tiff.parse(data).pages) == 1


def test_directories_that_overlap_are_limited_together() -> None:
    """A small file of many directories in the same bytes costs no more than a real one."""
    directories, tags = 400, 4000
    data = bytearray(b"II*\0\x08\0\0\0" + bytes(12 * (directories + tags + 3)))
    for start in range(8, len(data) - 12, 12):  # a number of tags, then a tag without numbers
        struct.pack_into("<HHHI", data, start, tags, 2, 3, 0)
    for start in range(8, 8 + 12 * directories, 12):
        struct.pack_into("<I", data, start + 2 + 12 * tags, start + 12)
    with pytest.raises(Unsupported, match="too many tags"):
        tiff.parse(bytes(data))


def test_only_tags_that_are_used_are_read() -> None:
    """A tag of no use may be longer than the file."""
    entry = b"\0\x80\4\0\xff\xff\xff\xff\x08\0\0\0"
    data = b"II*\0\x08\0\0\0" + b"\1\0" + entry + bytes(4)
    assert not tiff.parse(data).pages[0].tags
