"""Pages of blind pairs show the same place twice, and know which side is whose."""

import base64
import io
import json
import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from bench import blind_pairs, journal
from bench.blind_pairs import SIDE
from tests.codec.pictures import crop, save


@pytest.fixture
def images(tmp_path: Path) -> Path:
    """Make two classes of images."""
    for kind, count in (("people", 3), ("things", 1)):
        (tmp_path / kind).mkdir()
        for number in range(count):
            picture = crop("RGB", 240 + number, 230)
            (tmp_path / kind / f"{number}.png").write_bytes(save(picture, "PNG"))
    return tmp_path


def test_images_of_a_class_are_spread(images: Path) -> None:
    """A limit picks images of each class at even distances; without one there are all."""
    assert [journal.name(path) for path in journal.spread(images, 2)] == [
        "people/0.png", "people/1.png", "things/0.png",
    ]  # fmt: skip
    assert len(journal.spread(images, None)) == 4


def test_the_place_is_where_both_differ_most() -> None:
    """A difference in a corner is within the piece."""
    one = np.zeros((400, 500, 3), np.uint8)
    other = one.copy()
    other[390:, 490:] = 200
    other[:5, :5] = 10
    assert blind_pairs.most_different(one, other) == (400 - SIDE, 500 - SIDE)
    assert blind_pairs.most_different(one[:90, :80], other[:90, :80]) == (0, 0)


@pytest.mark.parametrize("swapped", [False, True])
def test_sides_are_those_of_their_restorers(images: Path, swapped: bool) -> None:
    """The label of a side is that of the restorer whose pixels it shows."""
    path = images / "people" / "0.png"
    names = ("bicubic", "lanczos")
    found = blind_pairs.pair(path, names, 2, 40, swapped=swapped)
    assert found.sides == (names[::-1] if swapped else names)
    straight = blind_pairs.pair(path, names, 2, 40, swapped=False)
    expected = (straight.right, straight.left) if swapped else (straight.left, straight.right)
    np.testing.assert_array_equal(np.stack([found.left, found.right]), np.stack(expected))


def test_pages_hold_all_pairs(images: Path, tmp_path: Path) -> None:
    """The page has three pieces per pair, of one size, and the key to the sides."""
    out = tmp_path / "page.html"
    words = [str(images), "--out", str(out), "--restorer", "bicubic", "lanczos", "--limit", "1"]
    assert blind_pairs.main(words) == 0
    text = out.read_text("utf-8")
    pieces = re.findall(r'src="data:image/png;base64,([^"]+)"', text)
    sizes = [Image.open(io.BytesIO(base64.b64decode(piece))).size for piece in pieces]
    assert sizes == 6 * [(SIDE, SIDE)]
    (key,) = re.findall(r'atob\("([^"]+)"\)', text)
    sides = json.loads(base64.b64decode(key))
    assert [sorted(each) for each in sides] == 2 * [["bicubic", "lanczos"]]
    assert "bicubic" not in text
