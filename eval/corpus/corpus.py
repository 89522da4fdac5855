"""The images of a report: from a folder, a CSV file, or a bucket.

A corpus is a list of names with sizes; images are read only when measured.
"""

import csv
import os
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import Final

from slimgate.eval.compare import rows

MAX_IMAGES: Final = 1_000_000
"""Maximum size of a corpus; the whole list is in memory for sampling."""

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
        name: unique name within the corpus.
        kind: class; empty if none.
        bytes: file size; 0 if unknown.
        location: path of the file, or key of the object.
    """

    name: str
    kind: str
    bytes: int
    location: str


def read(location: str) -> list[Item]:
    """List the images of a folder, whose subfolders are classes, or of a CSV file.

    Args:
        location: a folder, or a CSV file with the column ``path`` and an optional column ``class``;
            paths are relative to the folder of the CSV file.

    Raises:
        BadCorpus: the location does not exist, or has no images.
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
        raise BadCorpus(f"{location} contains no images (files ending in {endings})")
    return items


def is_image(name: str) -> bool:
    """Return whether a name may be an image: has an image suffix or none, as keys often do."""
    path = PurePosixPath(name)
    return path.suffix.lower() in _SUFFIXES or (not path.suffix and path.name[:1] != ".")


def only(items: Sequence[Item], kinds: Sequence[str]) -> list[Item]:
    """Return the images of some classes; of all, if none is named.

    Raises:
        BadCorpus: a class does not exist.
    """
    known = {item.kind for item in items}
    unknown = sorted(set(kinds) - known)
    if unknown:
        there = ", ".join(sorted(filter(None, known))) or "no classes at all"
        raise BadCorpus(f"unknown class {', '.join(unknown)}; the corpus has {there}")
    return [item for item in items if not kinds or item.kind in kinds]


def described(location: str, items: Sequence[Item], taken: Iterable[Item]) -> rows.Corpus:
    """Return a summary of a corpus and its sample."""
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
                raise BadCorpus(f"{path}: the first line has no column 'path'")
            for entry in reader:
                name = entry["path"]
                if not name:
                    raise BadCorpus(f"{path}, line {reader.line_num}: the path is empty")
                if name in seen:
                    raise BadCorpus(f"{path}, line {reader.line_num}: {name} is a duplicate")
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
        return 0  # reported when the image is measured


def _check_count(location: str, count: int) -> None:
    if count > MAX_IMAGES:
        raise BadCorpus(f"{location} contains more than {MAX_IMAGES:,} images; choose a subset")


def _printable(name: str) -> str:
    """Return a name that can be encoded as UTF-8."""
    return name.encode("utf-8", "backslashreplace").decode()


def with_kinds(items: Iterable[Item], kind: str) -> list[Item]:
    """Return the images with the same class for all."""
    return [replace(item, kind=kind) for item in items]
