"""Drive minio-py, MinIO's own client for Python."""

from typing import Any
from urllib.parse import urlsplit

from minio import Minio  # type: ignore[import-not-found]  # lives in .venv-clients
from minio.commonconfig import (  # type: ignore[import-not-found]  # lives in .venv-clients
    REPLACE,
    CopySource,
)

from tests.clients.drivers.loop import serve, server


class _Store:
    def __init__(self, endpoint: str, access: str, secret: str) -> None:
        self._client = Minio(
            urlsplit(endpoint).netloc, access, secret, secure=False, region="us-east-1"
        )

    def put(self, file: str, bucket: str, key: str) -> str:
        """Upload; above 5 MiB in parts, four at a time."""
        result = self._client.fput_object(
            bucket, key, file, content_type="image/jpeg", part_size=5 << 20, num_parallel_uploads=4
        )
        return str(result.etag)

    def get(self, bucket: str, key: str, file: str) -> None:
        """Download; the client compares size and ETag before it renames the file."""
        self._client.fget_object(bucket, key, file)

    def read(self, bucket: str, key: str, start: int, stop: int) -> bytes:
        """Read a range."""
        response = self._client.get_object(bucket, key, offset=start, length=stop - start)
        try:
            return bytes(response.read())
        finally:
            response.close()
            response.release_conn()

    def sizes(self, bucket: str) -> dict[str, int]:
        """List."""
        return {o.object_name: o.size for o in self._client.list_objects(bucket, recursive=True)}

    def copy(self, bucket: str, source: str, target: str) -> None:
        """Copy in the server."""
        self._client.copy_object(bucket, target, CopySource(bucket, source))

    def replace_metadata(self, bucket: str, key: str, metadata: dict[str, str]) -> None:
        """Copy an object onto itself with new metadata."""
        self._client.copy_object(
            bucket, key, CopySource(bucket, key), metadata=metadata, metadata_directive=REPLACE
        )

    def stat(self, bucket: str, key: str) -> dict[str, Any]:
        """Look at an object."""
        found = self._client.stat_object(bucket, key)
        return {
            "size": found.size,
            "etag": found.etag,
            "type": found.content_type,
            "metadata": {k.lower(): v for k, v in found.metadata.items()},
        }

    def delete(self, bucket: str, key: str) -> None:
        """Delete."""
        self._client.remove_object(bucket, key)


if __name__ == "__main__":
    serve(_Store(*server()))
