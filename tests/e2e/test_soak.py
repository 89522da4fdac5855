from pathlib import Path

import pytest

from bench.soak import soak
from tests.servers.server import S3Server

pytestmark = pytest.mark.soak


def test_nothing_is_left_behind(moto: S3Server, tmp_path: Path) -> None:
    """After seconds of mixed load, with clients that leave, nothing failed and nothing is held."""
    report = soak(moto, tmp_path, minutes=1 / 6, connections=16)
    assert report.faults == [], report.text
