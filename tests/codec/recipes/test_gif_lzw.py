"""Tests of image data of GIF files."""

import io
import random

import numpy as np
import pytest
from imagecodecs import gif_encode
from PIL import Image

from slimgate.codec.recipes import gif_lzw
from slimgate.codec.recipes.gif_plans import plans
from tests.codec.pictures import crop
from tests.codec.recipes import files

_INDICES = crop("L", 300, 200)


def _data(file: bytes) -> bytes:
    (plan,) = plans(file)
    (segment,) = plan.segments
    return file[segment.offset : segment.end]


def _pillow(colours: int) -> bytes:
    image = Image.fromarray(_INDICES).quantize(colours)
    return files.pillow(image, format="GIF", interlace=False)


@pytest.mark.parametrize(
    "file",
    [_pillow(256), _pillow(5), bytes(gif_encode(_INDICES))],
    ids=["Pillow", "Pillow, few colours", "giflib"],
)
def test_image_data_of_libraries_return(file: bytes) -> None:
    """Codes of other coders are reproduced from indices, size, limit and blocks."""
    with Image.open(io.BytesIO(file)) as image:
        indices = np.asarray(image).tobytes()
    data = _data(file)
    assert gif_lzw.decode(data, len(indices)) == indices
    again = gif_lzw.encode(indices, data[0], gif_lzw.limit(data), data[1])
    assert again == data


@pytest.mark.parametrize("size", range(2, 9))
@pytest.mark.parametrize("limit", [0, 5, 1000, 3800])
@pytest.mark.parametrize("length", [1, 100, 9000])
def test_indices_return(size: int, limit: int, length: int) -> None:
    """Whatever the size and the limit, indices return, and Pillow reads them alike."""
    indices = bytes(random.Random(length).choices(range(1 << size), k=length))
    data = gif_lzw.encode(indices, size, limit, 254)
    assert gif_lzw.decode(data, length) == indices
    head = b"GIF89a" + length.to_bytes(2, "little") + b"\1\0\xf7\0\0" + bytes(range(256)) * 3
    frame = b"\x2c\0\0\0\0" + length.to_bytes(2, "little") + b"\1\0\0"
    with Image.open(io.BytesIO(head + frame + data + b";")) as image:
        assert np.asarray(image).tobytes() == indices


def test_damaged_data_have_no_indices() -> None:
    """Damage gives other indices of the same number, or none; never an error."""
    data, rng = gif_lzw.encode(_INDICES.tobytes(), 8, 3800, 255), random.Random(1)
    for _ in range(20):
        damaged = bytearray(data)
        for _ in range(5):
            damaged[rng.randrange(len(damaged))] = rng.randrange(256)
        found = gif_lzw.decode(bytes(damaged), _INDICES.size)
        assert found is None or len(found) == _INDICES.size
        assert gif_lzw.limit(bytes(damaged)) <= gif_lzw.MAX_CODES + 1


def test_no_more_is_decoded_than_expected() -> None:
    """Data of more indices than the frame has are damaged."""
    data = gif_lzw.encode(bytes(1 << 20), 8, 0, 255)
    assert gif_lzw.decode(data, 1000) is None
