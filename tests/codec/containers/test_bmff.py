import io

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from slimgate.codec.containers import Malformed, bmff
from tests.codec.containers.samples import SIZE, picture, save

_AVIF = save("RGB", "AVIF", quality=60, speed=10)
_FTYP = b"\0\0\0\x10ftypavif\0\0\0\0"


@settings(max_examples=30, deadline=None, derandomize=True, database=None)
@given(payload=st.binary(max_size=3000))
def test_payloads_travel_in_a_file_that_still_opens(payload: bytes) -> None:
    """The payload is extracted unchanged, and Pillow decodes the same picture."""
    carrier = bmff.attach(_AVIF, payload)
    assert payload == bmff.extract(carrier)
    with Image.open(io.BytesIO(carrier)) as image, Image.open(io.BytesIO(_AVIF)) as bare:
        assert (SIZE, bare.tobytes()) == (image.size, image.tobytes())


def test_a_file_without_payload_has_none() -> None:
    """A plain AVIF file carries nothing, nor does one with a foreign uuid box."""
    assert bmff.extract(_AVIF) is None
    assert bmff.extract(_AVIF + b"\0\0\0\x18uuid" + bytes(16)) is None
    assert bmff.extract(b"") is None


@pytest.mark.parametrize(
    "box",
    [
        pytest.param((27).to_bytes(4, "big") + b"uuid" + bmff.BOX_ID + b"abc", id="32 bits"),
        pytest.param(
            b"\0\0\0\1uuid" + (35).to_bytes(8, "big") + bmff.BOX_ID + b"abc", id="64 bits"
        ),
        pytest.param(b"\0\0\0\0uuid" + bmff.BOX_ID + b"abc", id="to the end"),
    ],
)
def test_all_forms_of_size_are_read(box: bytes) -> None:
    """The three ways to encode a box size yield the same payload."""
    assert bmff.extract(_FTYP + box) == b"abc"


@pytest.mark.parametrize(
    "data",
    [
        b"\0",
        b"\0\0\0\7free",
        b"\0\0\0\x09free",
        b"\0\0\0\1free",
        b"\0\0\0\1free\0\0\0\0\0\0\0\x0f",
        b"\0\0\0\1free\xff\xff\xff\xff\xff\xff\xff\xff",
        b"\0\0\0\x08free" * 1025,
        bmff.attach(_FTYP, b"a") + bmff.attach(_FTYP, b"b"),
        _FTYP + b"\0\0\0\0uuid" + bmff.BOX_ID + bytes(bmff.MAX_PAYLOAD + 1),
    ],
)
def test_damaged_files_are_malformed(data: bytes) -> None:
    """Sizes that do not fit, too many boxes, two payloads or one too long are refused."""
    with pytest.raises(Malformed):
        bmff.extract(data)


@pytest.mark.parametrize(
    ("avif", "payload"),
    [
        (b"", b""),
        (b"\0\0\0\x08free", b""),
        (_FTYP + b"\0\0\0\0mdat", b""),
        (bmff.attach(_FTYP, b""), b""),
        (_FTYP, bytes(bmff.MAX_PAYLOAD + 1)),
    ],
)
def test_nothing_is_attached_where_it_would_be_lost(avif: bytes, payload: bytes) -> None:
    """A file that is no AVIF, has an open end or a payload already is refused."""
    with pytest.raises(Malformed):
        bmff.attach(avif, payload)


def test_truncated_carriers_are_never_misread() -> None:
    """A carrier cut anywhere raises Malformed or carries nothing."""
    carrier = bmff.attach(_AVIF, b"payload")
    for size in range(len(carrier)):
        try:
            found = bmff.extract(carrier[:size])
        except Malformed:
            continue
        assert found is None


def test_a_picture_with_alpha_still_opens() -> None:
    """A second picture item in the file does not disturb the box."""
    target = io.BytesIO()
    picture("RGBA").save(target, "AVIF", quality=60, speed=10)
    with Image.open(io.BytesIO(bmff.attach(target.getvalue(), b"x"))) as image:
        image.load()
        assert image.mode == "RGBA"
