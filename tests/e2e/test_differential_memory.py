"""What passes through is never held."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

import pytest

from tests.e2e.memory_watch import repeated
from tests.servers.clients import s3_client
from tests.servers.gateway import GatewayProcess, configuration
from tests.servers.server import S3Server

_SIZE: Final = 1 << 30
_PIECE: Final = 1 << 20
_LIMIT: Final = 100 << 20
_LOOK_S: Final = 0.02


class _Zeros:
    """A file of zeros that is nowhere."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._at = 0

    def read(self, count: int = -1) -> bytes:
        """Return the next zeros."""
        left = self._size - self._at
        taken = left if count < 0 else min(count, left)
        self._at += taken
        return bytes(taken)

    def seek(self, offset: int, whence: int = 0) -> int:
        """Go somewhere, as with any file."""
        self._at = (0, self._at, self._size)[whence] + offset
        return self._at

    def tell(self) -> int:
        """Return where it is."""
        return self._at


@contextmanager
def _peak(process: GatewayProcess) -> Iterator[list[int]]:
    """Watch the memory of the gateway meanwhile; return its peak, in bytes."""
    peak = [process.rss()[0]]

    def look() -> None:
        peak[0] = max(peak[0], process.rss()[0])

    with repeated(look, _LOOK_S):
        yield peak


@pytest.fixture
def own_process(
    rgw: S3Server, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[GatewayProcess]:
    """Run a gateway that no other test has used."""
    with GatewayProcess(configuration(rgw), tmp_path_factory.mktemp("memory")) as process:
        yield process


def test_a_gigabyte_needs_no_memory(
    rgw: S3Server, own_process: GatewayProcess, capsys: pytest.CaptureFixture[str]
) -> None:
    """An upload and a download of 1 GiB leave the gateway less than 100 MiB larger than idle."""
    gateway = rgw.at(own_process.endpoint)
    options: dict[str, Any] = {
        "request_checksum_calculation": "when_required",
        "s3": {"addressing_style": "path", "payload_signing_enabled": False},
    }
    with s3_client(gateway, **options) as client:
        client.create_bucket(Bucket="gigabytes")
        client.put_object(Bucket="gigabytes", Key="warm", Body=b"x")
        idle = own_process.rss()[0]
        try:
            with _peak(own_process) as put:
                client.put_object(Bucket="gigabytes", Key="k", Body=_Zeros(_SIZE))
            with _peak(own_process) as got:
                body = client.get_object(Bucket="gigabytes", Key="k")["Body"]
                read = sum(map(len, body.iter_chunks(_PIECE)))
        finally:
            client.delete_object(Bucket="gigabytes", Key="k")
    with capsys.disabled():
        grown = [(size - idle) >> 20 for size in (put[0], got[0])]
        sys.stdout.write(
            f"\nidle {idle >> 20} MiB; PUT of 1 GiB: +{grown[0]} MiB, GET: +{grown[1]} MiB\n"
        )
    assert read == _SIZE
    assert max(put[0], got[0]) - idle < _LIMIT
