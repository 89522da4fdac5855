import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from slimgate.gateway.jobs.restoring.folder import Folder, UnsafeName


@pytest.fixture
def outside(tmp_path: Path) -> Path:
    """Return a folder that no name may lead to, with a file."""
    folder = tmp_path / "outside"
    folder.mkdir()
    (folder / "secret").write_bytes(b"secret")
    return folder


@pytest.fixture
def inside(tmp_path: Path) -> Path:
    """Return the folder that is written to."""
    folder = tmp_path / "inside"
    folder.mkdir()
    return folder


@pytest.fixture
def folder(inside: Path) -> Iterator[Folder]:
    """Open the folder."""
    opened = Folder(inside)
    yield opened
    opened.close()


def _write(folder: Folder, name: str, data: bytes = b"new", *, replace: bool = False) -> None:
    folder.write(name, iter([data]), modified=1_000_000_000.5, replace=replace)


_HOSTILE = ["", ".", "..", "../x", "a/../x", "/x", "a//b", "a/", "./a", "a\0b", "x" * 256]


@pytest.mark.parametrize("name", _HOSTILE)
@pytest.mark.parametrize("replace", [False, True])
def test_names_that_lead_elsewhere(
    folder: Folder, tmp_path: Path, name: str, replace: bool
) -> None:
    """They are refused for reading and writing, and nothing is made."""
    with pytest.raises(UnsafeName):
        folder.open(name)
    with pytest.raises(UnsafeName):
        _write(folder, name, replace=replace)
    assert [str(path) for path in tmp_path.rglob("*") if path.name != "inside"] == []


@pytest.mark.parametrize("name", ["a.jpg", "2025/é/b.jpg", "-rf", "a\\b", "\udcff.jpg", "x" * 255])
def test_any_other_name(folder: Folder, inside: Path, name: str) -> None:
    """It is written with its time, and read."""
    _write(folder, name)
    with folder.open(name) as file:
        assert file.read() == b"new"
    assert (inside / name).stat().st_mtime == 1_000_000_000.5


def test_files_are_replaced_only_on_demand(folder: Folder, inside: Path) -> None:
    """What is there stays, and no temporary file is left."""
    (inside / "a").write_bytes(b"old")
    with pytest.raises(FileExistsError):
        _write(folder, "a")
    assert (inside / "a").read_bytes() == b"old"
    _write(folder, "a", replace=True)
    assert (inside / "a").read_bytes() == b"new"
    assert [path.name for path in inside.iterdir()] == ["a"]


def test_what_breaks_off_leaves_nothing(folder: Folder, inside: Path) -> None:
    """A file is there in full or not at all."""

    def pieces() -> Iterator[bytes]:
        yield b"half"
        raise ConnectionError

    with pytest.raises(ConnectionError):
        folder.write("a", pieces(), modified=None, replace=True)
    assert list(inside.iterdir()) == []


def test_links_are_not_followed(folder: Folder, inside: Path, outside: Path) -> None:
    """Neither a linked folder nor a linked file is read or written through."""
    (inside / "folder").symlink_to(outside)
    (inside / "file").symlink_to(outside / "secret")
    for name in ("folder/secret", "file"):
        with pytest.raises(OSError, match=r"symbolic links|Not a directory"):
            folder.open(name)
    for name in ("folder/new", "file"):
        with pytest.raises(OSError, match=r"exists|symbolic links|Not a directory"):
            _write(folder, name)
    _write(folder, "file", replace=True)
    assert not (inside / "file").is_symlink()
    assert {path.name: path.read_bytes() for path in outside.iterdir()} == {"secret": b"secret"}


def test_only_regular_files_are_read(folder: Folder, inside: Path) -> None:
    """A pipe does not keep the reader waiting."""
    os.mkfifo(inside / "pipe")
    with pytest.raises(UnsafeName, match="regular"):
        folder.open("pipe")
