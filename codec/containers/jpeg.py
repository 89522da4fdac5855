"""Parse JPEG files, and assemble them with a given size.

The syntax is that of ITU-T T.81, annex B. Padding goes into APP14 segments of zeros right before
the end of the image, where no reader looks for the frame header. Every reader skips APP14 without
the name of Adobe; ImageMagick takes zeros in COM for the comment, and in others for a profile. Gaps
of 1 to 3 bytes are fill bytes before the marker. Objects of earlier versions have COM segments
among the header segments.

What follows the first image is restored verbatim: further images, trailers of phones, videos. The
first image keeps its size, so that positions from either end of the file stay valid; and header
segments return to their places, so that those from a segment (CIPA DC-007, Exif) do too.
"""

from dataclasses import dataclass
from typing import Final, Literal

from slimgate.codec.containers import gain_map, jpeg_metadata
from slimgate.codec.containers.errors import DoesNotFit, Unsupported
from slimgate.codec.containers.gain_map import GainMap
from slimgate.codec.containers.header import check_metadata_size, check_tail_size
from slimgate.codec.containers.jpeg_frame import Frame, Scans, parse_frame
from slimgate.codec.containers.jpeg_segments import (
    COM,
    DRI,
    END,
    EOI,
    FRAMES,
    METADATA,
    SOI,
    SOS,
    Segment,
    check_restarts,
    walk,
    walk_first,
    walk_metadata,
)

Padding = Literal["header", "end"]
"""Where padding goes: before the first kept comment, or before the end of the image."""

_START: Final = bytes([0xFF, SOI])
_APP14: Final = 0xEE
_HEAD: Final = 4  # marker and length
_LONGEST: Final = 2 + 0xFFFF  # the length field counts itself, not the marker


@dataclass(frozen=True, slots=True)
class Jpeg:
    """The parsed properties of a JPEG file.

    Attributes:
        width: width, pixels.
        height: height, pixels.
        components: 1 (gray) or 3 (YCbCr).
        progressive: progressive frame.
        subsampling: ``4:4:4``, ``4:2:2``, ``4:2:0``, or None for gray and other ratios.
        sampling: horizontal and vertical sampling factor of each component.
        metadata: all APPn and COM segments verbatim, in order, without slimgate's padding; and,
            after an end-of-image marker, what follows the first image.
        icc: colour profile.
        gain_map: gain map behind the first image.
    """

    width: int
    height: int
    components: int
    progressive: bool
    subsampling: str | None
    sampling: tuple[tuple[int, int], ...]
    metadata: bytes
    icc: bytes | None
    gain_map: GainMap | None


def parse(data: bytes) -> Jpeg:
    """Parse a JPEG file up to its last byte, without decoding pixels.

    Raises:
        Unsupported: the file is damaged, or has an unsupported feature.
    """
    reader = _Reader(data)
    for segment in walk_first(data):
        reader.take(segment)
    return reader.result()


def assemble(encoded: bytes, metadata: bytes, size: int, *, padding: Padding = "end") -> bytes:
    """Return a new JPEG file with the header segments and the size of the upload.

    Args:
        encoded: a complete JPEG file; its own APPn and COM segments are dropped.
        metadata: segments from :func:`parse`.
        size: required size, bytes.
        padding: where padding goes.

    Raises:
        DoesNotFit: the file is too long.
        Unsupported: ``encoded`` or ``metadata`` is damaged.
    """
    body = _without_metadata(encoded)
    segments, end = _kept_segments(metadata)
    behind = metadata[end + len(END) :]
    gap = size - (2 + end + len(body) + len(behind))
    if gap < 0:
        raise DoesNotFit(f"{-gap} bytes too long")
    if padding == "end":
        parts = [_START, metadata[:end], body[: -len(END)], _padding_at_end(gap), END, behind]
        return b"".join(parts)
    fill = _padding(gap)
    # Readers show the last comment, so the kept comments must follow the padding.
    split = next((s.start for s in segments if s.marker == COM), end)
    return b"".join([_START, metadata[:split], fill, metadata[split:end], body, behind])


def overhead(metadata: bytes) -> int:
    """Return the size of the kept segments and images in an assembled file, bytes.

    Raises:
        Unsupported: ``metadata`` is damaged.
    """
    _, end = _kept_segments(metadata)
    return len(metadata) - (len(END) if end < len(metadata) else 0)


def _kept_segments(metadata: bytes) -> tuple[list[Segment], int]:
    """Return the kept segments and their end; images may follow after a marker."""
    segments = list(walk_metadata(metadata))
    end = segments[-1].end if segments else 0
    if end + len(END) == len(metadata):
        raise Unsupported("kept segments are damaged")
    return segments, end


class _Reader:
    """Collects the properties of a file from its segments, in order."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._frame: Frame | None = None
        self._scans: Scans | None = None
        self._interval = 0
        self._metadata: list[Segment] = []
        self._padded = False
        self._end = len(data)

    def take(self, segment: Segment) -> None:
        if segment.marker == EOI:
            self._end = segment.end
        elif segment.marker in METADATA:
            self._take_metadata(segment)
        elif segment.marker in FRAMES:
            self._take_frame(segment)
        elif segment.marker == SOS:
            self._take_scan(segment)
        elif segment.marker == DRI:
            self._take_interval(segment.payload(self._data))

    def result(self) -> Jpeg:
        frame = self._frame
        if frame is None or self._scans is None:
            raise Unsupported("no picture in the file")
        self._scans.check_complete()
        apps = [(s.marker, s.payload(self._data)) for s in self._metadata if s.marker != COM]
        jpeg_metadata.check(apps, components=len(frame.components))
        kept = self._kept()
        self._check_places(kept)
        return Jpeg(
            width=frame.width,
            height=frame.height,
            components=len(frame.components),
            progressive=frame.progressive,
            subsampling=frame.subsampling,
            sampling=tuple((c.horizontal, c.vertical) for c in frame.components),
            metadata=self._verbatim(kept),
            icc=jpeg_metadata.icc_profile(apps),
            gain_map=self._gain_map(frame),
        )

    def _take_metadata(self, segment: Segment) -> None:
        if self._scans is not None:
            self._padded = self._is_padding(segment, _APP14)
            if not self._padded:
                raise Unsupported("metadata behind the first scan")
            return
        # Some readers only look for the profile before the frame, where it would be restored to.
        if self._frame and jpeg_metadata.is_icc(segment.marker, segment.payload(self._data)):
            raise Unsupported("colour profile behind the frame header")
        self._metadata.append(segment)

    def _take_frame(self, segment: Segment) -> None:
        if self._frame is not None:
            raise Unsupported("more than one frame")
        self._frame = parse_frame(segment.payload(self._data), progressive=segment.marker == 0xC2)

    def _take_scan(self, segment: Segment) -> None:
        if self._frame is None:
            raise Unsupported("scan before the frame header")
        if self._padded:
            raise Unsupported("metadata behind the first scan")
        self._scans = self._scans or Scans(self._frame)
        self._scans.add(segment.payload(self._data))
        check_restarts(self._data, segment, self._interval)

    def _take_interval(self, payload: bytes) -> None:
        if len(payload) != 2:
            raise Unsupported("restart interval of wrong length")
        self._interval = int.from_bytes(payload, "big")

    def _kept(self) -> list[Segment]:
        """Return the header segments without slimgate's padding, which precedes all comments."""
        kept: list[Segment] = []
        padding = True
        for segment in self._metadata:
            if segment.marker == COM and padding:
                padding = self._is_padding(segment, COM)
                if padding:
                    continue
            kept.append(segment)
        return kept

    def _is_padding(self, segment: Segment, marker: int) -> bool:
        return segment.marker == marker and not segment.payload(self._data).strip(b"\0")

    def _check_places(self, kept: list[Segment]) -> None:
        """Refuse segments that may point out of themselves, unless they return to their places."""
        behind = self._data[self._end :]
        check_tail_size(len(behind))
        position = len(_START)
        for segment in kept:
            moves = segment.start != position
            position += segment.end - segment.start
            if moves and self._is_index(segment):
                raise Unsupported("index of pictures that would not return to its place")
            if moves and behind and segment.marker != COM:
                raise Unsupported("metadata that would not return to its place")

    def _gain_map(self, frame: Frame) -> GainMap | None:
        found = gain_map.find(self._data[self._end :])
        if found is not None and len(frame.components) == 1:
            raise Unsupported("gain map of a gray picture")
        return found

    def _is_index(self, segment: Segment) -> bool:
        return jpeg_metadata.is_index(segment.marker, segment.payload(self._data))

    def _verbatim(self, kept: list[Segment]) -> bytes:
        parts = [self._data[segment.start : segment.end] for segment in kept]
        check_metadata_size(sum(map(len, parts)))
        if self._end < len(self._data):
            parts += [END, self._data[self._end :]]
        return b"".join(parts)


def _without_metadata(encoded: bytes) -> bytes:
    """Return everything after SOI except APPn and COM segments of the header."""
    parts: list[bytes] = []
    for segment in walk(encoded):
        if segment.marker == SOS:
            return b"".join([*parts, encoded[segment.start :]])
        if segment.marker not in METADATA:
            parts.append(encoded[segment.start : segment.end])
    raise Unsupported("no picture in the file")


def _padding(gap: int, marker: int = COM) -> bytes:
    """Return segments and fill bytes, ``gap`` bytes in total, to insert before a marker."""
    full, rest = divmod(gap, _LONGEST)
    parts = [_segment(marker, _LONGEST)] * full
    parts.append(_segment(marker, rest) if rest >= _HEAD else b"\xff" * rest)
    return b"".join(parts)


def _padding_at_end(gap: int) -> bytes:
    """Return the same with fill bytes only for gaps of 1 to 3 bytes: JPEG XL cannot hold them."""
    if gap > _LONGEST and 0 < gap % _LONGEST < _HEAD:
        return _segment(_APP14, _HEAD) + _padding(gap - _HEAD, _APP14)
    return _padding(gap, _APP14)


def _segment(marker: int, size: int) -> bytes:
    return bytes([0xFF, marker]) + (size - 2).to_bytes(2, "big") + bytes(size - _HEAD)
