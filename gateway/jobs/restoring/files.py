"""Renditions in files, with their metadata beside them."""

import json
import os
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import BinaryIO, Final

from slimgate.gateway.jobs.restoring import notes
from slimgate.gateway.jobs.restoring.folder import Folder, UnsafeName
from slimgate.gateway.jobs.restoring.item import Item, Opened
from slimgate.gateway.jobs.restoring.notes import Description

_JSON: Final = ".json"


class BadList(ValueError):
    """A list of metadata cannot be read; the message says why."""


def of_file(folder: Folder, name: str) -> Iterator[Item]:
    """Yield the one item of a file.

    Args:
        folder: The folder that it is in; stays open while items are.
        name: Its name there.
    """
    yield _item(folder, name)


def of_folder(folder: Folder, path: Path) -> Iterator[Item]:
    """Yield all files below a folder but those that hold the metadata of others.

    Args:
        folder: The folder; stays open while items are.
        path: Its path.

    Raises:
        OSError: It, or a folder below it, cannot be read.
    """
    for name in _walk(path):
        if not (name.endswith(_JSON) and _describes_another(folder, name)):
            yield _item(folder, name)


def of_list(folder: Folder, listing: Path) -> Iterator[Item]:
    """Yield the files below a folder that a list of metadata names.

    Args:
        folder: The folder; stays open while items are.
        listing: One JSON object per line with a path below the folder and metadata, as
            ``rclone lsjson --metadata`` prints them. Only one line is in memory.

    Raises:
        BadList: A line is something else.
        OSError: The list cannot be read.
    """
    with listing.open("rb") as lines:
        for number, line in enumerate(_lines(lines), 1):
            described = _described(line, number)
            if described is not None:
                yield _listed(folder, described, number)


def _walk(path: Path) -> Iterator[str]:
    def stop(error: OSError) -> None:
        raise error

    for at, folders, names in os.walk(path, onerror=stop):
        folders.sort()
        below = PurePosixPath(os.path.relpath(at, path))
        links = (each for each in folders if os.path.islink(os.path.join(at, each)))  # noqa: PTH114, PTH118  # as os.walk
        for name in sorted([*names, *links]):
            yield str(below / name)


def _item(folder: Folder, name: str) -> Item:
    def open_() -> Opened:
        body = folder.open(name)
        try:
            note = notes.of_attributes(body.fileno())
            beside = None if note is not None else _beside(folder, name)
            if beside is not None:
                return _opened(body, beside.note, is_certain=True)
            return _opened(body, note, is_certain=False)
        except OSError:
            body.close()
            raise

    return Item(name, open_)


def _listed(folder: Folder, described: dict[str, object], number: int) -> Item:
    name = described.get("Path") or described.get("key") or described.get("Key")
    if not isinstance(name, str):
        raise BadList(f"line {number} of the list names no path")
    note = notes.of_mapping(described)
    return Item(name, lambda: _opened(folder.open(name), note, is_certain=True))


def _opened(body: BinaryIO, note: str | None, *, is_certain: bool) -> Opened:
    found = os.fstat(body.fileno())
    return Opened(note, is_certain, found.st_size, found.st_mtime, body)


def _beside(folder: Folder, name: str) -> Description | None:
    """Return what ``photo.jpg.json`` says of ``photo.jpg``; None: it is no such file."""
    try:
        with folder.open(f"{name}{_JSON}") as file:
            text = file.read(notes.MAX_BYTES + 1)
    except (FileNotFoundError, UnsafeName):
        return None
    return None if len(text) > notes.MAX_BYTES else notes.of_json(text.decode("utf-8", "replace"))


def _describes_another(folder: Folder, name: str) -> bool:
    """Return whether a JSON file is about another file, which is there."""
    other = name.removesuffix(_JSON)
    try:
        folder.open(other).close()
        return _beside(folder, other) is not None
    except (OSError, UnsafeName):
        return False


def _lines(file: BinaryIO) -> Iterator[bytes]:
    while line := file.readline(notes.MAX_BYTES + 1):
        yield line


def _described(line: bytes, number: int) -> dict[str, object] | None:
    """Parse a line; None: it begins or ends the list, or describes a folder."""
    text = line.strip().removesuffix(b",").lstrip(b"[").removesuffix(b"]").strip()
    if not text:
        return None
    try:
        found = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise BadList(
            f"line {number} of the list is not a JSON object: use rclone lsjson --metadata"
        ) from error
    if not isinstance(found, dict):
        raise BadList(f"line {number} of the list is not a JSON object")
    return None if found.get("IsDir") else found
