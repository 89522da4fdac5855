"""Tests of downloading weights, from a real server that behaves badly."""

import dataclasses
import hashlib
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from slimgate.models.registry.catalog import CATALOG, Download
from slimgate.models.registry.fetch import FetchFailed, RetryLimits, cache_folder, fetch, find
from slimgate.models.registry.transfer import Refused, check
from tests.servers.files import FileServer, file_server

_BODY = bytes(range(256)) * 40
_EAGER = RetryLimits(timeout_s=5, total_s=30, attempts=3, pause_s=0)


@pytest.fixture
def server() -> Iterator[FileServer]:
    """Run a server of one file."""
    with file_server(_BODY) as running:
        yield running


def _download(server: FileServer) -> Download:
    return Download(server.url, hashlib.sha256(_BODY).hexdigest(), len(_BODY))


def _names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir() if not path.name.startswith(".")}


def test_a_file_arrives_whole_and_once(server: FileServer, tmp_path: Path) -> None:
    """A fetched file has its name and content, and is not asked for again."""
    told: list[int] = []
    folder = tmp_path / "new" / "cache"
    path = fetch(_download(server), folder, patience=_EAGER, report=told.append)
    assert folder / "weights.pth" == path
    assert path.read_bytes() == _BODY
    assert told[-1] == len(_BODY)
    assert sorted(told) == told
    assert path == fetch(_download(server), folder, patience=_EAGER)
    assert server.asked == [None]
    assert _names(folder) == {"weights.pth"}


def test_cut_connections_go_on_where_they_ended(server: FileServer, tmp_path: Path) -> None:
    """Nothing that has arrived is asked for again, however often the connection breaks."""
    server.cuts = [1000, 500, 1, 3000, 1]
    path = fetch(_download(server), tmp_path, patience=_EAGER)
    assert path.read_bytes() == _BODY
    starts = [1000, 1500, 1501, 4501, 4502]
    assert [None, *(f"bytes={start}-" for start in starts)] == server.asked


def test_a_later_process_goes_on(server: FileServer, tmp_path: Path) -> None:
    """A later download continues a failed one."""
    server.cuts = [4000, 0, 0, 0]
    with pytest.raises(FetchFailed, match="received 4000 of 10240 bytes: try again"):
        fetch(_download(server), tmp_path, patience=_EAGER)
    assert _names(tmp_path) == {"weights.pth.part"}
    assert fetch(_download(server), tmp_path, patience=_EAGER).read_bytes() == _BODY
    assert server.asked[-1] == "bytes=4000-"


def test_servers_without_ranges_start_again(server: FileServer, tmp_path: Path) -> None:
    """A server that only sends whole files is asked for the whole, and no byte is written twice."""
    server.ranges = False
    server.cuts = [4000, 6000]
    assert fetch(_download(server), tmp_path, patience=_EAGER).read_bytes() == _BODY
    assert server.asked == [None, "bytes=4000-", "bytes=6000-"]


def test_other_files_are_refused_and_removed(server: FileServer, tmp_path: Path) -> None:
    """A file with another digest never gets the name, and nothing of it is left."""
    server.body = _BODY[:-1] + b"?"
    found = hashlib.sha256(server.body).hexdigest()
    with pytest.raises(FetchFailed, match=f"has SHA-256 {found}"):
        fetch(_download(server), tmp_path, patience=_EAGER)
    assert _names(tmp_path) == set()


def test_files_without_an_end_are_refused(server: FileServer, tmp_path: Path) -> None:
    """A download never exceeds the size of the file."""
    server.body = _BODY * 1000
    told: list[int] = []
    with pytest.raises(FetchFailed, match="larger than 10240 bytes"):
        fetch(_download(server), tmp_path, patience=_EAGER, report=told.append)
    assert max(told) < 2 * len(_BODY) + (1 << 16)


def test_a_wrong_file_in_the_cache_is_replaced(server: FileServer, tmp_path: Path) -> None:
    """A damaged file in the cache is fetched anew."""
    (tmp_path / "weights.pth").write_bytes(b"damaged")
    assert fetch(_download(server), tmp_path, patience=_EAGER).read_bytes() == _BODY


def test_overloaded_servers_are_asked_again(server: FileServer, tmp_path: Path) -> None:
    """An answer that may be different next time is not the last one."""
    server.statuses = [503, 429]
    assert fetch(_download(server), tmp_path, patience=_EAGER).read_bytes() == _BODY


def test_clear_answers_are_final(server: FileServer, tmp_path: Path) -> None:
    """A server that does not have the file is asked once."""
    server.statuses = [404]
    with pytest.raises(FetchFailed, match=r"weights\.pth: the server answered 404"):
        fetch(_download(server), tmp_path, patience=_EAGER)
    assert len(server.asked) == 1


def test_silent_servers_are_given_up(server: FileServer, tmp_path: Path) -> None:
    """A server that says nothing does not keep anybody waiting."""
    server.stall = True
    patience = dataclasses.replace(_EAGER, timeout_s=0.05)
    with pytest.raises(FetchFailed, match="timed out; received 0 of 10240 bytes"):
        fetch(_download(server), tmp_path, patience=patience)
    assert len(server.asked) == 3


def test_no_download_takes_for_ever(server: FileServer, tmp_path: Path) -> None:
    """A server that sends a byte at a time is abandoned at the timeout."""
    server.cuts = [1] * 100
    with pytest.raises(FetchFailed, match="try again"):
        fetch(_download(server), tmp_path, patience=dataclasses.replace(_EAGER, total_s=0))


def test_servers_that_are_not_there_are_named(tmp_path: Path) -> None:
    """A failed connection reports address and reason."""
    with file_server(b"") as server:
        gone = Download(server.url, "0" * 64, 5)
    with pytest.raises(FetchFailed, match=r"weights\.pth: no connection: .*refused"):
        fetch(gone, tmp_path, patience=_EAGER)


@pytest.mark.parametrize("location", ["http://192.0.2.1/x", "ftp://127.0.0.1/x", "file:///etc"])
def test_redirections_have_to_be_safe(location: str, server: FileServer, tmp_path: Path) -> None:
    """Unencrypted downloads are refused."""
    server.location = location
    with pytest.raises(FetchFailed, match=r"is not encrypted|the server answered 302"):
        fetch(_download(server), tmp_path, patience=_EAGER)


def test_redirections_are_followed(server: FileServer, tmp_path: Path) -> None:
    """A file may lie elsewhere than its address says, as those of releases do."""
    with file_server(b"") as first:
        first.location = server.url
        moved = dataclasses.replace(_download(server), url=first.url)
        assert fetch(moved, tmp_path, patience=_EAGER).read_bytes() == _BODY


@pytest.mark.parametrize("url", ["http://example.com/x", "file:///etc/passwd", "x.pth", "//a/b"])
def test_addresses_have_to_be_safe(url: str) -> None:
    """Only https is asked, and http on this machine."""
    with pytest.raises(Refused, match="is not encrypted; use https"):
        check(url)
    check("https://example.com/x")
    check("http://[::1]:80/x")


def test_all_releases_are_asked_over_https() -> None:
    """Every card with weights has a safe address, a whole digest and a size."""
    for card in CATALOG:
        if card.download is not None:
            check(card.download.url)
            assert len(bytes.fromhex(card.download.sha256)) * 2 == 64
            assert 0 < card.download.size < 100_000_000


def test_two_processes_fetch_once(server: FileServer, tmp_path: Path) -> None:
    """Of two processes that want the same file, one waits and finds it."""
    program = (
        "import sys; from pathlib import Path; "
        "from slimgate.models.registry.fetch import Download, fetch; "
        "print(fetch(Download(*sys.argv[1:3], int(sys.argv[3])), Path(sys.argv[4])))"
    )
    wanted = _download(server)
    command = [sys.executable, "-c", program, wanted.url, wanted.sha256, str(wanted.size)]
    processes = [
        subprocess.Popen([*command, str(tmp_path)], stdout=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    outputs = {process.communicate(timeout=60)[0] for process in processes}
    assert outputs == {f"{tmp_path / 'weights.pth'}\n"}
    assert server.asked == [None]


def test_folders_that_cannot_be_written_are_named(server: FileServer, tmp_path: Path) -> None:
    """A cache folder that cannot be created reports the system's reason."""
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(FetchFailed, match=r"weights\.pth cannot be written: (Not a dir|File ex)"):
        fetch(_download(server), tmp_path / "file", patience=_EAGER)


def test_files_are_found_without_a_connection(server: FileServer, tmp_path: Path) -> None:
    """A folder with the right file suffices; a missing or wrong one is reported and not deleted."""
    wanted = _download(server)
    path = tmp_path / "weights.pth"
    with pytest.raises(FetchFailed, match=f"is missing; download {wanted.url}"):
        find(wanted, tmp_path)
    path.write_bytes(b"other")
    with pytest.raises(FetchFailed, match="differs from"):
        find(wanted, tmp_path)
    assert path.read_bytes() == b"other"
    path.write_bytes(_BODY)
    assert path == find(wanted, tmp_path)
    assert server.asked == []


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ({"XDG_CACHE_HOME": "/b"}, Path("/b/slimgate")),
        ({"XDG_CACHE_HOME": "relative"}, Path.home() / ".cache/slimgate"),
        ({"XDG_CACHE_HOME": ""}, Path.home() / ".cache/slimgate"),
    ],
)
def test_the_cache_is_where_it_should_be(environ: dict[str, str], expected: Path) -> None:
    """The cache follows the variable of the desktop, then the home folder."""
    assert cache_folder(environ) == expected
