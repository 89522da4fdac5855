"""JPEG files with a video behind their picture, as phones write them."""

import struct
from pathlib import Path
from typing import Final

import cv2
import numpy as np

from tests.codec.containers.jpeg_parts import XMP_HEAD, segment_of

_GOOGLE: Final = "http://ns.google.com/photos/1.0/"
_SAMSUNG_VIDEO: Final = 0x0A30
_SAMSUNG_TIME: Final = 0x0A01


def video(folder: Path, frames: int = 6) -> bytes:
    """Make an MP4 file of a moving square."""
    path = folder / "video.mp4"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"mp4v"), 10, (64, 48))
    for number in range(frames):
        frame = np.full((48, 64, 3), 90, np.uint8)
        frame[8:24, 4 * number : 4 * number + 16] = (40, 200, 240)
        writer.write(frame)
    writer.release()
    return path.read_bytes()


def google(picture: bytes, mp4: bytes) -> bytes:
    """Append a video and describe it as a Motion Photo (format 1.0)."""
    items = (("Primary", "image/jpeg", 0), ("MotionPhoto", "video/mp4", len(mp4)))
    listed = "".join(
        f'<rdf:li rdf:parseType="Resource"><Container:Item Item:Semantic="{name}" '
        f'Item:Mime="{kind}" Item:Length="{size}" Item:Padding="0"/></rdf:li>'
        for name, kind, size in items
    )
    return _described(
        picture,
        'GCamera:MotionPhoto="1" GCamera:MotionPhotoVersion="1"',
        f"<Container:Directory><rdf:Seq>{listed}</rdf:Seq></Container:Directory>",
    ) + mp4  # fmt: skip


def xiaomi(picture: bytes, mp4: bytes) -> bytes:
    """Append a video and say how far from the end it begins, as MicroVideo does."""
    said = f'GCamera:MicroVideo="1" GCamera:MicroVideoOffset="{len(mp4)}"'
    return _described(picture, said, "") + mp4


def samsung(picture: bytes, mp4: bytes) -> bytes:
    """Append a video in a trailer of named blocks."""
    blocks = [
        (_SAMSUNG_TIME, b"Image_UTC_Data", b"1700000000000"),
        (_SAMSUNG_VIDEO, b"MotionPhoto_Data", mp4),
    ]
    parts = [struct.pack("<HHI", 0, kind, len(name)) + name + data for kind, name, data in blocks]
    left, entries = sum(map(len, parts)), b""
    for (kind, _, _), part in zip(blocks, parts, strict=True):
        entries += struct.pack("<HHII", 0, kind, left, len(part))
        left -= len(part)
    index = b"SEFH" + struct.pack("<II", 106, len(blocks)) + entries
    return picture + b"".join(parts) + index + struct.pack("<I", len(index)) + b"SEFT"


def _described(picture: bytes, attributes: str, elements: str) -> bytes:
    spaces = (
        f'xmlns:GCamera="{_GOOGLE}camera/" xmlns:Container="{_GOOGLE}container/" '
        f'xmlns:Item="{_GOOGLE}container/item/"'
    )
    text = (
        '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF '
        'xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
        f'<rdf:Description rdf:about="" {spaces} {attributes}>{elements}</rdf:Description>'
        "</rdf:RDF></x:xmpmeta>"
    )
    return picture[:2] + segment_of(0xE1, XMP_HEAD + text.encode()) + picture[2:]
