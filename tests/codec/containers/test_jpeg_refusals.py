import pytest

from slimgate.codec.containers import Unsupported, jpeg
from tests.codec.containers.jpeg_parts import (
    BARE,
    GRAY_FRAME,
    GRAY_SCAN,
    INDEX,
    JFIF,
    PROGRESSIVE,
    SCAN,
    adobe,
    icc_portion,
    name_rgb,
    patched,
    segment_of,
    set_byte,
    with_segments,
)

_REFUSED = {
    "bytes before the start": (b"\0" + BARE, "no start of image"),
    "second start": (b"\xff\xd8" + BARE, "second start of image"),
    "lossless": (BARE.replace(b"\xff\xc0", b"\xff\xc3"), "lossless frame"),
    "hierarchical": (BARE.replace(b"\xff\xc0", b"\xff\xc5"), "hierarchical frame"),
    "expansion": (with_segments(segment_of(0xDF, b"\x11")), "hierarchical frame"),
    "arithmetic": (BARE.replace(b"\xff\xc0", b"\xff\xc9"), "arithmetic coding"),
    "jpeg-ls": (BARE.replace(b"\xff\xc0", b"\xff\xf7"), "jpeg-ls frame"),
    "late height": (with_segments(segment_of(0xDC, b"\0\x1d")), "height defined after the scan"),
    "reserved marker": (with_segments(b"\xff\x02"), "marker 0xff02"),
    "restart in the header": (with_segments(b"\xff\xd0"), "marker 0xffd0"),
    "bytes between segments": (with_segments(JFIF, b"\0"), "no marker where one belongs"),
    "length of 1": (with_segments(b"\xff\xe5\0\1"), "segment longer than the file"),
    "no scan": (b"\xff\xd8" + GRAY_FRAME + b"\xff\xd9", "no picture in the file"),
    "no frame": (b"\xff\xd8" + GRAY_SCAN + b"\0\xff\xd9", "scan before the frame header"),
    "empty scan": (b"\xff\xd8" + GRAY_FRAME + GRAY_SCAN + b"\xff\xd9", "empty scan"),
    "two frames": (with_segments(GRAY_FRAME), "more than one frame"),
    "12 bits": (patched(BARE, 0xC0, set_byte(0, 12)), "sample precision is not 8 bits"),
    "height 0": (patched(BARE, 0xC0, set_byte(2, 0)), "width or height of 0"),
    "width 0": (patched(BARE, 0xC0, set_byte(4, 0)), "width or height of 0"),
    "short frame": (patched(BARE, 0xC0, bytearray.clear), "frame header of wrong length"),
    "rgb ids": (patched(BARE, 0xC0, name_rgb), "components are red, green and blue"),
    "same id": (patched(BARE, 0xC0, set_byte(9, 1)), "component named twice"),
    "sampling 0": (patched(BARE, 0xC0, set_byte(7, 0x02)), "sampling factor out of range"),
    "sampling 5": (patched(BARE, 0xC0, set_byte(7, 0x51)), "sampling factor out of range"),
    "short scan": (patched(BARE, 0xDA, bytearray.clear), "scan header of wrong length"),
    "unknown id": (patched(BARE, 0xDA, set_byte(1, 9)), "scan of unknown components"),
    "part spectrum": (
        patched(BARE, 0xDA, set_byte(8, 62)),
        "sequential scan of a part of the spectrum",
    ),
    "missing component": (
        b"\xff\xd8"
        + segment_of(0xC0, BARE[BARE.index(b"\xff\xc0") + 4 :][:15])
        + GRAY_SCAN
        + b"\0\xff\xd9",
        "component without a scan",
    ),
    "scan twice": (BARE[:-2] + BARE[SCAN:], "component sent twice"),
    "dc and ac": (patched(PROGRESSIVE, 0xDA, set_byte(8, 5)), "progressive scan mixes dc and ac"),
    "ac first": (
        b"\xff\xd8"
        + GRAY_FRAME.replace(b"\xff\xc0", b"\xff\xc2")
        + segment_of(0xDA, b"\x01\x01\0\1\x3f\0")
        + b"\0\xff\xd9",
        "progressive scan out of order",
    ),
    "ac of two components": (
        PROGRESSIVE[:-2] + segment_of(0xDA, b"\x02\x01\0\x02\0\x01\x05\0") + b"\0\xff\xd9",
        "progressive scan out of order",
    ),
    "many scans": (
        b"\xff\xd8"
        + GRAY_FRAME.replace(b"\xff\xc0", b"\xff\xc2")
        + (segment_of(0xDA, b"\x01\x01\0\0\0\0") + b"\0") * 101
        + b"\xff\xd9",
        "too many scans",
    ),
    "late comment": (
        BARE[:-2] + segment_of(0xFE, b"late") + b"\xff\xd9",
        "metadata behind the first scan",
    ),
    "late profile": (
        BARE[:SCAN] + icc_portion(1, 1) + BARE[SCAN:],
        "colour profile behind the frame header",
    ),
    "restart without interval": (BARE[:-2] + b"\xff\xd0\xff\xd9", "restart marker without"),
    "restart interval": (
        with_segments(segment_of(0xDD, b"\0")),
        "restart interval of wrong length",
    ),
    "index behind padding": (
        with_segments(segment_of(0xFE, b"\0"), INDEX),
        "index of pictures that would not return to its place",
    ),
    "more behind padding": (
        with_segments(segment_of(0xFE, b"\0"), JFIF) + b"tail",
        "metadata that would not return to its place",
    ),
    "late segment and more": (
        BARE[:SCAN] + segment_of(0xE1, b"Exif") + BARE[SCAN:] + b"tail",
        "metadata that would not return to its place",
    ),
    "index behind fill bytes": (
        with_segments(b"\xff\xff", INDEX),
        "index of pictures that would not return to its place",
    ),
    "jpeg xt": (
        with_segments(segment_of(0xEB, b"JP\0\1\0\0\0\1\0\0\0\x09RESIa")),
        "residuals for high dynamic range",
    ),
    "jpeg hdr": (
        with_segments(segment_of(0xEB, b"HDR_RI ver=11")),
        "residuals for high dynamic range",
    ),
    "spiff": (with_segments(segment_of(0xE8, b"SPIFF\0\1")), "spiff file"),
    "adobe rgb": (with_segments(adobe(0)), "adobe colour transform"),
    "adobe ycck": (with_segments(adobe(2)), "adobe colour transform"),
    "short adobe": (with_segments(segment_of(0xEE, b"Adobe\0\x64")), "adobe segment too short"),
    "profile gap": (
        with_segments(icc_portion(1, 3), icc_portion(3, 3)),
        "colour profile in pieces that do not fit",
    ),
    "profile twice": (
        with_segments(icc_portion(1, 1), icc_portion(1, 1)),
        "colour profile in pieces that do not fit",
    ),
    "profile counts": (
        with_segments(icc_portion(1, 2), icc_portion(2, 3)),
        "colour profile in pieces that do not fit",
    ),
    "profile number 0": (
        with_segments(icc_portion(0, 1)),
        "colour profile in pieces that do not fit",
    ),
    "short profile": (
        with_segments(segment_of(0xE2, b"ICC_PROFILE\0")),
        "colour profile in pieces",
    ),
    "many segments": (with_segments(segment_of(0xE5, b"") * 5000), "too many segments"),
    "much metadata": (with_segments(segment_of(0xE5, b"x" * 65_533) * 65), "too much metadata"),
}


@pytest.mark.parametrize("case", _REFUSED)
def test_what_is_not_surely_restored_is_refused(case: str) -> None:
    """Each feature and each damage is refused with its own reason."""
    data, reason = _REFUSED[case]
    with pytest.raises(Unsupported) as caught:
        jpeg.parse(data)
    assert reason == str(caught.value)[: len(reason)]
