"""Tests of reading gain maps behind JPEG pictures."""

import pytest

from slimgate.codec.containers import Unsupported, gain_map, jpeg
from tests.codec.containers.jpeg_parts import BARE, XMP_HEAD, segment_of, with_segments
from tests.codec.containers.samples import save
from tests.codec.gain_maps import VALUES, behind, iso, ultra_hdr, xmp

_EXPECTED = ((-0.5,) * 3, (2.5,) * 3, (0.8,) * 3, (1 / 64,) * 3, (0.0,) * 3)


def _found(data: bytes) -> tuple[tuple[float, float, float], ...]:
    found = gain_map.find(data)
    assert found is not None
    return found.lowest, found.highest, found.gamma, found.offset, found.offset_hdr


def test_ultra_hdr() -> None:
    """Attributes of XMP are read, with the defaults of those that lack."""
    assert _found(behind(xmp(VALUES))) == _EXPECTED
    assert _found(behind(xmp({"GainMapMax": "3"})))[::4] == ((0.0,) * 3, (1 / 64,) * 3)


def test_elements_by_channel() -> None:
    """Elements of XMP may hold one value per channel."""
    items = "".join(f"<rdf:li>{value}</rdf:li>" for value in (1, 2, 3))
    element = f"<hdrgm:GainMapMax> <rdf:Seq>{items}</rdf:Seq> </hdrgm:GainMapMax>"
    found = _found(behind(segment_of(0xE1, XMP_HEAD + element.encode())))
    assert found[1] == (1.0, 2.0, 3.0)


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("common", [False, True])
def test_iso(common: bool, channels: int) -> None:
    """Both forms of ISO 21496-1 are read, for one channel and for three."""
    found = _found(behind(iso(common=common, channels=channels)))
    rounded = tuple(tuple(round(value, 1) for value in field) for field in (*found[:3], found[4]))
    assert (*rounded[:3], found[3], rounded[3]) == _EXPECTED


def test_apple() -> None:
    """Apple's map is one of factors; without a headroom, the most is assumed."""
    said = b'xmlns:HDRGainMap="http://ns.apple.com/HDRGainMap/" HDRGainMap:HDRGainMapHeadroom="4"'
    found = gain_map.find(behind(segment_of(0xE1, XMP_HEAD + said)))
    assert found is not None
    assert (found.linear, found.highest) == (True, (2.0, 2.0, 2.0))
    silent = gain_map.find(behind(segment_of(0xE1, XMP_HEAD + said[:51])))
    assert silent is not None
    assert silent.highest == (3.0, 3.0, 3.0)


def test_a_map_behind_other_images_is_found() -> None:
    """Previews, padding and trailers may stand before and after the map."""
    map_ = behind(xmp(VALUES))
    found = gain_map.find(BARE + bytes(9) + b"\xff\xd8\xff?" + map_ + b"SEFT")
    assert found is not None
    assert found.image == map_


@pytest.mark.parametrize("data", [b"", b"SEFT", BARE, BARE + b"ftypmp42"])
def test_other_things_are_no_map(data: bytes) -> None:
    """Trailers, videos and previews do not change how a picture is shown."""
    assert gain_map.find(data) is None


def test_a_map_that_was_only_announced_is_none() -> None:
    """A file whose map was lost is an ordinary one."""
    announced = with_segments(xmp({"Version": "1.0"}), segment_of(0xE2, b"urn:iso:std:iso:ts:"))
    assert jpeg.parse(announced).gain_map is None


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(behind(xmp({"GainMapMin": "0"})), id="no maximum"),
        pytest.param(behind(xmp({"GainMapMax": "two"})), id="no number"),
        pytest.param(behind(xmp({"GainMapMax": "nan"})), id="not a number"),
        pytest.param(behind(xmp({"GainMapMax": "99"})), id="too bright"),
        pytest.param(behind(xmp(VALUES | {"Gamma": "0"})), id="gamma 0"),
        pytest.param(behind(xmp(VALUES | {"BaseRenditionIsHDR": "True"})), id="hdr base"),
        pytest.param(behind(iso(common=True, flags=4)), id="iso hdr base"),
        pytest.param(behind(iso(common=True)[:60]), id="iso cut"),
        pytest.param(b"hdrgm:", id="no image"),
        pytest.param(behind(xmp(VALUES))[:-9], id="cut"),
    ],
)
def test_maps_that_cannot_be_read_are_refused(data: bytes) -> None:
    """What a reader might show is unknown, so only the same bytes are safe."""
    with pytest.raises(Unsupported, match="gain map"):
        jpeg.parse(BARE + data)


def test_gray_pictures_have_none() -> None:
    """A gain map of a gray picture is refused."""
    with pytest.raises(Unsupported, match="gain map of a gray picture"):
        jpeg.parse(save("L", "JPEG") + behind(xmp(VALUES)))


def test_files_with_a_map_are_parsed() -> None:
    """The map belongs to the picture, and to what is kept."""
    found = jpeg.parse(ultra_hdr())
    assert found.gain_map is not None
    assert found.metadata.endswith(found.gain_map.image)


def test_elements_that_never_end_take_linear_time() -> None:
    """A property that begins again and again and never ends is not there."""
    many = b"<hdrgm:GainMapMax>" * 60_000
    parts = [many[at : at + 60_000] for at in range(0, len(many), 60_000)]
    data = behind(*(segment_of(0xE1, XMP_HEAD + part) for part in parts))
    with pytest.raises(Unsupported):
        gain_map.find(data)
