import pickle

import pytest

from slimgate.codec.containers import DoesNotFit, Unsupported, parse, sniff
from tests.codec.containers.samples import files

_MIMES = {"JPEG": "image/jpeg", "PNG": "image/png", "WEBP": "image/webp"}


@pytest.mark.parametrize("name", sorted(files()))
def test_types_are_told_by_magic_bytes(name: str) -> None:
    """The first bytes determine the type of a file."""
    format_, _, data = files()[name]
    assert _MIMES[format_] == sniff(data[:32])
    assert _MIMES[format_] == parse(data).mime


@pytest.mark.parametrize(
    "head",
    [
        b"",
        b"\xff\xd8",
        b"\x89PNG",
        b"RIFF\0\0\0\0WEB",
        b"RIFF\0\0\0\0WAVE",
        b"GIF88a",
        b"BM" + bytes(40),
        b"P8\n",
        b"x\xff\xd8\xff\xe0",
        bytes(40) + b"\xff\xd8\xff",
    ],
)
def test_other_bytes_have_no_type(head: bytes) -> None:
    """Data with other magic bytes has no type."""
    assert sniff(head) is None
    with pytest.raises(Unsupported, match="neither jpeg nor png nor webp"):
        parse(head)


@pytest.mark.parametrize(
    ("name", "traits"),
    [
        ("jpeg bare", (False, "4:2:0", False)),
        ("jpeg 4:4:4", (False, "4:4:4", False)),
        ("jpeg 4:2:2", (False, "4:2:2", False)),
        ("jpeg progressive", (True, "4:2:0", False)),
        ("jpeg gray", (False, None, False)),
        ("jpeg gray progressive", (True, None, False)),
        ("png rgb", (False, None, True)),
        ("webp lossy alpha", (False, None, False)),
        ("webp lossless", (False, None, True)),
        ("webp lossless alpha", (False, None, True)),
    ],
)
def test_traits(name: str, traits: tuple[bool, str | None, bool]) -> None:
    """Progressive, subsampling and lossless are read from the file."""
    found = parse(files()[name][2])
    assert (found.progressive, found.subsampling, found.lossless) == traits


@pytest.mark.parametrize("error", [Unsupported("animation"), DoesNotFit("2 bytes too long")])
def test_errors_travel_between_processes(error: Exception) -> None:
    """The errors of the containers survive pickling with their message."""
    copy = pickle.loads(pickle.dumps(error))  # noqa: S301 - our own bytes
    assert (type(copy), str(copy)) == (type(error), str(error))
