"""Tests of decoding untrusted files."""

import io

import numpy as np
import pytest
from PIL import Image

from slimgate.codec.containers import parse
from slimgate.codec.image import pixels
from tests.codec.pictures import crop, noise, save

_SIZE = {"width": 37, "height": 29}
_LOSSLESS: list[tuple[str, str, dict[str, bool]]] = [
    ("PNG", "L", {}),
    ("PNG", "RGB", {}),
    ("PNG", "RGBA", {}),
] + [("WEBP", mode, {"lossless": True, "exact": True}) for mode in ("RGB", "RGBA")]


@pytest.mark.parametrize(("format_", "mode", "parameters"), _LOSSLESS)
def test_lossless_files_give_their_pixels(
    format_: str, mode: str, parameters: dict[str, bool]
) -> None:
    """Losslessly saved pixels decode to the same array, by name and by container."""
    expected = crop(mode, 37, 29)
    data = save(expected, format_, **parameters)
    actual = pixels.decode(data, format_=format_, mode=mode, **_SIZE)
    assert actual.dtype == np.uint8
    np.testing.assert_array_equal(expected, actual)
    np.testing.assert_array_equal(expected, pixels.decode_as(parse(data), data))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"mode": "L"}, "not as L 37x29"),
        ({"mode": "RGBA"}, "not as RGBA 37x29"),
        ({"width": 38}, "not as RGB 38x29"),
        ({"height": 28}, "not as RGB 37x28"),
        ({"width": 29, "height": 37}, "not as RGB 29x37"),
    ],
)
def test_other_headers_than_expected_are_refused(
    changes: dict[str, str | int], message: str
) -> None:
    """A file of another mode or size than expected is not decoded."""
    data = save(crop("RGB", 37, 29), "PNG")
    expected = {"format_": "PNG", "mode": "RGB", **_SIZE, **changes}
    with pytest.raises(pixels.Undecodable, match=message):
        pixels.decode(data, **expected)  # type: ignore[arg-type]  # the table mixes types


def test_no_other_decoder_is_tried() -> None:
    """A PNG file is not decoded as JPEG, although Pillow could."""
    data = save(crop("RGB", 37, 29), "PNG")
    with pytest.raises(OSError, match="cannot identify"):
        pixels.decode(data, format_="JPEG", mode="RGB", **_SIZE)


def test_animations_are_refused() -> None:
    """A file of more than one frame is not decoded."""
    frames = [Image.fromarray(noise(29, 37, 3, seed=seed)) for seed in (1, 2)]
    target = io.BytesIO()
    frames[0].save(target, "WEBP", save_all=True, append_images=frames[1:])
    with pytest.raises(pixels.Undecodable, match="more than one frame"):
        pixels.decode(target.getvalue(), format_="WEBP", mode="RGB", **_SIZE)


def test_pillows_own_limit_is_lifted_and_put_back(monkeypatch: pytest.MonkeyPatch) -> None:
    """Images above Pillow's global limit are decoded, and the limit of others is left alone."""
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 10)
    expected = crop("RGB", 37, 29)
    actual = pixels.decode(save(expected, "PNG"), format_="PNG", mode="RGB", **_SIZE)
    np.testing.assert_array_equal(expected, actual)
    with pytest.raises(OSError, match="cannot identify"):
        pixels.decode(b"no image", format_="PNG", mode="RGB", **_SIZE)
    assert Image.MAX_IMAGE_PIXELS == 10


@pytest.mark.parametrize("format_", ["JPEG", "PNG", "WEBP"])
def test_truncated_files_raise_what_is_documented(format_: str) -> None:
    """Wherever a file ends too early, nothing but the documented errors is raised."""
    data = save(crop("RGB", 37, 29), format_)
    for end in range(0, len(data) * 9 // 10, 7):
        with pytest.raises((OSError, ValueError, SyntaxError)):
            pixels.decode(data[:end], format_=format_, mode="RGB", **_SIZE)


@pytest.mark.parametrize(
    "error", [EOFError("x"), KeyError("x"), IndexError("x"), RuntimeError("x"), TypeError("x")]
)
def test_foreign_errors_become_undecodable(error: Exception) -> None:
    """Undocumented exceptions of decoders are translated to Undecodable."""
    with (
        pytest.raises(pixels.Undecodable, match="damaged"),
        pixels.opened(save(crop("L", 20, 20), "PNG"), "PNG"),
    ):
        raise error
