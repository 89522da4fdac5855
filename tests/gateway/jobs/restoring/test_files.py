import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from slimgate.gateway.jobs.restoring import files
from slimgate.gateway.jobs.restoring.folder import Folder, UnsafeName


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Folder]:
    """Open the folder."""
    opened = Folder(tmp_path)
    yield opened
    opened.close()


def _described(note: str) -> str:
    return json.dumps({"Metadata": {"slimgate": note}})


def _found(folder: Folder, path: Path) -> dict[str, tuple[str | None, bool]]:
    found = {}
    for item in files.of_folder(folder, path):
        opened = item.open()
        found[item.name] = opened.note, opened.is_certain
        opened.close()
    return found


def test_metadata_beside_files(folder: Folder, tmp_path: Path) -> None:
    """It is itself no file to restore, and what it says is certain; other JSON files are files."""
    (tmp_path / "a").mkdir()
    for name in ("a/1.jpg", "a/1.jpg.txt", "2.jpg", "3.jpg"):
        (tmp_path / name).write_bytes(b"x")
    (tmp_path / "a/1.jpg.json").write_text(_described("one"))
    (tmp_path / "2.jpg.json").write_text('{"ContentLength": 1, "ETag": "", "Metadata": {}}')
    (tmp_path / "3.jpg.json").write_text('{"title": "my own"}')
    (tmp_path / "4.jpg.json").write_text(_described("of no file"))
    assert _found(folder, tmp_path) == {
        "2.jpg": (None, True), "3.jpg": (None, False), "3.jpg.json": (None, False),
        "4.jpg.json": (None, False), "a/1.jpg": ("one", True), "a/1.jpg.txt": (None, False),
    }  # fmt: skip


def test_metadata_in_attributes(folder: Folder, tmp_path: Path) -> None:
    """Extended attributes count before files beside."""
    (tmp_path / "1.jpg").write_bytes(b"x")
    (tmp_path / "1.jpg.json").write_text(_described("beside"))
    try:
        os.setxattr(tmp_path / "1.jpg", "user.slimgate", b"attribute")
    except OSError as error:
        pytest.skip(f"this file system has no extended attributes: {error}")
    assert _found(folder, tmp_path) == {"1.jpg": ("attribute", False)}


def test_links_are_seen_but_not_followed(folder: Folder, tmp_path: Path) -> None:
    """A linked file or folder is an item that cannot be opened."""
    (tmp_path / "file").symlink_to("/etc/passwd")
    (tmp_path / "folder").symlink_to("/etc")
    found = list(files.of_folder(folder, tmp_path))
    assert [item.name for item in found] == ["file", "folder"]
    for item in found:
        with pytest.raises(OSError, match="symbolic link"):
            item.open()


def test_a_list_of_metadata(folder: Folder, tmp_path: Path) -> None:
    """Files are found by their paths, whatever lies beside them; folders are passed over."""
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "1.jpg").write_bytes(b"one")
    (tmp_path / "list").write_text(
        '[\n{"Path":"a","IsDir":true,"Metadata":{}},\n'
        '{"Path":"a/1.jpg","IsDir":false,"Metadata":{"slimgate":"one"}},\n'
        '{"Path":"../2.jpg","IsDir":false,"Metadata":{"slimgate":"two"}}\n]\n'
    )
    first, second = files.of_list(folder, tmp_path / "list")
    opened = first.open()
    assert (first.name, opened.note, opened.is_certain, opened.size) == ("a/1.jpg", "one", True, 3)
    opened.close()
    with pytest.raises(UnsafeName):
        second.open()


@pytest.mark.parametrize("line", ["x", "1", '{"Metadata": {}}', '{"Path": 1}', '"' + "x" * 70_000])
def test_other_lists(folder: Folder, tmp_path: Path, line: str) -> None:
    """The first line that names no file ends the list, with its number."""
    (tmp_path / "list").write_text(f'{{"Path": "a"}}\n{line}\n')
    found = files.of_list(folder, tmp_path / "list")
    assert next(found).name == "a"
    with pytest.raises(files.BadList, match="line 2"):
        next(found)
