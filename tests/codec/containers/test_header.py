import random
import zlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from slimgate.codec.containers import Malformed, Unsupported, header
from tests.codec.containers.samples import icc

_settings = settings(max_examples=60, deadline=None, derandomize=True, database=None)
_BLOB = header.pack(b"segments " * 20, None)


@_settings
@given(metadata=st.binary(max_size=4000), repeat=st.integers(1, 20), profile=st.booleans())
def test_kept_segments_come_back(metadata: bytes, repeat: int, profile: bool) -> None:
    """Unpacking with the same profile restores the segments, and packing is deterministic."""
    shared = icc() if profile else None
    payload = header.pack(metadata * repeat, shared)
    assert metadata * repeat == header.unpack(payload, shared)
    assert payload == header.pack(metadata * repeat, shared)


@_settings
@given(data=st.binary(max_size=300))
def test_any_bytes_are_unpacked_or_malformed(data: bytes) -> None:
    """Arbitrary bytes behind a valid prefix are segments or Malformed, and nothing else."""
    for prefix in (b"", b"\1\0", b"\1\1", b"\1\1\0\0\0\0", b"\1\2\0\0\0\0"):
        try:
            found = header.unpack(prefix + data, icc())
        except Malformed:
            continue
        assert header.unpack(header.pack(found, icc()), icc()) == found


def test_a_profile_in_the_segments_costs_next_to_nothing() -> None:
    """The rendition's own profile serves as dictionary for the same profile among the segments."""
    metadata = b"\xff\xe2\2\0ICC_PROFILE\0\1\1" + icc()
    assert len(header.pack(metadata, icc())) < 60 < len(header.pack(metadata, None))


def test_only_the_last_32_kib_of_a_profile_count() -> None:
    """A profile longer than the window works, with its end as dictionary."""
    profile = random.Random(5).randbytes(70_000)
    payload = header.pack(profile[-30_000:], profile)
    assert len(payload) < 500
    assert profile[-30_000:] == header.unpack(payload, profile)


def test_incompressible_segments_are_stored() -> None:
    """Noise grows by no more than the prefix."""
    noise = random.Random(3).randbytes(2000)
    assert len(noise) + 6 == len(header.pack(noise, None))


def test_nothing_is_packed_as_nothing() -> None:
    """No kept segments are an empty blob, which is unpacked to no segments."""
    assert header.pack(b"", icc()) == b""
    assert header.unpack(b"", None) == b""


@pytest.mark.parametrize(
    "payload",
    [
        _BLOB[:5],
        b"\2" + _BLOB[1:],
        b"\1\2" + _BLOB[2:],
        b"\1\3" + _BLOB[2:],
        _BLOB[:-1],
        _BLOB + b"\0",
        _BLOB[:2] + b"\0\0\0\0" + _BLOB[6:],
        b"\1\0\0\0\0\0stored",
    ],
)
def test_damaged_blobs_are_malformed(payload: bytes) -> None:
    """Another version, method, length or checksum is noticed."""
    with pytest.raises(Malformed):
        header.unpack(payload, None)


def test_another_profile_is_noticed() -> None:
    """A blob that needs the profile cannot be unpacked without it."""
    payload = header.pack(icc(), icc())
    with pytest.raises(Malformed):
        header.unpack(payload, None)


def test_limits_hold() -> None:
    """No more is packed than allowed, and a bomb is not inflated."""
    most = bytes(header.MAX_KEPT)
    assert header.unpack(header.pack(most, None), None) == most
    with pytest.raises(Unsupported, match="too much metadata"):
        header.pack(most + b"\0", None)
    bomb = zlib.compress(most + b"\0", 9, -15)
    with pytest.raises(Malformed, match="more kept segments than allowed"):
        header.unpack(b"\1\1" + bytes(4) + bomb, None)
    with pytest.raises(Malformed, match="more kept segments than allowed"):
        header.unpack(header.pack(b"12345", None), None, max_bytes=4)
    with pytest.raises(Malformed, match="more kept segments than allowed"):
        header.unpack(header.pack(b"12345" * 2000, None), None, max_bytes=9999)


def test_what_repeats_over_long_distances_is_packed_small() -> None:
    """Memory that cameras leave behind an image repeats beyond the window of Deflate."""
    noise = random.Random(4).randbytes(70_000)
    payload = header.pack(noise + bytes(10_000) + noise, None)
    assert payload[1] == 2
    assert len(payload) < 72_000
    assert header.unpack(payload, None) == noise + bytes(10_000) + noise
    with pytest.raises(Malformed):
        header.unpack(payload[:-9], None)
