import io

import pytest
from PIL import Image

from slimgate.codec.containers import DoesNotFit, Unsupported, jpeg
from slimgate.codec.containers.header import MAX_METADATA, MAX_TAIL
from slimgate.codec.containers.jpeg_segments import END
from slimgate.codec.restore import exact
from tests.codec.containers.jpeg_parts import (
    BARE,
    BODY,
    GRAY_FRAME,
    GRAY_SCAN,
    INDEX,
    JFIF,
    SCAN,
    XMP_HEAD,
    adobe,
    icc_portion,
    patched,
    segment_of,
    with_segments,
)
from tests.codec.containers.samples import EVERYTHING, XMP, files, icc, read, save


@pytest.mark.parametrize(
    "segment",
    [
        adobe(1),
        segment_of(0xEE, b"something else"),
        segment_of(0xE1, b"http://example.com/hdrgm:\0"),
        segment_of(0xED, b"Photoshop 3.0\0"),
        segment_of(0xE1, XMP_HEAD + XMP),
        segment_of(0xFE, b""),
    ],
)
def test_harmless_segments_are_accepted(segment: bytes) -> None:
    """Segments that say nothing about the pixels do not stand in the way."""
    assert jpeg.parse(with_segments(JFIF, segment, segment_of(0xFE, b"c"))).width == 37


def test_adobe_transform_of_gray() -> None:
    """A gray file may say that nothing was transformed, and nothing else."""
    gray = save("L", "JPEG")
    assert jpeg.parse(gray[:20] + adobe(0) + gray[20:]).components == 1
    with pytest.raises(Unsupported, match="adobe colour transform"):
        jpeg.parse(gray[:20] + adobe(1) + gray[20:])


def test_kept_segments_are_verbatim_and_in_order() -> None:
    """All APPn and COM segments are kept, those behind the frame header as well."""
    first, second = segment_of(0xE5, b"five"), segment_of(0xFE, b"comment")
    late = segment_of(0xE4, b"four")
    data = b"\xff\xd8" + JFIF + second + first + BARE[20:SCAN] + late + BARE[SCAN:]
    assert JFIF + second + first + late == jpeg.parse(data).metadata


def test_fill_bytes_are_dropped() -> None:
    """Fill bytes before markers are legal and not kept."""
    segment = segment_of(0xE5, b"five")
    found = jpeg.parse(with_segments(b"\xff\xff", JFIF, b"\xff", segment, b"\xff\xff\xff"))
    assert JFIF + segment == found.metadata


def test_profile_in_portions_out_of_order() -> None:
    """A profile is put together by the numbers of its portions."""
    found = jpeg.parse(
        with_segments(icc_portion(2, 3, b"b"), icc_portion(3, 3, b"c"), icc_portion(1, 3, b"a"))
    )
    assert found.icc == b"abc"


def test_large_profile() -> None:
    """A profile longer than a segment is read as Pillow wrote it."""
    profile = icc() * 40
    assert profile == jpeg.parse(save("RGB", "JPEG", icc_profile=profile)).icc


@pytest.mark.parametrize(
    ("factors", "subsampling"),
    [
        ((0x11, 0x11, 0x11), "4:4:4"),
        ((0x22, 0x22, 0x22), "4:4:4"),
        ((0x21, 0x11, 0x11), "4:2:2"),
        ((0x22, 0x12, 0x12), "4:2:2"),
        ((0x22, 0x11, 0x11), "4:2:0"),
        ((0x12, 0x11, 0x11), None),
        ((0x41, 0x11, 0x11), None),
        ((0x22, 0x21, 0x11), None),
        ((0x11, 0x22, 0x22), None),
    ],
)
def test_subsampling(factors: tuple[int, int, int], subsampling: str | None) -> None:
    """The ratio of sampling factors determines the subsampling name, if there is one."""

    def change(payload: bytearray) -> None:
        payload[7], payload[10], payload[13] = factors

    found = jpeg.parse(patched(BARE, 0xC0, change))
    assert found.subsampling == subsampling
    assert found.sampling == tuple((f >> 4, f & 15) for f in factors)


def test_restarts_out_of_order_are_refused() -> None:
    """A lost restart marker is noticed."""
    data = files()["jpeg restarts"][2]
    assert data.count(b"\xff\xd1") == 1
    with pytest.raises(Unsupported, match="restart markers out of order"):
        jpeg.parse(data.replace(b"\xff\xd1", b"\xff\xd2"))


@pytest.mark.parametrize("lead", [1, 2])
def test_restarts_are_followed_across_windows(lead: int) -> None:
    """Millions of restart markers, at odd and even places, are checked across all windows."""
    restarts = b"".join(bytes([0xFF, 0xD0 + i]) for i in range(8)) * (1 << 18)
    head = b"\xff\xd8" + segment_of(0xDD, b"\0\1") + GRAY_FRAME + GRAY_SCAN + bytes(lead)
    assert jpeg.parse(head + restarts + b"\0\xff\xd9").components == 1
    with pytest.raises(Unsupported, match="restart markers out of order"):
        jpeg.parse(head + restarts + b"\0\xff\xd1\xff\xd9")


def test_stuffed_and_fill_bytes_in_a_scan() -> None:
    """0xFF00 is data and 0xFF before a marker is fill; both belong to the scan."""
    data = b"\xff\xd8" + GRAY_FRAME + GRAY_SCAN + b"\xff\0\1\xff\xff\xff\0\2\xff\xff\xff\xd9"
    assert jpeg.parse(data).height == 8


def test_the_encoders_own_metadata_are_dropped() -> None:
    """Nothing but the kept segments is in the header of an assembled file."""
    encoded = save("RGB", "JPEG", comment=b"encoder", **EVERYTHING)
    size = len(BODY) + 2
    assert jpeg.assemble(encoded, b"", size) == b"\xff\xd8" + BODY
    with pytest.raises(DoesNotFit, match="1 bytes too long"):
        jpeg.assemble(encoded, b"", size - 1)


_GAPS = [0, 1, 2, 3, 4, 5, 65_536, 65_537, 65_538, 65_541, 131_075]
_APPS = JFIF + segment_of(0xE5, b"five")
_COMMENTS = segment_of(0xFE, b"a") + segment_of(0xFE, b"b")


@pytest.mark.parametrize("gap", _GAPS)
def test_padding_stands_before_the_end(gap: int) -> None:
    """Everything up to the last scan is where it was, and there is no other comment."""
    behind = END + b"behind"
    least = 2 + len(_APPS + _COMMENTS + BODY + behind) - 2
    data = jpeg.assemble(BARE, _APPS + _COMMENTS + behind, least + gap)
    assert least + gap == len(data)
    assert data.startswith(b"\xff\xd8" + _APPS + _COMMENTS + BODY[:-2])
    assert data.endswith(behind)
    assert jpeg.parse(data).metadata == _APPS + _COMMENTS + behind
    assert exact.transcode(data[: -len(b"behind")]) is not None or 0 < gap < 4
    with Image.open(io.BytesIO(data)) as image:
        assert image.info["comment"] == b"b"
    assert read(data)[0] == read(BARE)[0]


@pytest.mark.parametrize("gap", _GAPS)
def test_padding_stood_before_the_first_comment(gap: int) -> None:
    """In objects of earlier versions, the original comment stays the last one."""
    least = 2 + len(_APPS + _COMMENTS + BODY)
    data = jpeg.assemble(BARE, _APPS + _COMMENTS, least + gap, padding="header")
    assert least + gap == len(data)
    assert data.startswith(b"\xff\xd8" + _APPS)
    assert data.endswith(_COMMENTS + BODY)
    with Image.open(io.BytesIO(data)) as image:
        assert image.info["comment"] == b"b"
    assert read(data)[0] == read(BARE)[0]


@pytest.mark.parametrize(
    "metadata", [b"\0", JFIF[:-1], b"\xff" + JFIF, GRAY_FRAME, JFIF + b"\xff\xd9", b"\xff\xda\0\2"]
)
def test_damaged_kept_segments_are_refused(metadata: bytes) -> None:
    """Only whole APPn and COM segments are put into a file."""
    with pytest.raises(Unsupported):
        jpeg.assemble(BARE, metadata, 10_000)


@pytest.mark.parametrize("encoded", [b"", b"\xff\xd8\xff\xd9", BARE[:50]])
def test_damaged_encodings_are_refused(encoded: bytes) -> None:
    """Data other than a JPEG file is not assembled into one."""
    with pytest.raises(Unsupported):
        jpeg.assemble(encoded, b"", 10_000)


def test_the_limit_of_metadata_is_reachable() -> None:
    """Just as much metadata as allowed is kept."""
    segments = segment_of(0xE5, b"x" * 65_532) * 64
    assert len(segments) == MAX_METADATA
    assert segments == jpeg.parse(with_segments(segments)).metadata


@pytest.mark.parametrize("index", [INDEX, b""], ids=["index", "no index"])
@pytest.mark.parametrize("gap", [0, 3, 4, 60_000])
def test_what_follows_the_first_image_returns_to_its_place(gap: int, index: bytes) -> None:
    """Header segments and everything after the image are verbatim, at any padding."""
    comment = segment_of(0xFE, b"x" * (9 + gap))
    upload = with_segments(JFIF, comment, index, comment) + BARE + b"tail"
    metadata = jpeg.parse(upload).metadata
    fresh = save("RGB", "JPEG", quality=1)
    served = jpeg.assemble(fresh, metadata, len(upload))
    assert len(upload) == len(served)
    head = 2 + len(JFIF + comment + index + comment)
    assert served[:head] == upload[:head]
    assert upload.endswith(BARE + b"tail")
    assert served.endswith(b"\xff\xd9" + BARE + b"tail")
    assert jpeg.parse(served).metadata == metadata


def test_an_index_without_further_images() -> None:
    """A file whose previews were cut off keeps its index."""
    assert jpeg.parse(with_segments(JFIF, INDEX)).metadata == JFIF + INDEX


def test_zeros_are_padding_only_before_the_end() -> None:
    """Segments of zeros behind the last scan are dropped; between scans they are refused."""
    zeros = segment_of(0xEE, bytes(9))
    assert jpeg.parse(BARE[:-2] + zeros * 3 + END).metadata == JFIF
    scan = BARE[SCAN:-2]
    with pytest.raises(Unsupported, match="metadata behind the first scan"):
        jpeg.parse(BARE[:-2] + zeros + scan + END)


def test_the_limit_of_trailers() -> None:
    """As many bytes as allowed may follow the image."""
    assert len(jpeg.parse(BARE + bytes(MAX_TAIL)).metadata) == len(JFIF + END) + MAX_TAIL
    with pytest.raises(Unsupported, match="too many bytes after the end of the image"):
        jpeg.parse(BARE + bytes(MAX_TAIL + 1))
