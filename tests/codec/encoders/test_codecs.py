"""Tests that every codec passes: one table, the same properties."""

import contextlib
import io
from dataclasses import replace
from functools import cache, partial

import numpy as np
import pytest
from PIL import Image, ImageCms

from slimgate.codec.containers import ContainerError, Mode, bmff
from slimgate.codec.encoders import NAMES, Codec, EncoderSettings, avif, by_name, mime_of
from slimgate.codec.image.pixels import Pixels, Undecodable
from slimgate.codec.measures.psnr import psnr
from tests.codec.pictures import crop

_SIZE = {"width": 65, "height": 49}  # odd, as chroma is not
_DOCUMENTED = (OSError, ValueError, SyntaxError)
_MODES: tuple[Mode, ...] = ("L", "RGB", "RGBA")
_KINDS = [
    (name, mode) for name in sorted(NAMES) for mode in _MODES if (name, mode) != ("jpeg", "RGBA")
]
_DESCRIBED = [kind for kind in _KINDS if kind[0] != "jxl"]


def _encode(codec: Codec, pixels: Pixels, quality: int = 80, **parameters: object) -> bytes:
    settings = EncoderSettings(quality=quality, subsampling="4:4:4", speed=9)
    return codec.encode(pixels, replace(settings, **parameters))  # type: ignore[arg-type]  # a table


@cache  # it holds the time when it was made
def _profile() -> bytes:
    return ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


@pytest.mark.parametrize(("name", "mode"), _KINDS)
@pytest.mark.parametrize("subsampling", ["4:4:4", "4:2:2", "4:2:0"])
def test_pixels_survive(name: str, mode: str, subsampling: str) -> None:
    """Every mode and subsampling decodes in the same mode, close to the source."""
    codec, pixels = by_name(name), crop(mode, 65, 49)
    decoded = codec.read(_encode(codec, pixels, 95, subsampling=subsampling), mode=mode, **_SIZE)
    assert pixels.shape == decoded.shape
    assert decoded.dtype == np.uint8
    full_chroma = subsampling == "4:4:4" and name != "webp"
    assert psnr(pixels, decoded) > (36 if full_chroma else 26)


@pytest.mark.parametrize("mode", _MODES)
@pytest.mark.parametrize("subsampling", ["4:4:4", "4:2:0"])
def test_avif_decodes_to_the_pixels_of_pillow(mode: str, subsampling: str) -> None:
    """Other pixels than those that earlier versions restored would be another image."""
    pixels = crop(mode, 65, 49)
    data = _encode(by_name("avif"), pixels, subsampling=subsampling, orientation=6)
    with Image.open(io.BytesIO(data)) as image:
        np.testing.assert_array_equal(np.asarray(image), avif.read(data, mode=mode, **_SIZE))


@pytest.mark.parametrize("subsampling", ["4:4:4", "4:2:0"])
def test_the_number_of_threads_does_not_change_an_avif_file(
    subsampling: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is stored of a large image is the same on any machine, and so is what is decoded."""
    pixels = np.tile(crop("RGB", 150, 131), (10, 11, 1))
    encode = partial(_encode, by_name("avif"), pixels, 60, subsampling=subsampling)
    data = encode()
    monkeypatch.setattr(avif, "_THREADS", 2)
    assert encode() == data
    size = {"mode": "RGB", "width": pixels.shape[1], "height": pixels.shape[0]}
    assert np.array_equal(avif.read(data, **size), avif.read(data, **size, threads=3))


@pytest.mark.parametrize("name", sorted(NAMES))
def test_quality_trades_bytes_for_fidelity(name: str) -> None:
    """A higher quality costs bytes and gains fidelity."""
    codec, pixels = by_name(name), crop("RGB", 65, 49)
    files = [_encode(codec, pixels, quality) for quality in (10, 25, 35, 50, 80, 95)]
    sizes = [len(data) for data in files]
    measured = [psnr(pixels, codec.read(data, mode="RGB", **_SIZE)) for data in files]
    assert sorted(set(sizes)) == sizes
    assert sorted(set(measured)) == measured


@pytest.mark.parametrize("name", ["avif", "jxl", "webp"])
def test_opaque_rgba_comes_back_as_rgba(name: str) -> None:
    """An alpha channel that is opaque throughout is there after decoding, stored or not."""
    codec, pixels = by_name(name), crop("RGBA", 65, 49)
    pixels[..., 3] = 255
    decoded = codec.read(_encode(codec, pixels), mode="RGBA", **_SIZE)
    assert pixels.shape == decoded.shape
    assert set(decoded[..., 3].flat) == {255}


@pytest.mark.parametrize("name", ["avif", "webp"])
def test_hidden_colours_survive(name: str) -> None:
    """Colours below a transparent alpha are stored: they are measured, too."""
    codec, pixels = by_name(name), crop("RGBA", 65, 49)
    pixels[..., 3] = 0
    decoded = codec.read(_encode(codec, pixels, 95), mode="RGBA", **_SIZE)
    assert psnr(pixels[..., :3], decoded[..., :3]) > 26


@pytest.mark.parametrize(("name", "mode"), _KINDS)
def test_encoding_is_reproducible(name: str, mode: str) -> None:
    """Equal pixels and parameters yield equal files."""
    codec, pixels = by_name(name), crop(mode, 65, 49)
    assert _encode(codec, pixels) == _encode(codec, pixels.copy())


@pytest.mark.parametrize(("name", "mode"), _DESCRIBED)
def test_profiles_are_embedded(name: str, mode: str) -> None:
    """A colour profile is read back byte for byte, and none is none."""
    codec, pixels = by_name(name), crop(mode, 65, 49)
    assert codec.icc_profile(_encode(codec, pixels, icc=_profile())) == _profile()
    assert codec.icc_profile(_encode(codec, pixels)) is None


@pytest.mark.parametrize("name", ["avif", "jpeg", "webp"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_orientation_leaves_pixels_alone(name: str, orientation: int) -> None:
    """Files carry the orientation for viewers; decoded pixels are not rotated."""
    codec, pixels = by_name(name), crop("RGB", 65, 49)
    data = _encode(codec, pixels, orientation=orientation)
    decoded = codec.read(data, mode="RGB", **_SIZE)
    unturned = codec.read(_encode(codec, pixels), mode="RGB", **_SIZE)
    np.testing.assert_array_equal(unturned, decoded)
    with Image.open(io.BytesIO(data)) as image:
        assert image.getexif().get(0x0112, 1) == orientation


@pytest.mark.parametrize(("icc", "orientation"), [(_profile(), 1), (None, 6)])
def test_what_a_codec_cannot_say_it_does_not_take(icc: bytes | None, orientation: int) -> None:
    """An upload with a profile or an orientation is not stored by a codec that would lose it."""
    able = {
        name
        for name in NAMES
        if by_name(name).takes("RGB", (65, 49), icc=icc, orientation=orientation)
    }
    assert able == {"avif", "jpeg", "webp"}
    with pytest.raises(ValueError, match="use another codec"):
        _encode(by_name("jxl"), crop("RGB", 65, 49), icc=icc, orientation=orientation)


def test_limits_of_codecs() -> None:
    """JPEG takes no alpha, and every codec takes sides as long as its format has."""
    takes = {
        (name, mode, side)
        for name in NAMES
        for mode in _MODES
        for side in (16_383, 16_384, 65_500, 65_535)
        if by_name(name).takes(mode, (16, side), icc=None, orientation=1)
    }
    sides = {"avif": 65_535, "jxl": 65_535, "webp": 16_383, "jpeg": 65_500}
    expected = {
        (name, mode, side)
        for name, mode in _KINDS
        for side in (16_383, 16_384, 65_500, 65_535)
        if side <= sides[name]
    }
    assert takes == expected


@pytest.mark.parametrize("name", sorted(NAMES))
@pytest.mark.parametrize(
    ("stored", "mode", "width", "height"),
    [
        ("RGB", "RGB", 64, 49), ("RGB", "RGB", 65, 50), ("RGB", "RGB", 49, 65),
        ("RGB", "RGBA", 65, 50), ("RGBA", "RGB", 65, 49), ("RGBA", "L", 65, 49), ("L", "L", 65, 48),
    ],
)  # fmt: skip
def test_other_images_than_expected_are_refused(
    name: str, stored: Mode, mode: str, width: int, height: int
) -> None:
    """A rendition of another size or with other channels than the manifest says is refused."""
    codec = by_name(name)
    if not codec.takes(stored, (65, 49), icc=None, orientation=1):
        stored = "L"
    data = _encode(codec, crop(stored, 65, 49))
    expected = 48 if (mode, stored) == ("L", "L") else height
    with pytest.raises((Undecodable, ContainerError)):
        codec.read(data, mode=mode, width=width, height=expected)


@pytest.mark.parametrize("name", sorted(NAMES))
def test_truncated_files_raise_what_is_documented(name: str) -> None:
    """Wherever a rendition ends too early, reading raises one of the documented errors."""
    codec = by_name(name)
    data = codec.attach(_encode(codec, crop("RGB", 65, 49)), b"kept")
    for end in range(0, len(data) - 40, 17):
        with pytest.raises(_DOCUMENTED):
            codec.read(data[:end], mode="RGB", **_SIZE)


def _ask(codec: Codec, data: bytes) -> None:
    """Read a file in every way, through nothing but documented errors; its size is as asked."""
    with contextlib.suppress(*_DOCUMENTED):
        pixels = codec.read(data, mode="RGB", **_SIZE)
        assert pixels.shape == (_SIZE["height"], _SIZE["width"], 3)
    with contextlib.suppress(*_DOCUMENTED):
        codec.icc_profile(data)
    with contextlib.suppress(*_DOCUMENTED):
        codec.extract(data)


@pytest.mark.parametrize("name", sorted(NAMES))
@pytest.mark.parametrize("flipped", [0x01, 0x80, 0xFF])
def test_damaged_files_raise_what_is_documented(name: str, flipped: int) -> None:
    """Whichever byte of a rendition is wrong, no other error than a documented one gets out."""
    codec = by_name(name)
    data = codec.attach(_encode(codec, crop("RGB", 65, 49), 30), b"kept")
    for position in range(0, len(data), 5):
        damaged = bytearray(data)
        damaged[position] ^= flipped
        _ask(codec, bytes(damaged))


@pytest.mark.parametrize(("name", "mode"), _KINDS)
@pytest.mark.parametrize("size", [1, 2, 70_000, 200_001])
def test_payloads_travel_in_the_file(name: str, mode: str, size: int) -> None:
    """A payload is read back byte for byte, and the pixels stay as they were."""
    codec = by_name(name)
    bare = _encode(codec, crop(mode, 65, 49))
    payload = np.random.default_rng(3).bytes(size)
    data = codec.attach(bare, payload)
    assert codec.extract(bare) is None
    assert payload == codec.extract(data)
    pixels = codec.read(data, mode=mode, **_SIZE)
    np.testing.assert_array_equal(codec.read(bare, mode=mode, **_SIZE), pixels)


@pytest.mark.parametrize("name", ["avif", "jpeg", "webp"])
def test_any_viewer_opens_a_file_with_a_payload(name: str) -> None:
    """A file with profile, orientation and payload is one that Pillow opens and shows turned."""
    codec = by_name(name)
    bare = _encode(codec, crop("RGB", 65, 49), icc=_profile(), orientation=6)
    with Image.open(io.BytesIO(codec.attach(bare, bytes(70_000)))) as image:
        assert (codec.mime, (65, 49)) == (Image.MIME[image.format or ""], image.size)
        assert image.getexif()[0x0112] == 6
        image.load()


@pytest.mark.parametrize("name", sorted(NAMES))
def test_one_payload_is_enough(name: str) -> None:
    """A second payload is not attached, nor one that is too long."""
    codec = by_name(name)
    data = codec.attach(_encode(codec, crop("RGB", 65, 49)), b"once")
    with pytest.raises(ContainerError):
        codec.attach(data, b"twice")
    with pytest.raises(ContainerError, match="too long"):
        codec.attach(_encode(codec, crop("L", 65, 49)), bytes(bmff.MAX_PAYLOAD + 1))


def test_unknown_codecs_are_told() -> None:
    """A codec that is not known or not installed is a lookup error that says what to do."""
    with pytest.raises(LookupError, match="choose one of avif, jpeg, jxl, webp"):
        by_name("heic")
    assert {mime_of(name) for name in NAMES} == {
        "image/avif",
        "image/jpeg",
        "image/jxl",
        "image/webp",
    }


def test_codecs_that_are_not_installed_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """A codec whose library lacks it is a lookup error, but its media type is still known."""
    monkeypatch.setattr("PIL.features.check", lambda feature: feature != "avif")
    with pytest.raises(LookupError, match="avif is not installed: reinstall pillow"):
        by_name("avif")
    assert mime_of("avif") == "image/avif"


@pytest.mark.parametrize("name", ["avif", "jpeg", "webp"])
def test_large_renditions_are_read(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Pillow's global pixel limit does not keep a rendition or its profile from being read."""
    codec = by_name(name)
    data = _encode(codec, crop("RGB", 65, 49), icc=_profile())
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 10)
    assert codec.read(data, mode="RGB", **_SIZE).shape == (49, 65, 3)
    assert codec.icc_profile(data) == _profile()


@pytest.mark.parametrize("mode", _MODES)
@pytest.mark.parametrize("quality", [0, 60, 99, 100])
def test_avif_is_tuned_for_ssimulacra2(mode: str, quality: int) -> None:
    """The tune has its own encodings, except at quality 100, where libaom refuses it."""
    codec, pixels = by_name("avif"), crop(mode, 160, 160)
    tuned = _encode(codec, pixels, quality, tune="ssimulacra2")
    assert codec.read(tuned, mode=mode, width=160, height=160).shape == pixels.shape
    same = tuned == _encode(codec, pixels, quality, tune="ssim")
    assert same == (quality == 100 or not avif.knows("ssimulacra2"))


def test_encoders_know_their_tunes() -> None:
    """Unknown measures are not taken for known ones."""
    assert avif.knows("ssim")
    assert not avif.knows("butteraugli")
