"""Tests of the served file: of the format of the upload, and exactly of its size."""

import io
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image, ImageFile

from slimgate.codec.containers import Container, DoesNotFit, parse
from slimgate.codec.image.pixels import Pixels, decode_as
from slimgate.codec.manifest import Output
from slimgate.codec.restore import jpeg_file, output, png_file
from tests.codec.pictures import crop, noise, save, worsened

_KINDS = [
    ("JPEG", "L", {}),
    ("JPEG", "RGB", {"subsampling": "4:4:4"}),
    ("JPEG", "RGB", {"subsampling": "4:2:0", "progressive": True}),
    ("PNG", "L", {}),
    ("PNG", "RGB", {}),
    ("PNG", "RGBA", {}),
    ("WEBP", "RGB", {}),
    ("WEBP", "RGBA", {}),
]
_LOSSY = [kind for kind in _KINDS if kind[0] != "PNG"]


def _upload(format_: str, pixels: Pixels, **parameters: object) -> Container:
    return parse(save(pixels, format_, **parameters))


def _encoded(pixels: Pixels, parameters: Output, metadata: bytes, size: int) -> bytes | None:
    try:
        return output.encode(pixels, parameters, metadata=metadata, size=size)
    except DoesNotFit:
        return None


def _best_of_all(pixels: Pixels, found: Output, metadata: bytes, size: int) -> int:
    """Try every quality from best to worst, and return the first that fits."""
    for quality in output._QUALITIES:
        if (
            _encoded(pixels, found.model_copy(update={"quality": quality}), metadata, size)
            is not None
        ):
            return quality
    raise AssertionError("nothing fits")


@pytest.mark.parametrize(("format_", "mode", "parameters"), _KINDS)
@pytest.mark.parametrize("more", [0, 40, 100_000])
def test_files_are_exactly_as_long_as_the_upload(
    format_: str, mode: str, parameters: dict[str, object], more: int
) -> None:
    """In every format, the served file has the required size and looks like the upload."""
    pixels = crop(mode, 61, 47)
    upload = _upload(format_, pixels, **parameters)
    size = len(save(pixels, format_, quality=97, compress_level=6, **parameters)) + more
    found, data = output.fit(pixels, upload, size)
    assert size == len(data)
    assert data == output.encode(pixels, found, metadata=upload.metadata, size=size)
    served = parse(data)
    same = (upload.format, upload.mode, upload.subsampling, upload.progressive)
    assert same == (served.format, served.mode, served.subsampling, served.progressive)


@pytest.mark.parametrize(("format_", "mode", "parameters"), _LOSSY)
@pytest.mark.parametrize("share", [0.25, 0.5, 0.75, 0.9])
def test_the_best_quality_that_fits_is_found(
    format_: str, mode: str, parameters: dict[str, object], share: float
) -> None:
    """The search finds the quality that a scan of all of them finds."""
    pixels = crop(mode, 90, 70)
    upload = _upload(format_, pixels, **parameters)
    worst, best = (len(save(pixels, format_, quality=q, **parameters)) for q in (50, 98))
    size = int(worst + (best - worst) * share) // 2 * 2  # WebP files have even lengths
    found, data = output.fit(pixels, upload, size)
    assert size == len(data)
    assert _best_of_all(pixels, found, upload.metadata, size) == found.quality
    assert data == output.encode(pixels, found, metadata=upload.metadata, size=size)


@pytest.mark.parametrize(("format_", "mode", "parameters"), _KINDS)
def test_what_cannot_fit_is_an_error(
    format_: str, mode: str, parameters: dict[str, object]
) -> None:
    """A size that not even the worst parameters reach is refused."""
    pixels = crop(mode, 61, 47)
    with pytest.raises(DoesNotFit):
        output.fit(pixels, _upload(format_, pixels, **parameters), 200)


@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA"])
def test_png_keeps_pixels(mode: str) -> None:
    """A served PNG file has exactly the restored pixels, at the first level that fits."""
    pixels = crop(mode, 61, 47)
    upload = _upload("PNG", pixels)
    found, data = output.fit(pixels, upload, 20_000)
    assert found.quality == min(output._PNG_LEVELS)
    np.testing.assert_array_equal(pixels, decode_as(upload, data))


def test_png_is_compressed_harder_when_it_must_be() -> None:
    """Where the first level leaves a gap that cannot be padded, the next one is taken."""
    pixels = crop("RGB", 200, 150)
    upload = _upload("PNG", pixels)
    size = len(save(pixels, "PNG", compress_level=6)) + 5
    found, data = output.fit(pixels, upload, size)
    assert (found.quality, len(data)) == (10, size)


@pytest.mark.parametrize("step", [2, 3, 8])
def test_colours_of_a_png_are_rounded_when_nothing_else_makes_it_fit(step: int) -> None:
    """The finest step is taken that fits; black, white and alpha stay as they are."""
    pixels = crop("RGBA", 200, 150).copy()
    pixels[:8, :8] = 0
    pixels[:8, 8:16] = 255
    upload = _upload("PNG", pixels)
    size = len(png_file.write(pixels, _png(10, step, "RGBA"), 0)) + 20
    found, data = output.fit(pixels, upload, size)
    shown = decode_as(upload, data).astype(int)
    assert (found.step, len(data)) == (step, size)
    assert np.abs(shown - pixels).max() == step // 2
    np.testing.assert_array_equal(pixels[:8, :16], shown[:8, :16])
    np.testing.assert_array_equal(pixels[..., 3], shown[..., 3])
    assert data == output.encode(pixels, found, metadata=upload.metadata, size=size)


@pytest.mark.parametrize("progressive", [False, True])
@pytest.mark.parametrize("share", [1.1, 1.6, 2.2])
def test_noise_needs_more_room_than_pillow_gives(
    progressive: bool, share: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Pixels that need more bytes than Pillow expects are written with enough room."""
    pixels = noise(290, 310, 3)
    upload = _upload("JPEG", noise(16, 16, 3), subsampling="4:4:4", progressive=progressive)
    size = int(290 * 310 * share)
    room = ImageFile.MAXBLOCK
    actual = output.fit(pixels, upload, size)
    assert room == ImageFile.MAXBLOCK
    monkeypatch.setattr(ImageFile, "MAXBLOCK", 4 * pixels.size)
    assert output.fit(pixels, upload, size) == actual


@pytest.mark.parametrize(("mode", "subsampling"), [("L", None), ("RGB", "4:4:4"), ("RGB", "4:2:0")])
def test_a_jpeg_is_written_in_one_pass_where_that_fits(mode: str, subsampling: str | None) -> None:
    """Standard tables take the place of optimal ones if there is room; the pixels are the same."""
    pixels = crop(mode, 90, 70)
    parameters = {} if subsampling is None else {"subsampling": subsampling}
    upload = _upload("JPEG", pixels, **parameters)
    quick, optimal = (
        len(save(pixels, "JPEG", quality=98, optimize=each, **parameters)) for each in (False, True)
    )
    tight, data = output.fit(pixels, upload, (quick + optimal) // 2)
    roomy, other = output.fit(pixels, upload, quick + 200)
    assert (tight.huffman, roomy.huffman) == ("optimal", "standard")
    assert tight.quality == roomy.quality == 98
    np.testing.assert_array_equal(decode_as(upload, data), decode_as(upload, other))


@pytest.mark.parametrize("huffman", ["optimal", "standard"])
@pytest.mark.parametrize(("mode", "subsampling"), [("L", None), ("RGB", "4:2:0")])
def test_a_jpeg_has_the_bytes_that_pillow_writes(
    mode: str, subsampling: str | None, huffman: str
) -> None:
    """Sequential files are those of Pillow, which wrote them for earlier versions."""
    pixels = crop(mode, 61, 47)
    found = _jpeg(mode, subsampling, huffman)
    parameters = {} if subsampling is None else {"subsampling": subsampling}
    wanted = save(pixels, "JPEG", quality=90, optimize=huffman == "optimal", **parameters)
    assert jpeg_file.write(pixels, found, 0) == wanted


@pytest.mark.parametrize(("given", "written"), [(None, "4:4:4"), ("4:2:2", "4:2:2")])
def test_rare_chroma_layouts_get_full_chroma(given: str | None, written: str) -> None:
    """A layout that cannot be written is replaced by full chroma, the others are kept."""
    pixels = crop("RGB", 61, 47)
    upload = replace(_upload("JPEG", pixels), subsampling=given)
    found, data = output.fit(pixels, upload, 20_000)
    assert parse(data).subsampling == found.subsampling == written


def _jpeg(mode: str, subsampling: str | None, huffman: str) -> Output:
    return Output.model_validate(
        {
            "format": "JPEG",
            "mode": mode,
            "quality": 90,
            "subsampling": subsampling,
            "progressive": False,
            "huffman": huffman,
        }
    )


def test_hidden_colours_of_webp_are_kept() -> None:
    """Colours below a transparent alpha are written, because they are measured, too."""
    pixels = crop("RGBA", 64, 64)
    pixels[..., 3] = 0
    upload = _upload("WEBP", pixels, lossless=True, exact=True)
    _, data = output.fit(pixels, upload, 30_000)
    error = decode_as(upload, data)[..., :3].astype(int) - pixels[..., :3]
    assert np.abs(error).mean() < 8


@pytest.mark.parametrize(
    ("format_", "mode", "quality"),
    [("PNG", "RGB", 11), ("PNG", "RGB", 100), ("JPEG", "RGBA", 90)],
)
def test_impossible_parameters_raise_what_is_documented(
    format_: str, mode: str, quality: int
) -> None:
    """Parameters that no encoder accepts raise OSError or ValueError."""
    parameters = Output.model_validate(
        {
            "format": format_,
            "mode": mode,
            "quality": quality,
            "subsampling": None,
            "progressive": False,
        }
    )
    with pytest.raises((OSError, ValueError)):
        output.encode(crop(mode, 20, 20), parameters, metadata=b"", size=10_000)


def test_a_smooth_drawing_is_rounded_before_it_is_flattened() -> None:
    """Where rounding changes less than snapping to common colours, a PNG file is rounded."""
    ramp = np.tile(np.linspace(40, 90, 400).astype(np.uint8), (300, 1))
    pixels = np.dstack([ramp, ramp, ramp])
    pixels[:, :120] = 200
    pixels = worsened(pixels, 1)
    upload = _upload("PNG", pixels)
    found, data = output.fit(pixels, upload, round(0.5 * len(save(pixels, "PNG"))))
    assert (found.step > 1, found.near) == (True, 0)
    assert data == output.encode(pixels, found, metadata=upload.metadata, size=len(data))


def test_a_flat_drawing_returns_to_its_colours() -> None:
    """Where snapping to common colours changes less than rounding, a PNG file is flattened."""
    clean = np.full((300, 400, 3), 201, np.uint8)
    clean[100:200, 100:300] = (31, 77, 143)
    pixels = worsened(clean, 1)
    found, data = output.fit(pixels, _upload("PNG", clean), 4_000)
    assert found.near > 0
    shown = decode_as(_upload("PNG", clean), data)
    assert len(np.unique(shown.reshape(-1, 3), axis=0)) == 2


def test_a_drawing_that_cannot_fit_is_an_error() -> None:
    """Neither rounding nor flattening makes a drawing fit into almost nothing."""
    pixels = np.full((300, 400, 3), 201, np.uint8)
    pixels[100:] = worsened(pixels[100:], 60)
    with pytest.raises(DoesNotFit):
        output.fit(pixels, _upload("PNG", pixels), 3_000)


@pytest.mark.parametrize("step", [1, 3, 5])
def test_png_filters_of_our_own_return_the_rounded_pixels(step: int) -> None:
    """Level 10 has the same pixels as any other; steps of 3 and 5 keep black and white."""
    pixels = crop("RGB", 61, 47)
    shown = [
        decode_as(_upload("PNG", pixels), png_file.write(pixels, _png(level, step), 0))
        for level in (9, 10)
    ]
    np.testing.assert_array_equal(shown[0], shown[1])
    assert np.abs(shown[0].astype(int) - pixels).max() <= step // 2


def _png(level: int, step: int, mode: str = "RGB") -> Output:
    return Output.model_validate(
        {"format": "PNG", "mode": mode, "quality": level, "subsampling": None,
         "progressive": False, "step": step, "near": 0}
    )  # fmt: skip


@pytest.mark.parametrize("progressive", [False, True])
def test_dimensions_are_in_the_first_bytes(progressive: bool) -> None:
    """Readers of the first 4 KiB of a padded JPEG file find its size and its comment."""
    pixels = noise(300, 400, 3)
    upload = _upload("JPEG", pixels, quality=100, progressive=progressive, comment=b"kept")
    size = 3 * pixels.size
    served = output.fit(np.zeros_like(pixels), upload, size)[1]
    assert len(served) == size
    with Image.open(io.BytesIO(served[:4096])) as image:
        assert (image.size, image.info["comment"]) == ((400, 300), b"kept")
