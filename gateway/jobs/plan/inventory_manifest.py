"""The manifest of an S3 Inventory: ``manifest.json``, and its digest in ``manifest.checksum``.

Format: S3 user guide, "Locating your inventory list".
"""

import hashlib
import re
from typing import Annotated, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from slimgate.gateway.jobs.address import Place
from slimgate.gateway.jobs.plan.download import downloaded
from slimgate.gateway.jobs.plan.source import BadSource
from slimgate.gateway.s3.routing import MAX_KEY_BYTES
from slimgate.gateway.storage.object_client import ObjectClient

_MAX_MANIFEST_BYTES: Final = 32 << 20
_MAX_CHECKSUM_BYTES: Final = 1 << 10
_MAX_FILES: Final = 100_000
_MAX_FILE_BYTES: Final = 16 << 30
_MAX_COLUMNS: Final = 64
_NAME: Final = "manifest.json"
_PARQUET_FIELD: Final = re.compile(r"(?:required|optional)\s+\w+\s+(\w+)")


class _Loose(BaseModel):
    """Part of the manifest; what S3 adds later is ignored."""

    model_config = ConfigDict(frozen=True, strict=True, hide_input_in_errors=True)


class DataFile(_Loose):
    """A file of an inventory.

    Attributes:
        key: Key in the bucket of the manifest.
        size: Size, bytes.
        md5: MD5, hexadecimal.
    """

    key: str = Field(min_length=1, max_length=MAX_KEY_BYTES)
    size: int = Field(ge=0, le=_MAX_FILE_BYTES)
    md5: Annotated[str, Field(pattern=r"^[0-9a-f]{32}$")] = Field(alias="MD5checksum")


class InventoryManifest(_Loose):
    """What an inventory consists of.

    Attributes:
        bucket: Bucket that is described.
        format: Format of the data files.
        schema_text: Their columns, in order.
        files: The data files.
    """

    bucket: str = Field(alias="sourceBucket")
    format: Literal["CSV", "Parquet", "ORC"] = Field(alias="fileFormat")
    schema_text: str = Field(alias="fileSchema", max_length=1 << 16)
    files: list[DataFile] = Field(max_length=_MAX_FILES)

    @property
    def columns(self) -> list[str]:
        """Return the names of the columns as Parquet spells them: ``last_modified_date``."""
        if self.format == "Parquet":
            return _PARQUET_FIELD.findall(self.schema_text)
        names = (name.strip() for name in self.schema_text.split(","))
        return [re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=E)(?=Tag)", "_", n).lower() for n in names]


async def read_manifest(
    client: ObjectClient, place: Place, bucket: str
) -> tuple[InventoryManifest, str]:
    """Read a manifest; return it and its SHA-256.

    Args:
        client: Client of the store.
        place: Bucket and key of ``manifest.json``.
        bucket: Bucket that it must describe.

    Raises:
        BadSource: It is damaged, describes another bucket, or cannot be used.
        Denied, S3Error: The store does not permit reading it, or does not respond.
    """
    if place.key.rpartition("/")[2] != _NAME:
        raise BadSource(f"{place} is not the {_NAME} of an S3 Inventory")
    async with downloaded(client, place, _MAX_MANIFEST_BYTES) as found:
        data = found.file.read()
    checksum = Place(place.bucket, f"{place.key.removesuffix(_NAME)}manifest.checksum")
    async with downloaded(client, checksum, _MAX_CHECKSUM_BYTES) as found:
        expected = found.file.read().strip().lower()
    if hashlib.md5(data, usedforsecurity=False).hexdigest().encode() != expected:
        raise BadSource(f"{place} does not match {checksum}: it is damaged, or being replaced")
    manifest = _parsed(data, place)
    _check(manifest, place, bucket)
    return manifest, hashlib.sha256(data).hexdigest()


def _parsed(data: bytes, place: Place) -> InventoryManifest:
    try:
        return InventoryManifest.model_validate_json(data)
    except ValidationError as error:
        raise BadSource(f"{place} is not the manifest of an S3 Inventory: {error}") from error


def _check(manifest: InventoryManifest, place: Place, bucket: str) -> None:
    if manifest.bucket != bucket:
        raise BadSource(f"{place} describes s3://{manifest.bucket}, not s3://{bucket}")
    if manifest.format == "ORC":
        raise BadSource(f"{place} lists ORC files: configure the inventory as Parquet or CSV")
    columns = manifest.columns
    if len(columns) > _MAX_COLUMNS or len({*columns}) != len(columns):
        raise BadSource(f"{place} has repeated columns, or more than {_MAX_COLUMNS}")
    if not {"bucket", "key"} <= {*columns}:
        raise BadSource(f"{place} has no columns for bucket and key")
    if "version_id" in columns and "is_latest" not in columns:
        raise BadSource(f"{place} lists versions, but not which is the current one: add IsLatest")
