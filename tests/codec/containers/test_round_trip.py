import io
import pickle

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from slimgate.codec.containers import DoesNotFit, FormatName, assemble, overhead, parse
from tests.codec.containers.samples import SIZE, files, picture, read

_NAMES = sorted(files())
_UNREACHABLE = {"JPEG": (), "PNG": range(1, 12), "WEBP": (1, 2, 3, 4, 5, 6, 7, 9, 11, 13)}
# A simple file is smaller than the extended one by a header; its sizes are tested with the format.
_SIMPLE = {"webp lossy", "webp lossless alpha"}


def _fresh(name: str) -> bytes:
    """Encode other pixels in the way of a sample, as the gateway does, without metadata."""
    format_, mode, _ = files()[name]
    target = io.BytesIO()
    picture(mode, seed=11).save(
        target, format_, progressive="progressive" in name, lossless="lossless" in name
    )
    return target.getvalue()


def _least(name: str) -> int:
    """Find the smallest size by asking for too little."""
    format_, _, data = files()[name]
    encoded, metadata = _fresh(name), parse(data).metadata
    return next(
        size
        for size in range(len(encoded) - 64, len(encoded) + 64 + overhead(format_, metadata))
        if _reachable(format_, encoded, metadata, size)
    )


def _reachable(format_: FormatName, encoded: bytes, metadata: bytes, size: int) -> bool:
    try:
        assemble(format_, encoded, metadata, size)
    except DoesNotFit:
        return False
    return True


_LEAST = {name: _least(name) for name in _NAMES}
_GAPS = st.one_of(st.integers(0, 40), st.integers(0, 300_000), st.integers(65_530, 65_545))


@pytest.mark.parametrize("name", _NAMES)
@settings(max_examples=30, deadline=None, derandomize=True, database=None)
@given(gap=_GAPS)
def test_assembled_files_have_the_size_the_pixels_and_the_metadata(name: str, gap: int) -> None:
    """Every reachable size is met, with the fresh pixels and the metadata of the upload."""
    format_, _, data = files()[name]
    if format_ == "PNG" and 0 < gap < 12:
        gap += 12
    if format_ == "WEBP":
        gap += gap % 2 + 26  # also when a simple file has to become an extended one
    encoded, upload = _fresh(name), parse(data)

    assembled = assemble(format_, encoded, upload.metadata, _LEAST[name] + gap)

    assert _LEAST[name] + gap == len(assembled)
    assert (read(encoded)[0], read(data)[1]) == read(assembled)
    again = parse(assembled)
    assert upload.metadata == again.metadata
    assert (upload.icc, upload.mode, SIZE) == (again.icc, again.mode, (again.width, again.height))


@pytest.mark.parametrize("name", [name for name in _NAMES if name not in _SIMPLE])
def test_sizes_out_of_reach_are_refused(name: str) -> None:
    """Exactly the sizes below the least one, and those no padding can meet, are refused."""
    format_, _, data = files()[name]
    encoded, metadata = _fresh(name), parse(data).metadata

    refused = [
        gap
        for gap in range(-8, 14)
        if not _reachable(format_, encoded, metadata, _LEAST[name] + gap)
    ]

    assert [*range(-8, 0), *_UNREACHABLE[format_]] == refused


@pytest.mark.parametrize("name", _NAMES)
def test_overhead_is_what_the_kept_segments_add(name: str) -> None:
    """An assembled file is as long as one without kept segments plus the overhead."""
    format_, _, data = files()[name]
    encoded, metadata = _fresh(name), parse(data).metadata
    bare = next(
        size
        for size in range(len(encoded) - 64, len(encoded) + 64)
        if _reachable(format_, encoded, b"", size)
    )
    extended = encoded[12:16] == b"VP8X"
    assert _LEAST[name] - bare == overhead(format_, metadata) - (18 if metadata and extended else 0)


@pytest.mark.parametrize("name", _NAMES)
def test_containers_say_what_pillow_says(name: str) -> None:
    """Format, mode, size and colour profile are those that Pillow finds."""
    data = files()[name][2]
    found = parse(data)
    with Image.open(io.BytesIO(data)) as image:
        seen = (image.format, image.mode, image.size, image.info.get("icc_profile"))
    assert seen == (found.format, found.mode, (found.width, found.height), found.icc)


@pytest.mark.parametrize("name", _NAMES)
def test_containers_travel_between_processes(name: str) -> None:
    """A container survives pickling."""
    found = parse(files()[name][2])
    assert found == pickle.loads(pickle.dumps(found))  # noqa: S301 - our own bytes
