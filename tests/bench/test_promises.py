"""Tests of judging served files."""

import pytest

from bench.promises import broken
from slimgate.codec.containers import png_chunks, webp_chunks
from tests.codec.containers.jpeg_parts import segment_of
from tests.codec.pictures import crop, noise, save, worsened

_PIXELS = crop("RGB", 120, 96)
_TAIL = b"behind the picture"
_SCORE = 70.0


def _jpeg(comment: bytes, behind: bytes, quality: int = 92, *, small: bool = True) -> bytes:
    file = save(_PIXELS, "JPEG", quality=quality, optimize=small)
    return file[:2] + segment_of(0xE1, comment) + file[2:] + behind


def _padded(file: bytes, size: int) -> bytes:
    """Pad a JPEG file as the gateway does, behind its scan."""
    gap = size - len(file)
    end = file.rindex(b"\xff\xd9")
    return file[:end] + segment_of(0xEE, bytes(gap - 4)) + file[end:]


_JPEG = _jpeg(b"abc", _TAIL, small=False)
_SMALLER = _jpeg(b"abc", _TAIL)
_PNG = save(_PIXELS, "PNG", compress_level=0)


def _png(pixels: object = _PIXELS, text: bytes = b"") -> bytes:
    """Make a PNG file of the size of the other one."""
    small = save(pixels, "PNG")  # type: ignore[arg-type]  # pixels of any kind
    chunk = png_chunks.make(b"tEXt", text) if text else b""
    gap = len(_PNG) - len(small) - len(chunk) - 12
    padding = png_chunks.make(png_chunks.PADDING, bytes(gap))
    return small[:33] + chunk + small[33:-12] + padding + small[-12:]


@pytest.mark.parametrize("tier", ["plain", "exact"])
def test_other_bytes_are_found(tier: str) -> None:
    """Files that promise every byte keep every byte."""
    assert broken(_JPEG, _JPEG, tier, _SCORE) == ""
    assert broken(_JPEG, _JPEG[:-1] + b"?", tier, _SCORE) == "other bytes"


def test_padded_files_keep_the_promise() -> None:
    """A file with another picture may have padding, and nothing else."""
    served = _padded(_SMALLER, len(_JPEG))
    assert broken(_JPEG, served, "recode", _SCORE) == ""
    assert broken(_PNG, _png(), "lossless", _SCORE) == ""


@pytest.mark.parametrize(
    ("served", "fault"),
    [
        (_SMALLER, f"{len(_SMALLER) - len(_JPEG):+} bytes"),
        (_padded(_jpeg(b"abd", _TAIL), len(_JPEG)), "other bytes around the picture"),
        (_padded(_jpeg(b"abc", _TAIL[:-1] + b"?"), len(_JPEG)), "other places"),
        (_padded(_jpeg(b"abc", b""), len(_JPEG)), "other places"),
        (_padded(_jpeg(b"abc", _TAIL, 5), len(_JPEG)), "SSIMULACRA2 -"),
        (bytes(len(_JPEG)), "cannot be taken apart"),
    ],
)
def test_broken_promises_of_loss_are_found(served: bytes, fault: str) -> None:
    """Size, header segments, what is behind the picture, and its score are judged."""
    assert fault in broken(_JPEG, served, "recode", _SCORE)


def test_broken_promises_without_loss_are_found() -> None:
    """Pixels and chunks are judged."""
    assert broken(_PNG, _png(worsened(_PIXELS, 1)), "lossless", _SCORE) == "other pixels"
    assert "around the picture" in broken(_PNG, _png(text=b"a\0b"), "lossless", _SCORE)


def test_chunks_of_webp_are_judged() -> None:
    """Another chunk, and another tail, are found."""
    file = save(noise(40, 40, 3), "WEBP", quality=90)
    for changed in (webp_chunks.make_file(file[12:] + webp_chunks.make(b"ABCD", b"xy")), file):
        upload = webp_chunks.make_file(file[12:] + webp_chunks.make(b"ABCD", b"xx"))
        served = changed + bytes(len(upload) - len(changed))
        assert "around the picture" in broken(upload, served, "recode", _SCORE)
