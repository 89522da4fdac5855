"""Which images a report is about: those of a folder, of a CSV file, or of a bucket.

A corpus is a list of names with sizes; nothing is read before an image is measured.
"""

import csv
import os
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import Final

from eval.compare import rows

MAX_IMAGES: Final = 1_000_000
"""Longest corpus; a sample of it is taken from a list in memory."""

_SUFFIXES: Final = frozenset(
    {
        *(".avif", ".bmp", ".gif", ".heic", ".heif", ".jfif", ".jpe", ".jpeg", ".jpg"),
        *(".jxl", ".png", ".tif", ".tiff", ".webp"),
    }
)


class BadCorpus(ValueError):
    """There is nothing to measure; the message says why, and what to do."""


@dataclass(frozen=True, slots=True)
class Item:
    """One image of a corpus.

    Attributes:
        name: Unique within the corpus.
        kind: Its class; empty when there is none.
        bytes: Of the file; 0 when it cannot be looked at.
        location: Path of the file, or key of the object.
    """

    name: str
    kind: str
    bytes: int
    location: str


def read(location: str) -> list[Item]:
    """List the images of a folder, whose subfolders are classes, or of a CSV file.

    Args:
        location: A folder, or a file with a column ``path`` and maybe a column ``class``; paths are
            relative to the file's own folder.

    Raises:
        BadCorpus: There is none, or no image in it.
    """
    path = Path(location)
    try:
        if path.is_dir():
            items = list(_folder(path))
        elif path.is_file():
            items = list(_table(path))
        else:
            raise BadCorpus(
                f"{location} does not exist; name a folder of images, a CSV file with a column "
                "'path', or s3://bucket/prefix"
            )
    except OSError as error:
        raise BadCorpus(f"{error.filename or location}: {error.strerror}") from error
    if not items:
        endings = ", ".join(sorted(_SUFFIXES))
        raise BadCorpus(f"{location} holds no images (files that end in {endings})")
    return items


def is_image(name: str) -> bool:
    """Return whether a name promises an image, or nothing at all: keys often have no ending."""
    path = PurePosixPath(name)
    return path.suffix.lower() in _SUFFIXES or (not path.suffix and path.name[:1] != ".")


def only(items: Sequence[Item], kinds: Sequence[str]) -> list[Item]:
    """Take the images of some classes; of all, when none is named.

    Raises:
        BadCorpus: There is no class of such a name.
    """
    known = {item.kind for item in items}
    unknown = sorted(set(kinds) - known)
    if unknown:
        there = ", ".join(sorted(filter(None, known))) or "no classes at all"
        raise BadCorpus(f"no class is called {', '.join(unknown)}; there are {there}")
    return [item for item in items if not kinds or item.kind in kinds]


def described(location: str, items: Sequence[Item], taken: Iterable[Item]) -> rows.Corpus:
    """Say what a corpus has, and what was taken of it."""
    classes = Counter(item.kind for item in taken)
    return rows.Corpus(
        location=location,
        images=len(items),
        taken=classes.total(),
        classes=dict(sorted(classes.items())),
        bytes=sum(item.bytes for item in items),
    )


def _folder(root: Path) -> Iterator[Item]:
    count = 0
    for folder, folders, files in os.walk(root):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for file in sorted(files):
            path = Path(folder, file)
            if not is_image(path.name) or path.name.startswith(".") or not path.is_file():
                continue
            count += 1
            _check_count(str(root), count)
            parts = path.relative_to(root).parts
            kind = parts[0] if len(parts) > 1 else ""
            yield Item(_printable("/".join(parts)), _printable(kind), _size(path), str(path))


def _table(path: Path) -> Iterator[Item]:
    seen: set[str] = set()
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file, strict=True)
            if "path" not in (reader.fieldnames or ()):
                raise BadCorpus(f"{path}: the first line names no column 'path'")
            for entry in reader:
                name = entry["path"]
                if not name:
                    raise BadCorpus(f"{path}, line {reader.line_num}: the path is empty")
                if name in seen:
                    raise BadCorpus(f"{path}, line {reader.line_num}: {name} is there twice")
                seen.add(name)
                _check_count(str(path), len(seen))
                file_path = path.parent / name
                kind = (entry.get("class") or "").strip()
                yield Item(_printable(name), _printable(kind), _size(file_path), str(file_path))
    except (UnicodeDecodeError, csv.Error) as error:
        raise BadCorpus(f"{path} is neither a folder nor a CSV file in UTF-8: {error}") from error


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except (OSError, ValueError):
        return 0  # that it cannot be read is said when it is to be measured


def _check_count(location: str, count: int) -> None:
    if count > MAX_IMAGES:
        raise BadCorpus(f"{location} holds more than {MAX_IMAGES:,} images; take a part of it")


def _printable(name: str) -> str:
    """Make a name that can be written as UTF-8 of one that is not."""
    return name.encode("utf-8", "backslashreplace").decode()


def with_kinds(items: Iterable[Item], kind: str) -> list[Item]:
    """Forget classes: all images get the same one."""
    return [replace(item, kind=kind) for item in items]
