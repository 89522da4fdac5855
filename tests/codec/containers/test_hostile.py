import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from slimgate.codec.containers import Unsupported, parse
from tests.codec.containers.samples import files

_CORPUS = os.environ.get("SLIMGATE_HOSTILE", "")
_BOUND_S = 1.0


def _outcome(data: bytes) -> str:
    """Parse; any exception other than Unsupported fails the test."""
    try:
        parse(data)
    except Unsupported as error:
        return str(error)
    return "parsed"


def _damaged(data: bytes) -> Iterator[bytes]:
    for position in range(len(data)):
        for value in {0, 0xFF, data[position] ^ 1, data[position] ^ 0x20} - {data[position]}:
            yield data[:position] + bytes([value]) + data[position + 1 :]


@pytest.mark.parametrize("name", sorted(files()))
def test_truncated_files_are_unsupported(name: str) -> None:
    """A file cut anywhere is refused."""
    data = files()[name][2]
    assert "parsed" not in {_outcome(data[:size]) for size in range(len(data))}


@pytest.mark.parametrize("name", sorted(files()))
def test_surplus_bytes_are_kept(name: str) -> None:
    """A file may have anything behind its end."""
    data = files()[name][2]
    surplus = [b"\0", b"\0\0", b"\xff", b"\xff\xd9", data, b"\0" * 16]
    parsed = [more for more in surplus if _outcome(data + more) == "parsed"]
    assert parsed == surplus


@pytest.mark.parametrize("name", sorted(files()))
def test_damaged_bytes_never_raise_anything_else(name: str) -> None:
    """A file with one wrong byte is parsed or refused, and damage is noticed somewhere."""
    outcomes = [_outcome(data) for data in _damaged(files()[name][2])]
    assert len(set(outcomes) - {"parsed"}) >= 3


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"\xff\xd8" + b"\xff" * (8 << 20), id="fill bytes"),
        pytest.param(b"\xff\xd8" + b"\xff\xfe\0\2" * (2 << 20), id="empty comments"),
        pytest.param(b"\xff\xd8\xff\xda\0\2" + b"\xff\0" * (4 << 20), id="stuffed bytes"),
        pytest.param(b"\xff\xd8\xff\xda\0\2" + b"\xff" * (8 << 20), id="fill in a scan"),
        pytest.param(b"\xff\xd8\xff\xda\0\2" + b"\xff\xd0" * (4 << 20), id="restarts"),
        pytest.param(b"\x89PNG\r\n\x1a\n" + bytes(8 << 20), id="png of zeros"),
        pytest.param(
            b"RIFF" + (4 + (8 << 20)).to_bytes(4, "little") + b"WEBP" + b"EXIF\0\0\0\0" * (1 << 20),
            id="empty chunks",
        ),
    ],
)
def test_repetition_is_refused_in_linear_time(data: bytes) -> None:
    """Megabytes of the bytes that cost most are refused at once."""
    started = time.perf_counter()
    assert _outcome(data) != "parsed"
    assert time.perf_counter() - started < _BOUND_S


@pytest.mark.skipif(not Path(_CORPUS or "/nowhere").is_dir(), reason="SLIMGATE_HOSTILE names none")
def test_corpus_of_hostile_files() -> None:
    """Every file of the corpus is parsed or refused, each within a second."""
    slow = []
    for path in sorted(path for path in Path(_CORPUS).rglob("*") if path.is_file()):
        data = path.read_bytes()
        started = time.perf_counter()
        _outcome(data)
        if time.perf_counter() - started > _BOUND_S:
            slow.append(path.name)
    assert slow == []
