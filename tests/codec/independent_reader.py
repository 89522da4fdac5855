"""A reader of stored objects, written from docs/format.md alone.

It imports nothing of slimgate. What it restores: whole files, and pixels of AVIF, WebP, JPEG and
JPEG XL without networks, as JPEG, PNG and WebP.
"""

import hashlib
import io
import json
import lzma
import struct
import zlib
from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
from imagecodecs import jpeg8_encode, jpegxl_decode, jpegxl_decode_jpeg, zstd_decode
from PIL import Image

_BOX = bytes.fromhex("487f3b8e34644946a236a8a30090fa30")
_FILTERS = {
    "14824b0bd9329564": Image.Resampling.LANCZOS,
    "ba5756bddb30fb48": Image.Resampling.BICUBIC,
}
_END = b"\xff\xd9"

Pixels = npt.NDArray[np.uint8]


class NotCovered(Exception):
    """This reader does not have what the object needs."""


def restore(rendition: bytes, text: str) -> bytes:
    """Return the restored file, with both digests compared."""
    note: dict[str, Any] = json.loads(text)
    if note["v"] != 1:
        raise NotCovered("version")
    file, content = _whole(rendition, note) if "out" not in note else _encoded(rendition, note)
    assert hashlib.sha256(content).hexdigest()[:32] == note["cd"]
    assert hashlib.sha256(file).hexdigest() == note["sha"]
    return file


def _whole(rendition: bytes, note: dict[str, Any]) -> tuple[bytes, bytes]:
    stored, size = note["st"], note["n"]
    if stored.get("p") or stored["c"] == "lepton":
        raise NotCovered("packages, Lepton")
    if stored["c"] == "zstd":
        file = bytes(zstd_decode(rendition, out=size))
    else:
        kept = _kept(rendition, "jxl", None) if "k" in stored else b""
        file = bytes(jpegxl_decode_jpeg(rendition, numthreads=1, out=stored.get("k", size)))
        file = file[: size - len(kept)] + kept
    return file, file


def _encoded(rendition: bytes, note: dict[str, Any]) -> tuple[bytes, bytes]:
    stored, out = note["st"], note["out"]
    if stored["t"] in ("exact", "lossless") or out.get("i") or out.get("n") or out.get("b"):
        raise NotCovered("lossless, palettes, 16 bits, snapped colours")
    pixels, icc = _pixels(rendition, stored, out["m"])
    kept = _kept(rendition, stored["c"], icc)
    if stored["r"] is not None:
        pixels = _enlarged(pixels, stored)[: note["h"], : note["w"]]
    write = {"JPEG": _jpeg, "PNG": _png, "WEBP": _webp}[out["f"]]
    return write(pixels, out, kept, note["n"]), kept + np.ascontiguousarray(pixels).tobytes()


def _pixels(rendition: bytes, stored: dict[str, Any], mode: str) -> tuple[Pixels, bytes | None]:
    if stored["c"] == "jxl":
        return np.asarray(jpegxl_decode(rendition, keeporientation=True), np.uint8), None
    with Image.open(io.BytesIO(rendition)) as image:
        return np.asarray(image.convert(mode)), image.info.get("icc_profile")


def _enlarged(pixels: Pixels, stored: dict[str, Any]) -> Pixels:
    kind = _FILTERS.get(stored["r"])
    if kind is None or pixels.shape[2:] == (4,):
        raise NotCovered("networks, alpha")
    height, width = pixels.shape[:2]
    size = (width * stored["x"], height * stored["x"])
    return np.asarray(Image.fromarray(pixels).resize(size, kind))


def _kept(rendition: bytes, codec: str, icc: bytes | None) -> bytes:
    payload = {"webp": _webp_payload, "jpeg": _jpeg_payload}.get(codec, _box_payload)(rendition)
    if not payload:
        return b""
    version, method, checksum = struct.unpack_from(">BBI", payload)
    body = payload[6:]
    if version != 1 or method == 3:
        raise NotCovered("pictures in the payload")
    if method == 1:
        body = zlib.decompressobj(-15, zdict=(icc or b"")[-32768:]).decompress(body)
    elif method == 2:
        filters = [{"id": lzma.FILTER_LZMA2, "dict_size": 8 << 20}]
        body = lzma.decompress(body, lzma.FORMAT_RAW, filters=filters)
    assert zlib.crc32(body) == checksum
    return body


def _box_payload(data: bytes) -> bytes:
    position = 0
    while position < len(data):
        (size,) = struct.unpack_from(">I", data, position)
        head = 16 if size == 1 else 8
        size = int.from_bytes(data[position + 8 : position + 16], "big") if size == 1 else size
        end = position + size if size else len(data)
        if data.startswith(b"uuid" + _BOX, position + 4):
            return data[position + head + 16 : end]
        position = end
    return b""


def _webp_payload(data: bytes) -> bytes:
    return next((body for kind, body in _chunks(data[12:]) if kind == b"SLMD"), b"")


def _chunks(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    while data:
        size = int.from_bytes(data[4:8], "little")
        yield data[:4], data[8 : 8 + size]
        data = data[8 + size + size % 2 :]


def _jpeg_payload(data: bytes) -> bytes:
    pieces = (each[4:] for each in _segments(data[2:]) if each[1] == 0xEA)
    return b"".join(piece[11:] for piece in pieces if piece.startswith(b"slimgate\0"))


def _segments(data: bytes) -> Iterator[bytes]:
    """Yield the segments before the first scan, and then everything else."""
    while data[1:2] != b"\xda":
        size = 2 + int.from_bytes(data[2:4], "big")
        if data[:1] != b"\xff" or not data[size:]:
            break
        yield data[:size]
        data = data[size:]
    yield data


def _is_kept(segment: bytes) -> bool:
    return segment[1] == 0xFE or 0xE0 <= segment[1] <= 0xEF


def _jpeg(pixels: Pixels, out: dict[str, Any], kept: bytes, size: int) -> bytes:
    head, behind = _split_jpeg(kept)
    *segments, scans = _segments(_encoded_jpeg(pixels, out)[2:])
    body = b"".join(each for each in segments if not _is_kept(each)) + scans
    gap = size - 2 - len(b"".join(head)) - len(body) - len(behind)
    if out.get("a") == "end":
        assert gap <= 65_537
        body = body[:-2] + _filler(gap, 0xEE) + _END
        return b"".join([b"\xff\xd8", *head, body, behind])
    comment = next((i for i, each in enumerate(head) if each[1] == 0xFE), len(head))
    first, last = head[:comment], head[comment:]
    full, rest = divmod(gap, 65_537)
    filler = _filler(65_537, 0xFE) * full + _filler(rest, 0xFE)
    return b"".join([b"\xff\xd8", *first, filler, *last, body, behind])


def _split_jpeg(kept: bytes) -> tuple[list[bytes], bytes]:
    segments, rest = [], kept
    while rest and rest[:2] != _END:
        size = 2 + int.from_bytes(rest[2:4], "big")
        segments.append(rest[:size])
        rest = rest[size:]
    return segments, rest[2:]


def _filler(gap: int, marker: int) -> bytes:
    if gap < 4:
        return b"\xff" * gap
    return bytes([0xFF, marker]) + (gap - 2).to_bytes(2, "big") + bytes(gap - 4)


def _encoded_jpeg(pixels: Pixels, out: dict[str, Any]) -> bytes:
    if out["p"]:
        options = {"subsampling": out["s"]} if out["s"] else {}
        return _saved(pixels, "JPEG", quality=out["q"], optimize=True, progressive=True, **options)
    chroma = str(out["s"] or "4:4:4").replace(":", "")
    optimal = out.get("h", "optimal") == "optimal"
    return bytes(jpeg8_encode(pixels, out["q"], subsampling=chroma, optimize=optimal))


def _png(pixels: Pixels, out: dict[str, Any], kept: bytes, size: int) -> bytes:
    if out.get("d", 1) > 1 or out["q"] > 9:
        raise NotCovered("rounded colours, libdeflate")
    file = _saved(pixels, "PNG", compress_level=out["q"])
    before, after, tail = _split_png(kept)
    data = file[33:-12]
    gap = size - 33 - len(before) - len(data) - len(after) - 12 - len(tail)
    zeros = b"slGa" + bytes(max(0, gap - 12))
    crc = zlib.crc32(zeros).to_bytes(4, "big")
    padding = (gap - 12).to_bytes(4, "big") + zeros + crc if gap else b""
    return b"".join([file[:33], before, data, after, padding, file[-12:], tail])


def _split_png(kept: bytes) -> tuple[bytes, bytes, bytes]:
    if not kept:
        return b"", b"", b""
    first, start = int.from_bytes(kept[:4], "big"), 4
    end = len(kept)
    if first >> 31:
        first, start = first & 0x7FFFFFFF, 8
        end = start + first + int.from_bytes(kept[4:8], "big")
    return kept[start : start + first], kept[start + first : end], kept[end:]


def _webp(pixels: Pixels, out: dict[str, Any], kept: bytes, size: int) -> bytes:
    if kept:
        raise NotCovered("metadata of WebP")
    options = {"alpha_quality": 100, "method": 4, "exact": True}
    file = _saved(pixels, "WEBP", quality=out["q"], **options)
    height, width = pixels.shape[:2]
    sides = (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
    extended = b"VP8X\x0a\0\0\0" + bytes(4) + sides
    gap = size - 12 - len(extended) - len(file[12:])
    padding: bytes = b"SLIM" + (gap - 8).to_bytes(4, "little") + bytes(gap - 8)
    body: bytes = b"WEBP" + extended + file[12:] + padding
    return b"RIFF" + len(body).to_bytes(4, "little") + body


def _saved(pixels: Pixels, kind: str, **options: Any) -> bytes:
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, kind, **options)
    return file.getvalue()
