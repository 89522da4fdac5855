"""Exact renditions of photographs from real cameras, where those are at hand."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from slimgate.codec.containers import jpeg_size
from slimgate.codec.restore import exact

_VARIABLE: Final = "SLIMGATE_PHOTOGRAPHS"
_BESIDE: Final = Path(__file__).parents[3] / "../shared/data/eval/camera_jpeg"


def _photographs() -> Iterator[bytes]:
    folder = Path(os.environ.get(_VARIABLE) or _BESIDE)
    if not folder.is_dir():
        pytest.skip(f"no folder of JPEG files from cameras: set {_VARIABLE}")
    for path in sorted(folder.glob("*.jp*g")):
        yield path.read_bytes()


def test_photographs_of_cameras_return_and_become_smaller() -> None:
    """JPEG files as cameras write them return byte for byte, and 15 % are saved on the whole."""
    before = after = 0
    for data in _photographs():
        stored = exact.transcode(data)
        assert stored is not None
        assert data == exact.restore(stored, size=jpeg_size.read(data), length=len(data))
        before, after = before + len(data), after + len(stored)
    assert after < 0.85 * before
