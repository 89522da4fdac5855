from pathlib import Path
from urllib.parse import quote, urlencode
from xml.etree import ElementTree as ET

import pytest

from tests.clients import files
from tests.clients.client import REGION, environment, program, run
from tests.clients.suite import ReadSuite
from tests.servers.server import S3Server

pytestmark = pytest.mark.client

_ENTRIES = "{http://s3.amazonaws.com/doc/2006-03-01/}Contents"


class _Curl:
    """What a shell script does with nothing but curl; keys arrive escaped, as curl demands."""

    def __init__(self, server: S3Server, home: Path) -> None:
        self._server = server
        self._env = environment(home)
        self._program = program("curl")
        keys = server.main
        self._options = (
            "--disable", "--silent", "--show-error", "--fail-with-body",
            "--aws-sigv4", f"aws:amz:{REGION}:s3", "--user", f"{keys.access}:{keys.secret}",
            # S3 wants it, and older releases of curl do not add it.
            "--header", "x-amz-content-sha256: UNSIGNED-PAYLOAD",
        )  # fmt: skip

    def put(self, file: Path, bucket: str, key: str) -> None:
        self.do(
            self._url(bucket, key), "--upload-file", f"{file}", "--header", "Content-Type: image/x"
        )

    def get(self, bucket: str, key: str, file: Path) -> None:
        self.do(self._url(bucket, key), "--output", f"{file}")

    def read(self, bucket: str, key: str, start: int, stop: int) -> bytes:
        target = Path(self._env["HOME"]) / "range"
        self.do(self._url(bucket, key), "--range", f"{start}-{stop - 1}", "--output", f"{target}")
        return target.read_bytes()

    def sizes(self, bucket: str) -> dict[str, int]:
        page = ET.fromstring(self.do(self._url(bucket, query={"list-type": "2"})))  # noqa: S314  # ours
        found = ({part.tag.rpartition("}")[2]: part.text or "" for part in entry}
                 for entry in page.iter(_ENTRIES))  # fmt: skip
        return {entry["Key"]: int(entry["Size"]) for entry in found}

    def copy(self, bucket: str, source: str, target: str) -> None:
        self.do(self._url(bucket, target), "--request", "PUT",
                "--header", f"x-amz-copy-source: /{bucket}/{quote(source)}")  # fmt: skip

    def rename(self, bucket: str, source: str, target: str) -> None:
        self.copy(bucket, source, target)
        self.delete(bucket, source)

    def delete(self, bucket: str, key: str) -> None:
        self.do(self._url(bucket, key), "--request", "DELETE")

    def do(self, url: str, *options: str) -> str:
        """Send one request and return the body of the response."""
        return run(self._program, *self._options, *options, url, env=self._env).stdout

    def _url(self, bucket: str, key: str = "", query: dict[str, str] | None = None) -> str:
        tail = f"?{urlencode(query)}" if query else ""
        # curl signs the path as it is given.
        return f"{self._server.endpoint}/{bucket}/{quote(key, safe='-_.~/')}{tail}"


@pytest.fixture(scope="module")
def client(gateway: S3Server, tmp_path_factory: pytest.TempPathFactory) -> _Curl:
    """Return curl."""
    return _Curl(gateway, tmp_path_factory.mktemp("curl"))


class TestCurl(ReadSuite):
    """curl, which can sign, works as with S3."""

    def test_a_bucket_may_stand_in_the_host_name(
        self, client: _Curl, gateway: S3Server, photos: str, tmp_path: Path
    ) -> None:
        """Requests in virtual-host style reach the same object."""
        upload = files.image()
        client.put(files.write(tmp_path / "a.jpg", upload), photos, "a.jpg")
        port = gateway.endpoint.rpartition(":")[2]
        host = f"{photos}.localhost"
        client.do(f"http://{host}:{port}/a.jpg", "--resolve", f"{host}:{port}:127.0.0.1",
                  "--output", f"{tmp_path / 'back'}")  # fmt: skip
        files.assert_restored(upload, (tmp_path / "back").read_bytes())

    def test_a_download_goes_on_where_it_broke_off(
        self, client: _Curl, gateway: S3Server, photos: str, tmp_path: Path
    ) -> None:
        """The rest of a file that was fetched in part fits to its beginning."""
        client.put(files.write(tmp_path / "a.jpg", files.image()), photos, "a.jpg")
        client.get(photos, "a.jpg", tmp_path / "whole")
        whole = (tmp_path / "whole").read_bytes()
        part = files.write(tmp_path / "part", whole[:1234])
        client.do(f"{gateway.endpoint}/{photos}/a.jpg", "--continue-at", "-", "--output", f"{part}")
        assert whole == part.read_bytes()
