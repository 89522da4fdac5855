"""Find the manifest in what tools write down of an object's metadata.

rclone copies metadata as extended attributes, and lists it as JSON; aws-cli and mc print JSON. All
of them name the same key, some with the prefix of the header.
"""

import errno
import json
import os
from collections.abc import Mapping
from typing import Final, NamedTuple

from slimgate.codec.manifest import BrokenManifest, loads
from slimgate.gateway.s3.headers import MANIFEST

MAX_BYTES: Final = 64 << 10
"""Maximum size of what describes one object, bytes: S3 allows 2 KB of user metadata."""

_KEYS: Final = frozenset({MANIFEST, MANIFEST.removeprefix("x-amz-meta-")})
_SECTIONS: Final = frozenset({"metadata", "usermetadata"})
_PRINTED_BY_AWS: Final = frozenset({"ContentLength", "ETag", "Metadata"})
_ATTRIBUTE: Final = f"user.{MANIFEST.removeprefix('x-amz-meta-')}"
_NONE: Final = frozenset({errno.ENODATA, errno.EOPNOTSUPP})


def of_attributes(file: int) -> str | None:
    """Return the manifest in a file's extended attributes; None: there is none.

    Args:
        file: File descriptor.

    Raises:
        OSError: They cannot be read.
    """
    try:
        return os.getxattr(file, _ATTRIBUTE).decode("ascii", "replace")
    except OSError as error:
        if error.errno in _NONE:
            return None
        raise


class Description(NamedTuple):
    """What a JSON document says of an object.

    Attributes:
        note: Text of its manifest; None: it has none.
    """

    note: str | None


def of_json(text: str) -> Description | None:
    """Read a JSON document that describes an object, or is its manifest; None: it does neither."""
    try:
        described = json.loads(text)
    except (ValueError, RecursionError):
        return None
    if not isinstance(described, dict):
        return None
    note = of_mapping(described) or (text.strip() if _is_manifest(text.strip()) else None)
    # Other documents are files of their own, even beside an image of that name.
    return Description(note) if note is not None or described.keys() >= _PRINTED_BY_AWS else None


def of_mapping(described: Mapping[str, object]) -> str | None:
    """Return the manifest in a description of an object; None: there is none."""
    sections = [each for name, each in described.items() if name.lower() in _SECTIONS]
    for section in (described, *sections):
        for name, value in section.items() if isinstance(section, Mapping) else ():
            if name.lower() in _KEYS and isinstance(value, str):
                return value
    return None


def _is_manifest(text: str) -> bool:
    try:
        loads(text)
    except BrokenManifest:
        return False
    return True
