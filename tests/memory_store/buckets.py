"""What lies in the store in memory: buckets, objects with all their versions, uploads in parts."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime

from multidict import CIMultiDict

from tests.memory_store.answers import Failure

ALL_USERS = "http://acs.amazonaws.com/groups/global/AllUsers"

Grants = list[tuple[str, str]]
"""Permissions and grantees; a grantee is a user's name or a URI."""


@dataclass(slots=True)
class Version:
    """One version of an object, or a delete marker."""

    data: bytes = b""
    etag: str = ""
    headers: CIMultiDict[str] = field(default_factory=CIMultiDict)
    tags: list[tuple[str, str]] = field(default_factory=list)
    grants: Grants = field(default_factory=list)
    version_id: str = "null"
    modified: datetime = field(default_factory=lambda: datetime.now(UTC).replace(microsecond=0))
    is_marker: bool = False


@dataclass(slots=True)
class MultipartUpload:
    """An upload in parts; ``about`` is the object that it will become."""

    key: str
    about: Version
    parts: dict[int, bytes] = field(default_factory=dict)

    def whole(self, numbers: list[int]) -> Version:
        """Return what the upload becomes."""
        if not numbers or not set(numbers) <= self.parts.keys():
            raise Failure(400, "InvalidPart")
        digests = b"".join(md5(self.parts[number]).digest() for number in numbers)
        self.about.data = b"".join(self.parts[number] for number in numbers)
        self.about.etag = f"{md5(digests).hexdigest()}-{len(numbers)}"
        return self.about


@dataclass(slots=True)
class Bucket:
    """A bucket; the versions of each key are sorted, the oldest first."""

    owner: str
    is_versioned: bool = False
    retention: str = ""
    keys: dict[str, list[Version]] = field(default_factory=dict)
    uploads: dict[str, MultipartUpload] = field(default_factory=dict)
    clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    _count: int = 0

    def next_id(self) -> str:
        """Return an id that was not used before."""
        self._count += 1
        return f"{self._count:08x}"

    def current(self, key: str) -> Version | None:
        """Return the current version; None when there is none, or a marker."""
        versions = self.keys.get(key)
        return None if not versions or versions[-1].is_marker else versions[-1]

    def find(self, key: str, version_id: str | None) -> Version:
        """Return a version.

        Raises:
            Failure: There is none.
        """
        if version_id is None:
            found = self.current(key)
            if found is None:
                raise Failure(404, "NoSuchKey")
            return found
        for version in self.keys.get(key, []):
            if version.version_id == version_id:
                if version.is_marker:
                    raise Failure(405, "MethodNotAllowed")
                return version
        raise Failure(404, "NoSuchVersion")

    def add(self, key: str, version: Version) -> None:
        """Make a version the current one."""
        version.modified = self.clock().replace(microsecond=0)
        if self.is_versioned:
            version.version_id = self.next_id()
            self.keys.setdefault(key, []).append(version)
        else:
            self.keys[key] = [v for v in self.keys.get(key, []) if v.version_id != "null"]
            self.keys[key].append(version)

    def remove(self, key: str, version_id: str | None) -> Version | None:
        """Remove a version, or put a marker in front; return the marker."""
        if version_id is None and self.is_versioned:
            marker = Version(is_marker=True)
            self.add(key, marker)
            return marker
        wanted = version_id or "null"
        left = [v for v in self.keys.get(key, []) if v.version_id != wanted]
        if left:
            self.keys[key] = left
        else:
            self.keys.pop(key, None)
        return None


def md5(data: bytes) -> "hashlib._Hash":
    """Digest data as ETags do."""
    return hashlib.md5(data, usedforsecurity=False)
