from collections.abc import Iterator

import pytest

from tests.clients.client import installed
from tests.clients.driver import Driver
from tests.clients.suite import ReadSuite
from tests.servers.server import S3Server

pytestmark = pytest.mark.client


class _Pyarrow(Driver):
    def rename(self, bucket: str, source: str, target: str) -> None:
        """Move, as the library does it."""
        self.do("rename", bucket=bucket, source=source, target=target)


@pytest.fixture(scope="module")
def client(gateway: S3Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Driver]:
    """Run pyarrow, which uploads every file in parts."""
    command = [installed(".venv-clients/bin/python"), "-m", "tests.clients.drivers.with_pyarrow"]
    with _Pyarrow(command, gateway, tmp_path_factory.mktemp("pyarrow")) as driver:
        yield driver


class TestPyarrow(ReadSuite):
    """Arrow's filesystem, on the AWS SDK for C++, works as with S3."""

    def test_tables_come_back(self, client: Driver, photos: str) -> None:
        """A data set that is written and read through the filesystem is the same table."""
        wanted = client.do("write_table", bucket=photos, name="table", rows=100_000)
        assert client.do("table_totals", bucket=photos, name="table") == wanted
