"""Objects as the rows of an S3 Inventory describe them; columns may be missing."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, NamedTuple

from slimgate.gateway.jobs.plan.source import Found, Skipped, check_key
from slimgate.gateway.jobs.state.shards import MAX_SIZE, Row

USED: Final = (
    "bucket", "key", "version_id", "is_latest", "is_delete_marker", "size", "last_modified_date",
    "e_tag",
)  # fmt: skip
"""Columns that planning uses, in the order of :class:`Values`."""

_NULL_VERSION: Final = "null"
_MAX_ID: Final = 1024
_MAX_ETAG: Final = 256


class Values(NamedTuple):
    """The values of a row; missing columns have their defaults."""

    bucket: str
    key: str | None
    version_id: str | None = None
    is_latest: bool | None = True
    is_delete_marker: bool | None = False
    size: int | None = None
    modified: datetime | None = None
    etag: str | None = None


@dataclass(frozen=True, slots=True)
class RowReader:
    """Turn values into objects.

    Attributes:
        bucket: Bucket of the job.
        versions: Whether to take old versions, too.
    """

    bucket: str
    versions: bool

    def found(self, values: Values) -> Found:
        """Return the object of a row.

        Raises:
            ValueError: A value is out of its bounds.
        """
        if values.size is not None and not 0 <= values.size <= MAX_SIZE:
            raise ValueError("the size is out of bounds")
        if len(values.version_id or "") > _MAX_ID or len(values.etag or "") > _MAX_ETAG:
            raise ValueError("the version or the ETag is too long")
        version = (values.version_id or _NULL_VERSION) if self.versions else None
        row = Row(check_key(values.key), values.size, values.etag or None, values.modified, version)
        return Found(row, self._skips(values), self.versions and values.is_latest is True)

    def _skips(self, values: Values) -> Skipped | None:
        if values.bucket != self.bucket:
            return Skipped.OTHER_BUCKET
        if values.is_delete_marker:
            return Skipped.DELETE_MARKER
        if not self.versions and values.is_latest is False:
            return Skipped.OLD_VERSION
        return None


def utc(time: datetime) -> datetime:
    """Return an aware time; one without a zone is UTC."""
    return time if time.tzinfo else time.replace(tzinfo=UTC)
