"""Tests of payloads in WebP and JPEG files, beyond what all codecs' tests say."""

import pytest

from slimgate.codec.containers import ContainerError, Malformed, jpeg_payload, parse, webp_payload
from slimgate.codec.containers.jpeg_segments import METADATA, walk
from slimgate.codec.containers.webp_chunks import make, make_file, read_file
from tests.codec.containers import samples
from tests.codec.pictures import crop, save

_JPEG = save(crop("RGB", 65, 49), "JPEG", **samples.EVERYTHING)
_WEBP = {
    "lossy": save(crop("RGB", 65, 49), "WEBP"),
    "lossless": save(crop("RGB", 65, 49), "WEBP", lossless=True),
    "lossless with alpha": save(crop("RGBA", 65, 49), "WEBP", lossless=True),
    "lossy with alpha": save(crop("RGBA", 65, 49), "WEBP"),
    "described": save(crop("RGB", 65, 49), "WEBP", **samples.EVERYTHING),
}


@pytest.mark.parametrize("data", _WEBP.values(), ids=_WEBP.keys())
def test_a_webp_file_becomes_an_extended_one(data: bytes) -> None:
    """Without its payload chunk, a file is a sound extended one with the same picture."""
    attached = webp_payload.attach(data, b"payload")
    chunks = read_file(attached)
    assert (chunks[0].type, chunks[-1].type) == (b"VP8X", webp_payload.CHUNK)
    bare, before = parse(make_file(attached[12 : chunks[-1].start])), parse(data)
    assert before == bare


def test_jpeg_payloads_stand_behind_other_metadata() -> None:
    """The kept segments stay where readers look for them, and the payload follows."""
    attached = jpeg_payload.attach(_JPEG, b"x" * 70_000)
    markers = [segment.marker for segment in walk(attached)]
    before = [segment.marker for segment in walk(_JPEG)]
    at = next(i for i, marker in enumerate(before) if marker not in METADATA)
    assert [*before[:at], 0xEA, 0xEA, *before[at:]] == markers


def test_missing_pieces_are_noticed() -> None:
    """A JPEG file with a lost, duplicate or reordered piece yields no payload."""
    attached = jpeg_payload.attach(_JPEG, b"x" * 140_000)
    own = [segment for segment in walk(attached) if segment.marker == 0xEA]
    pieces = [attached[segment.start : segment.end] for segment in own]
    head, tail = attached[: own[0].start], attached[own[-1].end :]
    a, b, c = pieces
    for metadata in ([a, b], [b, c], [a, c], [b, a, c], [a, b, c, c], [a]):
        with pytest.raises(Malformed, match="missing"):
            jpeg_payload.extract(head + b"".join(metadata) + tail)


def test_two_webp_payloads_are_refused() -> None:
    """A WebP file with two payloads yields none."""
    attached = webp_payload.attach(_WEBP["lossy"], b"once")
    twice = make_file(attached[12:] + make(webp_payload.CHUNK, b"twice"))
    with pytest.raises(Malformed, match="more than one"):
        webp_payload.extract(twice)


@pytest.mark.parametrize("data", [b"", b"RIFF", b"\xff\xd8\xff", make_file(b""), bytes(100)])
def test_other_files_are_refused(data: bytes) -> None:
    """A payload is attached to nothing but a picture."""
    for attach in (jpeg_payload.attach, webp_payload.attach):
        with pytest.raises(ContainerError):
            attach(data, b"payload")
