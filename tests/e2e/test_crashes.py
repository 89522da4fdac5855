"""Ends in the middle of work, at a few moments of each kind; ``tests.crashes`` tries many."""

import subprocess
import sys
from collections.abc import Iterator

import pytest

from tests.crashes.moments import MOMENTS
from tests.crashes.stage import Stage, stage
from tests.servers.redis import missing
from tests.servers.server import S3Server

pytestmark = pytest.mark.crash


@pytest.fixture(scope="module")
def scene(moto: S3Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """Set up what moments are tried on."""
    with stage(moto, tmp_path_factory.mktemp("crashes")) as made:
        yield made


@pytest.mark.parametrize(
    ("name", "share"),
    [
        ("optimize killed", 0.8),
        ("drain killed", 0.7),
        ("optimize without worker", 0.4),
        ("optimize cut off", 0.6),
        ("drain without worker", 0.5),
        ("drain cut off", 0.6),
        ("PUT cut off", 0.5),
        ("PUT cut off", 0.95),
        ("PUT cut off", 1.0),
        ("PUT, gateway killed", 0.9),
        ("PUT without worker", 0.0),
    ],
)
def test_each_object_is_old_or_new(scene: Stage, name: str, share: float) -> None:
    """Whatever is ended in the middle, each object is as it was or completely new, and readable."""
    MOMENTS[name](scene, share)


@pytest.mark.parametrize(
    "queue",
    ["", pytest.param("--redis", marks=pytest.mark.skipif(missing(), reason="no redis-server"))],
)
def test_no_deferred_upload_is_lost(moto: S3Server, queue: str) -> None:
    """A gateway may be killed at every step: what the store has accepted becomes a rendition."""
    words = [sys.executable, "-m", "tests.crashes.queue_steps", moto.endpoint]
    words += filter(None, [queue])
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    told = [line for line in done.stdout.splitlines() if line.endswith("0 lost, 0 altered")]
    assert (done.returncode, len(told)) == (0, 2), done.stdout + done.stderr
